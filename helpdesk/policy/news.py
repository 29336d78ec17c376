"""What of several facts is still worth telling when the mail about them is made.

Facts about one ticket that one person is told of wait a minute, or as long as the mail server is away. By then some
are no longer so: a status went there and back, an assignment was taken back. Pure; the order of the facts is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from helpdesk.policy.audience_table import Kind, Recipient, Template
from helpdesk.policy.status import Status, customer_label


class Field(StrEnum):
    """What of a ticket changes and can change back."""

    STATUS = "status"
    PRIORITY = "priority"
    CATEGORY = "category"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Fact:
    """One event as one person is told of it. `field`, `before` and `after` for a change, `comment_id` for words,
    `trouble_id` is the event of something that did not leave. `kind` and `recipient`: by which switch, and as what."""

    template: Template
    actor_id: int | None = None
    field: Field | None = None
    before: str | None = None
    after: str | None = None
    comment_id: int | None = None
    kind: Kind | None = None
    recipient: Recipient | None = None
    trouble_id: int | None = None


LEADING = (
    Template.UNDELIVERED,
    Template.CLOSED,
    Template.RESOLVED,
    Template.CREATED,
    Template.ASSIGNED,
    Template.OVERDUE,
    Template.COMMENT,
    Template.UPDATED,
    Template.STATUS,
)


def still_news(
    facts: Sequence[Fact], now: Mapping[Field, str | None], *, is_customer: bool = False
) -> list[Fact]:
    """The facts without what is superseded; `now` is how the ticket stands.

    Changes of one field become one, at the place of the last, and none when they lead back or the field has moved on
    since (by an act of the reader himself, who needs not be told). Anything else is told once.
    """
    kept: list[Fact] = []
    for fact in facts:
        same = next((known for known in kept if _is_same(known, fact)), None)
        if same is None:
            kept.append(fact)
        elif fact.field is not None:
            kept.remove(same)
            kept.append(replace(fact, before=same.before))
    kept = [fact for fact in kept if fact.field is None or _is_true(fact, now, is_customer=is_customer)]
    is_created = any(fact.template is Template.CREATED for fact in kept)
    return [fact for fact in kept if not (is_created and fact.template is Template.ASSIGNED)]


def leading_fact(facts: Sequence[Fact]) -> Fact:
    """The fact a mail is named after: the weightiest; of several of one weight that which named the reader."""
    template = leading(facts)
    heads = [fact for fact in facts if fact.template is template]
    return next((fact for fact in heads if fact.kind is Kind.MENTION), heads[0])


def leading(facts: Sequence[Fact]) -> Template:
    """The template the mail is named after: the weightiest of its facts."""
    templates = {fact.template for fact in facts}
    if len(templates & {Template.STATUS, Template.UPDATED}) > 1:
        templates.remove(Template.STATUS)
    return next(template for template in LEADING if template in templates)


def _is_same(one: Fact, other: Fact) -> bool:
    if one.field is not None or other.field is not None:
        return one.field is other.field
    same = (one.template, one.comment_id, one.trouble_id)
    return same == (other.template, other.comment_id, other.trouble_id)


def _is_true(fact: Fact, now: Mapping[Field, str | None], *, is_customer: bool) -> bool:
    assert fact.field is not None
    if fact.after != now.get(fact.field):
        return False
    return _shown(fact, fact.before, is_customer) != _shown(fact, fact.after, is_customer)


def _shown(fact: Fact, value: str | None, is_customer: bool) -> str | None:
    if is_customer and fact.field is Field.STATUS and value:
        return customer_label(Status(value))
    return value
