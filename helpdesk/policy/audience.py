"""Which facts are told to whom, and by which template.

Pure: from a fact to notices. Whether a notice becomes a mail (limits on acknowledgements, switched-off notifications,
an agent who lost access meanwhile) is asked in `services/notices.py`. Three rules stand above the table:

1. Nobody is told of his own act. The acknowledgement alone answers the customer's own mail.
2. What is internal goes to the team only: a note, a forward, words that wait to be released, an overdue date.
3. One person gets one notice of one fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.policy.status import DONE, TEAM, CommentKind, Role, Status, customer_label


class Event(StrEnum):
    """The facts somebody may have to be told of; every other event concerns nobody's mail."""

    OPENED = "ticket.opened"
    ASSIGNED = "ticket.assigned"
    STATUS_CHANGED = "ticket.status_changed"
    PRIORITY_CHANGED = "ticket.priority_changed"
    CATEGORY_CHANGED = "ticket.category_changed"
    DUE_CHANGED = "ticket.due_changed"
    COMMENT_ADDED = "comment.added"
    COMMENT_RELEASED = "comment.released"
    OVERDUE = "ticket.overdue"
    RESTORED = "ticket.restored"


class Template(StrEnum):
    CREATED = "ticket_created"
    ASSIGNED = "ticket_assigned"
    STATUS = "status_changed"
    RESOLVED = "ticket_resolved"
    CLOSED = "ticket_closed"
    COMMENT = "comment_added"
    OVERDUE = "ticket_overdue"
    UPDATED = "ticket_updated"


class Kind(StrEnum):
    """What a person can switch off: a template, but for the team an assignment is one whenever it comes, and a note,
    which everybody on the account is told of, is a kind of its own."""

    CREATED = "ticket_created"
    ASSIGNED = "ticket_assigned"
    COMMENT = "comment_added"
    NOTE = "internal_note"
    STATUS = "status_changed"
    RESOLVED = "ticket_resolved"
    CLOSED = "ticket_closed"
    UPDATED = "ticket_updated"
    OVERDUE = "ticket_overdue"


CUSTOMERS_KINDS = (Kind.CREATED, Kind.STATUS, Kind.RESOLVED, Kind.CLOSED)
TEAMS_KINDS = (Kind.ASSIGNED, Kind.COMMENT, Kind.NOTE, Kind.STATUS, Kind.UPDATED, Kind.OVERDUE)


def kinds_for(role: Role) -> tuple[Kind, ...]:
    """What somebody of this role may switch off. A person's answer to a customer is none: it was written to him."""
    return TEAMS_KINDS if role in TEAM else CUSTOMERS_KINDS


class Recipient(StrEnum):
    """As what somebody is told; a page explains a mail with it ("because you are the assignee")."""

    CUSTOMER = "customer"
    ASSIGNEE = "assignee"
    CREATOR = "creator"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Person:
    user_id: int
    role: Role


