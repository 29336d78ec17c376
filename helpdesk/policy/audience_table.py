"""The table of who is told of what: a row for each fact, and for each person it may concern the way he is told. Data only;
`audience` reads it, pages and the documentation show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.policy.inbox import Kind as Line
from helpdesk.policy.status import TEAM, Role


class Template(StrEnum):
    CREATED = "ticket_created"
    ASSIGNED = "ticket_assigned"
    STATUS = "status_changed"
    RESOLVED = "ticket_resolved"
    CLOSED = "ticket_closed"
    COMMENT = "comment_added"
    OVERDUE = "ticket_overdue"
    UPDATED = "ticket_updated"
    UNDELIVERED = "mail_undelivered"


class Channel(StrEnum):
    MAIL = "mail"
    INBOX = "inbox"


class Kind(StrEnum):
    """What a person can switch off, by channel. An assignment is one whenever it comes; a note, which everybody on the
    account is told of, and what is said on a ticket one only follows are kinds of their own."""

    CREATED = "ticket_created"
    NEW = "new_ticket"
    ASSIGNED = "ticket_assigned"
    MENTION = "mention"
    COMMENT = "comment_added"
    FOLLOWED = "followed"
    NOTE = "internal_note"
    STATUS = "status_changed"
    RESOLVED = "ticket_resolved"
    CLOSED = "ticket_closed"
    UPDATED = "ticket_updated"
    OVERDUE = "ticket_overdue"
    UNDELIVERED = "mail_undelivered"
    HELD = "mail_held"


CUSTOMERS_KINDS = (Kind.CREATED, Kind.STATUS, Kind.RESOLVED, Kind.CLOSED)
TEAMS_KINDS = (
    Kind.NEW, Kind.ASSIGNED, Kind.MENTION, Kind.COMMENT, Kind.FOLLOWED, Kind.NOTE, Kind.STATUS, Kind.UPDATED, Kind.OVERDUE,
    Kind.UNDELIVERED, Kind.HELD,
)  # fmt: skip
URGENT = frozenset(
    {Kind.ASSIGNED, Kind.MENTION, Kind.OVERDUE, Kind.UNDELIVERED}
)  # a digest need not hold them
IN_SPITE_OF_MUTE = frozenset({Kind.ASSIGNED, Kind.MENTION, Kind.UNDELIVERED})
OFF_UNASKED = {
    Channel.MAIL: frozenset({Kind.NEW}),
    Channel.INBOX: frozenset({Kind.NEW, Kind.STATUS, Kind.UPDATED}),
}


def kinds_for(role: Role) -> tuple[Kind, ...]:
    """What somebody of this role may switch off. A person's answer to a customer is none: it was written to him."""
    return TEAMS_KINDS if role in TEAM else CUSTOMERS_KINDS


class Relation(StrEnum):
    """What somebody is to a ticket, or to the fact itself: what concerns him most first."""

    REQUESTER = "requester"
    CC = "cc"
    MENTIONED = "mentioned"
    AUTHOR = "author"  # of the answer a fact is about
    ASSIGNEE = "assignee"
    CREATOR = "creator"  # the agent who opened the ticket by hand
    FOLLOWER = "follower"
    TEAM = "team"  # whoever may work on the account


CUSTOMER_SIDE = (Relation.REQUESTER, Relation.CC)


class Recipient(StrEnum):
    """As what somebody is told; a mail explains itself with it ("because you are the assignee")."""

    CUSTOMER = "customer"
    MENTIONED = "mentioned"
    ASSIGNEE = "assignee"
    AUTHOR = "author"
    CREATOR = "creator"
    FOLLOWER = "follower"
    TEAM = "team"


class What(StrEnum):
    """A fact as far as it matters for who is told: the rows of the table, in words."""

    OPENED = "A customer opens a ticket"
    OPENED_BY_HAND = "An agent opens a ticket for a customer"
    OPENED_BY_MACHINE = "A machine opens a ticket"
    ASSIGNED = "A ticket is assigned"
    STATUS = "The status changes"
    WITHIN_OPEN = "The status changes between new, open and in progress"
    RESOLVED = "The status becomes resolved"
    CLOSED = "The status becomes closed"
    UPDATED = "Priority, category or due date change"
    SAID = "A customer writes"
    ANSWERED = "An agent answers"
    NOTED = "An internal note is written"
    FORWARDED = "A ticket is forwarded to somebody outside"
    WAITS = "Words wait to be released"
    RELEASED = "Words that waited are released"
    OVERDUE = "The due date passes"
    RESTORED = "A ticket comes back from spam"
    UNDELIVERED = "An answer or a forward fails or comes back"
    UNCONFIRMED = "The confirmation of a ticket comes back"
    STOPPED = "An answer that waited is not sent"
    CROSSED = "A customer writes while an answer waits"
    HELD = "A mail is held until somebody looks"


