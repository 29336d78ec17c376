"""Which facts are told to whom, how, and by which words: by the rows of `audience_table`, for mail and the browser alike.

Pure: from a fact to notices. Whether a notice becomes a mail or a line (what somebody has switched off or muted,
limits on acknowledgements, an agent who lost access meanwhile) is asked in `services/notices.py`. Three rules stand
above the table:

1. Nobody is told of his own act. The acknowledgement alone answers the customer's own mail.
2. What is internal goes to the team only: a note, a forward, words that wait to be released, an overdue date.
3. One person gets one notice of one fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.policy.audience_table import (
    CUSTOMER_SIDE,
    CUSTOMERS_KINDS,
    TABLE,
    TEAMS_KINDS,
    Cell,
    Channel,
    Kind,
    Recipient,
    Relation,
    Template,
    What,
    kinds_for,
)
from helpdesk.policy.status import DONE, TEAM, CommentKind, Role, Status, customer_label

__all__ = [
    "CUSTOMERS_KINDS",
    "TEAMS_KINDS",
    "Channel",
    "Event",
    "Facts",
    "Kind",
    "Notice",
    "Person",
    "Recipient",
    "Relation",
    "Template",
    "What",
    "audience",
    "kinds_for",
    "relations",
    "what_happened",
]


class Event(StrEnum):
    """The facts somebody may have to be told of; every other event concerns nobody."""

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
    MAIL_FAILED = "email.failed"
    MAIL_UNCERTAIN = "email.uncertain"
    MAIL_BOUNCED = "email.bounced"
    REPLY_STOPPED = "reply.stopped"
    REPLY_CROSSED = "reply.crossed"


@dataclass(frozen=True, slots=True)
class Person:
    user_id: int
    role: Role


@dataclass(frozen=True, slots=True)
class Notice:
    """One person told of one fact: as what, and how."""

    user_id: int
    what: What
    relation: Relation
    cell: Cell

    @property
    def kind(self) -> Kind:
        return self.cell.kind

    @property
    def template(self) -> Template:
        """Of a notice by mail."""
        assert self.cell.mail is not None
        return self.cell.mail

    @property
    def recipient(self) -> Recipient:
        return Recipient.CUSTOMER if self.relation in CUSTOMER_SIDE else Recipient(self.relation.value)

    @property
    def is_acknowledgement(self) -> bool:
        return self.recipient is Recipient.CUSTOMER and self.cell.mail is Template.CREATED

    @property
    def is_answer(self) -> bool:
        """Whether a person's own mail tells it: what is said to a customer is sent by whoever says it."""
        return self.recipient is Recipient.CUSTOMER and self.cell.mail is Template.COMMENT


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened, to which ticket. `assignee` is the one after the event.

    `creator` is the agent who opened the ticket by hand, None for one from mail. `customers` are the requester, first,
    and the others who take part. `team` is everybody who may work on the ticket's account. `author` wrote the answer
    the fact is about, `mentioned` are named in the note. `before` and `after` hold a changed status. `purpose` is that
    of the mail the fact is about. `is_consequence`: it followed from something said, which is told already. `is_quiet`:
    it followed from what was told days ago. `answered` are the customers whom an answer itself tells of the status.
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
    author: Person | None = None
    mentioned: tuple[Person, ...] = ()
    followers: tuple[Person, ...] = ()
    purpose: str = ""


def audience(
    event: str,
    facts: Facts,
    channel: Channel = Channel.MAIL,
    *,
    is_wanted: Callable[[Notice], bool] = lambda notice: True,
) -> list[Notice]:
    """Who is told of an event of this type by this channel; nobody of one that is not in `Event`.

    Of what `is_wanted` refuses somebody may still be told as something else he is.
    """
    found: dict[int, Notice] = {}
    for notice in _notices(event, facts, channel):
        if notice.user_id not in found and is_wanted(notice):
            found[notice.user_id] = notice
    return list(found.values())


def relations(event: str, facts: Facts) -> set[Relation]:
    """What of the ticket's people has to be known to say who is told."""
    what = what_happened(event, facts)
    return set(TABLE[what]) if what else set()


