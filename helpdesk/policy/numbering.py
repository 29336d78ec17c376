"""How a ticket's number is written. Only the number ever decides; the year and the letters around it are for people."""

from __future__ import annotations

import re

MAX_LENGTH = 60
HINT = "use {number}, and {year} if you like, with letters, digits and - _ / . #, for example TKT-{year}-{number:05d}"
_FORMAT = re.compile(r"(?:[A-Za-z0-9_/.#:+*()-]|\{year\}|\{number(?::0?[0-9]{1,2}d?)?\})+\Z")


def check_format(text: str) -> str:
    """Return the format when numbers can be shown by it and found again. Raises ValueError with a hint."""
    if not _FORMAT.match(text) or "{number" not in text:
        raise ValueError(HINT)
    if len(show(text, year=2026, number=1)) > MAX_LENGTH:
        raise ValueError(f"a shown number has at most {MAX_LENGTH} characters")
    return text


def show(number_format: str, *, year: int, number: int) -> str:
    """The number as people see it."""
    return number_format.format(year=year, number=number)
