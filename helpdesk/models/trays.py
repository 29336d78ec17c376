"""The words for mail that is no ticket: where it lies, and how spam is told."""

from __future__ import annotations

from enum import StrEnum


class Tray(StrEnum):
    """Where a received mail lies that is no ticket, until a person makes it one or puts it away for good."""

    HELD = "held"
    FAILED = "failed"
    UNDELIVERABLE = "undeliverable"
    AUTOMATIC = "automatic"
    BLOCKED = "blocked"
    DISCARDED = "discarded"


class SpamCheck(StrEnum):
    """What an account believes of what the mail server in front of it says."""

    OFF = "off"
    VERDICT = "verdict"
    SCORE = "score"
