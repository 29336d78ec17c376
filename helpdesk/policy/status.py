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
