"""Addresses and ids as they stand in headers, read so that nothing hostile gets through."""

from __future__ import annotations

import re
import unicodedata

MAX_ADDRESS = 254
_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f]{1,64}\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def _domain_key(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return domain.lower()


def normalise_address(email: str) -> str:
    """The form addresses are compared in: NFKC, lower case, domain in IDNA. Two look-alikes never meet by accident."""
    text = unicodedata.normalize("NFKC", email).strip().lower()
    local, at, domain = text.rpartition("@")
    return f"{local}@{_domain_key(domain)}" if at else text


def is_address(text: str) -> bool:
    """Whether mail can be sent there: one plain addr-spec (RFC 5322 3.4.1), no quotes, no comments, no controls."""
    local, at, domain = text.strip().rpartition("@")
    if (
        not at
        or len(text) > MAX_ADDRESS
        or not _LOCAL.match(local)
        or ".." in local
        or local[0] == "." == local[-1]
    ):
        return False
    labels = _domain_key(domain).split(".")
    return len(labels) > 1 and all(_LABEL.match(label) for label in labels)
