"""What the public form takes: from which addresses, how much, and how long a form lives.

Anybody can type any address there. Pure; Source: RFC 2142 (names of roles every domain has).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from helpdesk.policy.acknowledge import is_no_reply

MAX_NAME = 100
MAX_TEXT = 50_000
MAX_FILES = 10
MAX_BYTES = 10_000_000  # all files together
FASTEST = timedelta(seconds=2)  # nobody writes a message sooner
LONGEST = timedelta(days=2)
ROLES = frozenset(
    [
        "abuse",
        "admin",
        "administrator",
        "hostmaster",
        "mailer-daemon",
        "noc",
        "postmaster",
        "root",
        "security",
        "webmaster",
    ]
)


class Haste(StrEnum):
    """How the time between showing and sending a form looks."""

    FINE = "fine"
    TOO_FAST = "too fast"
    TOO_OLD = "too old"


def haste(shown_at: datetime, *, now: datetime) -> Haste:
    passed = now - shown_at
    if passed < FASTEST:
        return Haste.TOO_FAST
    return Haste.TOO_OLD if passed > LONGEST else Haste.FINE


def is_read_by_nobody(address: str, own_domains: Collection[str]) -> bool:
    """Whether an answer would reach a machine, or a role of the desk's own domains instead of a customer."""
    local, _, domain = address.casefold().rpartition("@")
    return is_no_reply(address) or (local.partition("+")[0] in ROLES and domain in own_domains)


def one_line(text: str, limit: int) -> str:
    """Words of a stranger for a header or a list: no line breaks, no controls, nothing that turns the reading order."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit].strip()
