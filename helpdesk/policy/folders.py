"""Names of a mail server's folders: told apart as written, but for the inbox, which is one in any case (RFC 9051 5.1)."""

from __future__ import annotations

from collections.abc import Iterable

INBOX = "INBOX"


def plain(name: str) -> str:
    """The name to compare by."""
    return INBOX if name.upper() == INBOX else name


def is_among(name: str, names: Iterable[str]) -> bool:
    return plain(name) in {plain(other) for other in names}


def distinct(names: Iterable[str]) -> list[str]:
    """Each folder once, as it was named first."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(plain(name), name)
    return list(found.values())
