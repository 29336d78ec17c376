"""The way a mail took, as the servers it passed wrote it on top of each other. Source: RFC 5321 section 4.4."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk.mail.headers import read_date

MAX_HOPS = 60
MAX_CHARS = 2000
_FROM = re.compile(r"\A\s*from\s+([^\s;()]{1,255})(?:\s+\(([^()]{0,255})\))?", re.IGNORECASE)
_BY = re.compile(r"(?:\A|\s)by\s+([^\s;()]{1,255})", re.IGNORECASE)
_WITH = re.compile(r"\swith\s+([A-Za-z0-9-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hop:
    """One server's word: who it is, who gave it the mail and how he called himself, by which protocol, and when."""

    by: str
    sender: str = ""
    known_as: str = ""
    protocol: str = ""
    at: datetime | None = None
    delay_s: int | None = None


def read_path(headers: Sequence[tuple[str, str]]) -> list[Hop]:
    """The servers in the order they were passed; `delay_s` counts from the one before, None when clocks disagree.

    All but the last ones, which are the reader's own, may have been made up.
    """
    lines = [value[:MAX_CHARS] for name, value in headers if name.lower() == "received"][:MAX_HOPS]
    hops: list[Hop] = []
    before: datetime | None = None
    for line in reversed(lines):
        hop = _read(line, before)
        hops.append(hop)
        before = hop.at or before
    return hops


def _read(line: str, before: datetime | None) -> Hop:
    words, _semicolon, date = line.rpartition(";")
    words = words or line
    sender, by, protocol = _FROM.search(words), _BY.search(words), _WITH.search(words)
    at = read_date(date)
    delay = int((at - before).total_seconds()) if at and before else None
    return Hop(
        by=by[1] if by else "",
        sender=sender[1] if sender else "",
        known_as=(sender[2] or "").strip() if sender else "",
        protocol=protocol[1] if protocol else "",
        at=at,
        delay_s=delay if delay is not None and delay >= 0 else None,
    )