def _notices(event: str, facts: Facts, channel: Channel) -> Iterator[Notice]:
    what = what_happened(event, facts)
    for relation, cell in TABLE[what].items() if what else ():
        for person in _people(relation, facts):
            notice = Notice(person.user_id, what, relation, cell) if what else None
            if notice and cell.by(channel) and _may_be_told(notice, person, facts):
                yield notice


def _may_be_told(notice: Notice, person: Person, facts: Facts) -> bool:
    """The rules above the table."""
    if notice.relation in CUSTOMER_SIDE:
        is_told_already = person.user_id in facts.answered and notice.what in (What.RESOLVED, What.CLOSED)
        return notice.is_acknowledgement or (person.user_id != facts.actor_id and not is_told_already)
    return person.role in TEAM and person.user_id != facts.actor_id


def _people(relation: Relation, facts: Facts) -> Iterable[Person]:
    match relation:
        case Relation.REQUESTER:
            return facts.customers[:1]
        case Relation.CC:
            return facts.customers[1:]
        case Relation.MENTIONED:
            return facts.mentioned
        case Relation.FOLLOWER:
            return facts.followers
        case Relation.TEAM:
            return facts.team
        case Relation.ASSIGNEE | Relation.AUTHOR | Relation.CREATOR:
            person: Person | None = getattr(facts, relation.value)
            return (person,) if person else ()


def what_happened(event: str, facts: Facts) -> What | None:
    """The row of the table an event stands in; None when nobody is told of it."""
    match event:
        case Event.OPENED if facts.is_automatic:
            return What.OPENED_BY_MACHINE
        case Event.OPENED:
            return What.OPENED_BY_HAND if facts.creator else What.OPENED
        case Event.STATUS_CHANGED:
            return _status_changed(facts)
        case Event.PRIORITY_CHANGED | Event.CATEGORY_CHANGED | Event.DUE_CHANGED:
            return None if facts.is_consequence else What.UPDATED
        case Event.COMMENT_ADDED:
            return _comment_added(facts)
        case Event.RESTORED:
            return None if facts.is_quiet else What.RESTORED
        case Event.MAIL_FAILED | Event.MAIL_UNCERTAIN | Event.MAIL_BOUNCED:
            return _mail_failed(event, facts.purpose)
    return _ALWAYS_THE_SAME.get(event)


_ALWAYS_THE_SAME: dict[str, What] = {
    Event.ASSIGNED: What.ASSIGNED,
    Event.COMMENT_RELEASED: What.RELEASED,
    Event.OVERDUE: What.OVERDUE,
    Event.REPLY_STOPPED: What.STOPPED,
    Event.REPLY_CROSSED: What.CROSSED,
}


def _status_changed(facts: Facts) -> What | None:
    """Resolved and closed have rows of their own; steps within "Open" are none of the customer's business.

    That an answer makes a ticket wait goes without saying; that it is done with does not: the answer says it, and who
    did not get the answer is told.
    """
    if facts.is_quiet or facts.after is None or (facts.is_consequence and facts.after not in DONE):
        return None
    if facts.after in DONE:
        return What.RESOLVED if facts.after is Status.RESOLVED else What.CLOSED
    is_the_same = facts.before is not None and customer_label(facts.before) == customer_label(facts.after)
    return What.WITHIN_OPEN if is_the_same else What.STATUS


def _comment_added(facts: Facts) -> What | None:
    """A customer's "new comment" mail is the staff answer itself. A vacation answer is told to nobody."""
    if facts.is_automatic or facts.comment_kind is None:
        return None
    match facts.comment_kind:
        case CommentKind.NOTE:
            return What.NOTED
        case CommentKind.FORWARD:
            return What.FORWARDED
    if not facts.is_released:
        return What.WAITS
    return What.ANSWERED if facts.comment_kind is CommentKind.REPLY else What.SAID


def _mail_failed(event: str, purpose: str) -> What | None:
    """Of what people wrote somebody hears; of the desk's own mails only of a confirmation that came back."""
    if purpose in ("reply", "forward", "resent"):
        return What.UNDELIVERED
    return What.UNCONFIRMED if purpose == "ticket_created" and event == Event.MAIL_BOUNCED else None
