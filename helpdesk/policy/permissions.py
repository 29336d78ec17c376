"""Who may do what: one table, asked by every page, list, file, command and mail.

Everything is a function of small frozen facts; whoever has a database turns rows into them. What no row of the table
grants is denied. `docs/permissions.md` shows the table and is tested to equal it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from helpdesk.policy.status import CommentKind, Disposition, Role


class Standing(StrEnum):
    """What a person is to one ticket or account."""

    ADMIN = "admin"
    AGENT = "agent with access"
    PARTICIPANT = "customer taking part"
    NOBODY = "anybody else"


class Action(StrEnum):
    SEE_TICKET = "see the ticket"
    SEE_PUBLIC = "read public messages"
    WRITE_AS_CUSTOMER = "write as the customer"
    SETTLE_AS_CUSTOMER = "close and reopen as the customer"
    SEE_NOTES = "read notes and unreleased messages"
    SEE_HISTORY = "see the history and the deliveries"
    ANSWER = "answer and write notes"
    CHANGE = "change status, assignee, priority, category, due date, tags"
    BE_ASSIGNED = "be assigned"
    RELEASE = "release a stranger's message"
    MERGE = "merge tickets"
    SET_ASIDE = "mark as spam or trash, and restore"
    OPEN_TICKET = "open a ticket for a customer"
    SEE_FAILED_MAIL = "see mail that is no ticket, retry and discard it"
    SORT_SENDERS = "block and let in senders for an account"
    ADMINISTER = "administer accounts, people, tags and settings"


_ADMIN = frozenset({Standing.ADMIN})
_TEAM = _ADMIN | {Standing.AGENT}
_PEOPLE = _TEAM | {Standing.PARTICIPANT}

TABLE: dict[Action, frozenset[Standing]] = {
    Action.SEE_TICKET: _PEOPLE,
    Action.SEE_PUBLIC: _PEOPLE,
    Action.WRITE_AS_CUSTOMER: frozenset({Standing.PARTICIPANT}),
    Action.SETTLE_AS_CUSTOMER: frozenset({Standing.PARTICIPANT}),
    Action.SEE_NOTES: _TEAM,
    Action.SEE_HISTORY: _TEAM,
    Action.ANSWER: _TEAM,
    Action.CHANGE: _TEAM,
    Action.BE_ASSIGNED: _TEAM,
    Action.RELEASE: _TEAM,
    Action.MERGE: _TEAM,
    Action.SET_ASIDE: _TEAM,
    Action.OPEN_TICKET: _TEAM,
    Action.SEE_FAILED_MAIL: _TEAM,
    Action.SORT_SENDERS: _TEAM,
    Action.ADMINISTER: _ADMIN,
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `account_ids` are the granted accounts of an agent, `address_ids` the person's own addresses."""

    user_id: int
    role: Role
    account_ids: frozenset[int] = frozenset()
    address_ids: frozenset[int] = frozenset()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What matters about a ticket. `since` maps each participant's address to when he joined, None: at the start."""

    account_id: int
    since: Mapping[int, datetime | None] = field(default_factory=dict)
    disposition: Disposition = Disposition.NORMAL


@dataclass(frozen=True, slots=True)
class CommentFacts:
    """What matters about something said on a ticket.

    `since`, as the ticket's, is of the ticket it was said on, when that one was merged into the ticket.
    """

    kind: CommentKind
    created_at: datetime
    is_released: bool = True
    since: Mapping[int, datetime | None] | None = None


def standing(viewer: Viewer | None, ticket: TicketFacts) -> Standing:
    """What `viewer` (None: not signed in) is to the ticket. Customers lose what was set aside or merged."""
    if viewer is None or not viewer.is_active or viewer.role is not Role.CUSTOMER:
        return standing_on_account(viewer, ticket.account_id)
    takes_part = not viewer.address_ids.isdisjoint(ticket.since)
    is_shown = takes_part and ticket.disposition is Disposition.NORMAL
    return Standing.PARTICIPANT if is_shown else Standing.NOBODY


def standing_on_account(viewer: Viewer | None, account_id: int | None) -> Standing:
    """What `viewer` is to a mail account, or with None to the desk as a whole."""
    if viewer is None or not viewer.is_active:
        return Standing.NOBODY
    if viewer.role is Role.ADMIN:
        return Standing.ADMIN
    has_access = viewer.role is Role.AGENT and account_id in viewer.account_ids
    return Standing.AGENT if has_access else Standing.NOBODY


def may(viewer: Viewer | None, action: Action, ticket: TicketFacts) -> bool:
    """The table, asked for one ticket."""
    return standing(viewer, ticket) in TABLE.get(action, frozenset())


def may_on_account(viewer: Viewer | None, action: Action, account_id: int | None) -> bool:
    """The table, asked for one account, or for the desk as a whole."""
    return standing_on_account(viewer, account_id) in TABLE.get(action, frozenset())


def can_see_ticket(viewer: Viewer | None, ticket: TicketFacts) -> bool:
    return may(viewer, Action.SEE_TICKET, ticket)


def can_work_on(viewer: Viewer | None, ticket: TicketFacts) -> bool:
    """Whether he may answer, assign and change it."""
    return may(viewer, Action.ANSWER, ticket) and may(viewer, Action.CHANGE, ticket)


def can_see_notes(viewer: Viewer | None, ticket: TicketFacts) -> bool:
    return may(viewer, Action.SEE_NOTES, ticket)


def can_administer(viewer: Viewer | None) -> bool:
    return may_on_account(viewer, Action.ADMINISTER, None)


def can_see_comment(viewer: Viewer | None, ticket: TicketFacts, comment: CommentFacts) -> bool:
    """Customers read what was said in public, was released, and is not older than their joining."""
    if can_see_notes(viewer, ticket):
        return True
    if viewer is None or not may(viewer, Action.SEE_PUBLIC, ticket):
        return False
    is_public = comment.kind in (CommentKind.INCOMING, CommentKind.REPLY) and comment.is_released
    people = ticket.since if comment.since is None else comment.since
    joined = [at for address_id, at in people.items() if address_id in viewer.address_ids]
    return is_public and any(at is None or comment.created_at >= at for at in joined)
