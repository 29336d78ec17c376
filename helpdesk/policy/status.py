"""The words tickets and people are described with, stored by value, and which status follows from what happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class Status(StrEnum):
    NEW = "new"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Category(StrEnum):
    SUPPORT = "Support"
    BUG = "Bug"
    FEATURE = "Feature"
    BILLING = "Billing"
    GENERAL = "General"


class Disposition(StrEnum):
    NORMAL = "normal"
    SPAM = "spam"
    TRASH = "trash"
    MERGED = "merged"


class CommentKind(StrEnum):
    INCOMING = "incoming"
    REPLY = "reply"
    NOTE = "note"
    FORWARD = "forward"


class Role(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


ACTIVE = (Status.NEW, Status.OPEN, Status.IN_PROGRESS, Status.PENDING)
DONE = (Status.RESOLVED, Status.CLOSED)
TEAM = (Role.AGENT, Role.ADMIN)


def customer_label(status: Status) -> str:
    """The word customers see: the team's own steps are all "Open" to them."""
    if status in (Status.NEW, Status.OPEN, Status.IN_PROGRESS):
        return "Open"
    return {Status.PENDING: "Waiting for you", Status.RESOLVED: "Resolved", Status.CLOSED: "Closed"}[status]


def after_customer_reply(status: Status, *, is_automatic: bool = False) -> Status:
    """A customer's words open the ticket again; a machine's change nothing, and what nobody looked at stays new."""
    return status if is_automatic or status is Status.NEW else Status.OPEN


def customer_may_close(status: Status) -> bool:
    """A customer says that it is solved, also where the team has said so before him."""
    return status is not Status.CLOSED


def customer_may_reopen(
    status: Status, closed_at: datetime | None, reopen_days: int, *, now: datetime
) -> bool:
    """What was resolved at any time; what was closed as long as the account lets old matters live again."""
    return status in DONE and not is_closed_for_good(status, closed_at, reopen_days, now=now)


def is_closed_for_good(
    status: Status, closed_at: datetime | None, reopen_days: int, *, now: datetime
) -> bool:
    """Whether new words on the ticket begin a new one instead of opening it again."""
    return status is Status.CLOSED and closed_at is not None and closed_at < now - timedelta(days=reopen_days)


def after_staff_reply(status: Status, setting: Status | None) -> Status:
    """The account's status after an answer; without one the status stays, but what was answered is not new."""
    after = setting or status
    return Status.OPEN if after is Status.NEW else after


def allowed(before: Status, after: Status) -> bool:
    """Whether a person may move a ticket so: nothing somebody has touched becomes new again, all else is theirs."""
    return after is not Status.NEW or before is Status.NEW


def is_overdue(status: Status, due_at: datetime | None, *, now: datetime) -> bool:
    """Whether the due date passed while the ticket was still to be worked on."""
    return due_at is not None and due_at < now and status in ACTIVE