@dataclass(frozen=True, slots=True)
class Cell:
    """How somebody is told of a fact: by which mail, by which line in the browser, and which switch turns it off."""

    kind: Kind
    mail: Template | None = None
    inbox: Line | None = None

    def by(self, channel: Channel) -> Template | Line | None:
        return self.mail if channel is Channel.MAIL else self.inbox


def _follower(word: Line) -> dict[Relation, Cell]:
    return {Relation.FOLLOWER: Cell(Kind.FOLLOWED, Template.COMMENT, word)}


def _assignee(kind: Kind, mail: Template | None, word: Line | None) -> dict[Relation, Cell]:
    return {Relation.ASSIGNEE: Cell(kind, mail, word)}


def _customers(kind: Kind, mail: Template) -> dict[Relation, Cell]:
    return {relation: Cell(kind, mail) for relation in CUSTOMER_SIDE}


_NEW = {
    **_assignee(Kind.ASSIGNED, Template.CREATED, Line.OPENED),
    Relation.TEAM: Cell(Kind.NEW, Template.CREATED, Line.NEW),
}
_STATUS = _assignee(Kind.STATUS, Template.STATUS, Line.CHANGED)
_DONE = _assignee(Kind.STATUS, None, Line.CHANGED)
_UNDELIVERED = Cell(Kind.UNDELIVERED, Template.UNDELIVERED, Line.MAIL_FAILED)

# Somebody who is several of these things is told as the first of them.
TABLE: Mapping[What, Mapping[Relation, Cell]] = {
    What.OPENED: {Relation.REQUESTER: Cell(Kind.CREATED, Template.CREATED), **_NEW},
    What.OPENED_BY_HAND: _NEW,
    What.OPENED_BY_MACHINE: _NEW,
    What.ASSIGNED: _assignee(Kind.ASSIGNED, Template.ASSIGNED, Line.ASSIGNED),
    What.STATUS: _customers(Kind.STATUS, Template.STATUS) | _STATUS,
    What.WITHIN_OPEN: _STATUS,
    What.RESOLVED: _customers(Kind.RESOLVED, Template.RESOLVED) | _DONE,
    What.CLOSED: _customers(Kind.CLOSED, Template.CLOSED) | _DONE,
    What.UPDATED: _assignee(Kind.UPDATED, Template.UPDATED, Line.CHANGED),
    What.SAID: _assignee(Kind.COMMENT, Template.COMMENT, Line.ANSWERED) | _follower(Line.ANSWERED),
    What.ANSWERED: {
        **_customers(Kind.COMMENT, Template.COMMENT),
        **_assignee(Kind.COMMENT, Template.COMMENT, Line.REPLIED),
        **_follower(Line.REPLIED),
    },
    What.NOTED: {
        Relation.MENTIONED: Cell(Kind.MENTION, Template.COMMENT, Line.MENTION),
        **_assignee(Kind.NOTE, Template.COMMENT, Line.NOTE),
        **_follower(Line.NOTE),
        Relation.TEAM: Cell(Kind.NOTE, Template.COMMENT),
    },
    What.FORWARDED: {
        **_assignee(Kind.COMMENT, Template.COMMENT, Line.FORWARDED),
        **_follower(Line.FORWARDED),
    },
    What.WAITS: _assignee(Kind.COMMENT, Template.COMMENT, Line.ANSWERED) | _follower(Line.ANSWERED),
    What.RELEASED: _assignee(Kind.COMMENT, Template.COMMENT, None),
    What.OVERDUE: {
        **_assignee(Kind.OVERDUE, Template.OVERDUE, Line.OVERDUE),
        Relation.CREATOR: Cell(Kind.OVERDUE, Template.OVERDUE, Line.OVERDUE),
    },
    What.RESTORED: _NEW,
    What.UNDELIVERED: {Relation.AUTHOR: _UNDELIVERED, Relation.ASSIGNEE: _UNDELIVERED},
    What.UNCONFIRMED: {Relation.ASSIGNEE: _UNDELIVERED},
    What.STOPPED: {Relation.AUTHOR: Cell(Kind.UNDELIVERED, Template.UNDELIVERED, Line.STOPPED)},
    What.CROSSED: {Relation.AUTHOR: Cell(Kind.COMMENT, None, Line.CROSSED)},
    What.HELD: {Relation.TEAM: Cell(Kind.HELD, None, Line.HELD)},
}  # fmt: skip