@dataclass(frozen=True, slots=True)
class Notice:
    """One person told of one fact, as what, by which template."""

    user_id: int
    recipient: Recipient
    template: Template
    is_note: bool = False

    @property
    def is_acknowledgement(self) -> bool:
        return self.recipient is Recipient.CUSTOMER and self.template is Template.CREATED

    @property
    def is_answer(self) -> bool:
        """Whether a person's own mail tells it: what is said to a customer is sent by whoever says it."""
        return self.recipient is Recipient.CUSTOMER and self.template is Template.COMMENT

    @property
    def kind(self) -> Kind:
        """By which switch it is turned off."""
        if self.is_note:
            return Kind.NOTE
        if self.template is Template.CREATED and self.recipient is not Recipient.CUSTOMER:
            return Kind.ASSIGNED
        return Kind(self.template.value)


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened, to which ticket. `assignee` is the one after the event.

    `creator` is the agent who opened the ticket by hand, None for one from mail. `customers` are the requester, first,
    and the others who take part. `team` is everybody who may work on the ticket's account. `before` and `after` hold
    a changed status. `is_consequence`: it followed from something said, which is told already. `is_quiet`: it followed
    from what was told days ago. `answered` are the customers whom an answer itself tells of the status: by user.
    """

    actor_id: int | None
    customers: tuple[Person, ...] = ()
    assignee: Person | None = None
    creator: Person | None = None
    team: tuple[Person, ...] = ()
    comment_kind: CommentKind | None = None
    is_released: bool = True
    is_automatic: bool = False
    before: Status | None = None
    after: Status | None = None
    is_consequence: bool = False
    is_quiet: bool = False
    answered: frozenset[int] = frozenset()


def audience(event: str, facts: Facts) -> list[Notice]:
    """Who is told of an event of this type; nobody of one that is not in `Event`."""
    if event not in set(Event):
        return []
    found: dict[int, Notice] = {}
    for notice in _TOLD[Event(event)](facts):
        if notice.user_id != facts.actor_id or notice.is_acknowledgement:
            found.setdefault(notice.user_id, notice)
    return list(found.values())


def _customers(facts: Facts, template: Template) -> Iterable[Notice]:
    return (Notice(p.user_id, Recipient.CUSTOMER, template) for p in facts.customers)


def _requester(facts: Facts, template: Template) -> Iterable[Notice]:
    return list(_customers(facts, template))[:1]


def _team(
    recipient: Recipient, template: Template, *people: Person | None, is_note: bool = False
) -> Iterable[Notice]:
    """Notices for members of the team; somebody who is none, or no more, is told nothing internal."""
    team = (person for person in people if person is not None and person.role in TEAM)
    return (Notice(person.user_id, recipient, template, is_note) for person in team)


def _opened(facts: Facts) -> Iterable[Notice]:
    """Of a ticket an agent opened the customer learns by what the agent writes to him."""
    if facts.creator is None and not facts.is_automatic:
        yield from _requester(facts, Template.CREATED)
    yield from _team(Recipient.ASSIGNEE, Template.CREATED, facts.assignee)


def _assigned(facts: Facts) -> Iterable[Notice]:
    return _team(Recipient.ASSIGNEE, Template.ASSIGNED, facts.assignee)


def _status_changed(facts: Facts) -> Iterable[Notice]:
    """Resolved and closed have templates of their own; steps within "Open" are none of the customer's business.

    That an answer makes a ticket wait goes without saying; that it is done with does not: the answer says it, and who
    did not get the answer is told.
    """
    if facts.is_quiet or facts.after is None or (facts.is_consequence and facts.after not in DONE):
        return
    if facts.after in DONE:
        template = Template.RESOLVED if facts.after is Status.RESOLVED else Template.CLOSED
        yield from (told for told in _customers(facts, template) if told.user_id not in facts.answered)
    else:
        if facts.before is None or customer_label(facts.before) != customer_label(facts.after):
            yield from _customers(facts, Template.STATUS)
        yield from _team(Recipient.ASSIGNEE, Template.STATUS, facts.assignee)


def _updated(facts: Facts) -> Iterable[Notice]:
    """How the team sorts its work is shown to no customer, so none is told of it."""
    if not facts.is_consequence:
        yield from _team(Recipient.ASSIGNEE, Template.UPDATED, facts.assignee)


def _comment_added(facts: Facts) -> Iterable[Notice]:
    """A customer's "new comment" mail is the staff answer itself. A vacation answer is told to nobody."""
    if facts.is_automatic:
        return
    if facts.comment_kind is CommentKind.REPLY and facts.is_released:
        yield from _customers(facts, Template.COMMENT)
    is_note = facts.comment_kind is CommentKind.NOTE
    yield from _team(Recipient.ASSIGNEE, Template.COMMENT, facts.assignee, is_note=is_note)
    if is_note:
        yield from _team(Recipient.TEAM, Template.COMMENT, *facts.team, is_note=True)


def _comment_released(facts: Facts) -> Iterable[Notice]:
    return _team(Recipient.ASSIGNEE, Template.COMMENT, facts.assignee)


def _overdue(facts: Facts) -> Iterable[Notice]:
    yield from _team(Recipient.ASSIGNEE, Template.OVERDUE, facts.assignee)
    yield from _team(Recipient.CREATOR, Template.OVERDUE, facts.creator)


def _restored(facts: Facts) -> Iterable[Notice]:
    """What the mail server had called spam is as new to the team as any ticket; to the customer it is too late."""
    return () if facts.is_quiet else _team(Recipient.ASSIGNEE, Template.CREATED, facts.assignee)


_TOLD = {
    Event.OPENED: _opened,
    Event.ASSIGNED: _assigned,
    Event.STATUS_CHANGED: _status_changed,
    Event.PRIORITY_CHANGED: _updated,
    Event.CATEGORY_CHANGED: _updated,
    Event.DUE_CHANGED: _updated,
    Event.COMMENT_ADDED: _comment_added,
    Event.COMMENT_RELEASED: _comment_released,
    Event.OVERDUE: _overdue,
    Event.RESTORED: _restored,
}
