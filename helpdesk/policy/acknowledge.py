"""Whether a customer may be sent an automatic answer, and what of his own words may stand in it.

An acknowledgement to whoever claims an address is a relay waiting to be abused (RFC 3834 2): it carries none of the
customer's text but a harmless subject, and there are few of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

MAX_PER_HOUR = 2
MAX_PER_DAY = 5
MAX_SUBJECT = 80
_MAX_READ = 500
_LINK = re.compile(r"\b(?:[a-z][a-z0-9+.-]{0,20}:/{0,2}|www\.)\S+", re.IGNORECASE)
_ADDRESS = re.compile(r"\S+@\S+")
_DOMAIN = re.compile(
    r"\b[\w-]+(?:\.[\w-]+)*\.(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})\b(?:[:/]\S*)?", re.IGNORECASE
)
_NUMERIC_HOST = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?:[:/]\S*)?")
_NO_REPLY = re.compile(
    r"(?:no|do[-_.]?not)[-_.]?reply|mailer-daemon|postmaster|bounces?(?:[-+_.]|\Z)", re.IGNORECASE
)


class When(StrEnum):
    """At which times an account answers by itself."""

    ALWAYS = "always"
    OPEN = "open"  # only within business hours
    CLOSED = "closed"  # only outside of them

    def is_now(self, *, is_open: bool) -> bool:
        """Whether that is the time."""
        return self is When.ALWAYS or is_open is (self is When.OPEN)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to answer, and the reason in words when not."""

    allowed: bool
    reason: str = ""


def is_no_reply(address: str) -> bool:
    """Whether nobody reads what is sent there."""
    return _NO_REPLY.match(address.partition("@")[0]) is not None


def may_acknowledge(
    *,
    automatic: bool,
    already_acknowledged: bool,
    sent_last_hour: int,
    sent_last_day: int,
    address: str = "",
    is_repeated: bool = False,
) -> Verdict:
    """At most one per ticket, two an hour and five a day for one address, none to machines.

    `is_repeated`: the same was said, but for numbers, on a ticket that was acknowledged lately.
    """
    if automatic:
        return Verdict(False, "a machine wrote the mail")
    if is_no_reply(address):
        return Verdict(False, "nobody reads this address")
    if already_acknowledged:
        return Verdict(False, "the ticket was acknowledged before")
    if is_repeated:
        return Verdict(False, "the same was acknowledged before")
    if sent_last_hour >= MAX_PER_HOUR:
        return Verdict(False, "this address had two automatic answers within the hour")
    if sent_last_day >= MAX_PER_DAY:
        return Verdict(False, "this address had five automatic answers within the day")
    return Verdict(True)


def safe_name(name: str) -> str:
    """A name as it may stand in mails: whoever writes first gives it, also to others, and advertises with it."""
    return safe_subject(name)


def safe_subject(subject: str) -> str:
    """The customer's subject as it may be repeated to him: no controls, links or addresses, at most 80 characters.

    Full-width letters and dots count as what mail programs make of them.
    """
    text = unicodedata.normalize("NFKC", subject[:_MAX_READ]).replace("。", ".")
    text = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    for pattern in (_LINK, _ADDRESS, _DOMAIN, _NUMERIC_HOST):
        text = pattern.sub("…", text)
    text = " ".join(text.split())
    return text if len(text) <= MAX_SUBJECT else text[: MAX_SUBJECT - 1].rstrip() + "…"
