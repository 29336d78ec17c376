"""The words tickets and people are described with, stored by value."""

from __future__ import annotations

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


def customer_label(status: Status) -> str:
    """The word customers see: the team's own steps are all "Open" to them."""
    if status in (Status.NEW, Status.OPEN, Status.IN_PROGRESS):
        return "Open"
    return {Status.PENDING: "Waiting for you", Status.RESOLVED: "Resolved", Status.CLOSED: "Closed"}[status]


def after_customer_reply(status: Status, *, is_automatic: bool = False) -> Status:
    """A customer's words open the ticket again; a machine's change nothing, and what nobody looked at stays new."""
    return status if is_automatic or status is Status.NEW else Status.OPEN
