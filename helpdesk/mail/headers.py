"""Addresses and ids as they stand in headers, read so that nothing hostile gets through."""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import idna

from helpdesk.mail.charset import clean, decode
from helpdesk.mail.types import Address

MAX_ADDRESS = 254
MAX_ADDRESSES = 500
_WORD = re.compile(r"=\?([\w.:*-]{1,60})\?([bBqQ])\?")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_ID = re.compile(r"<([^\x00-\x20<>]{1,998})>")
_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f]{1,64}\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def read_date(text: str) -> datetime | None:
    """A moment as mail writes it (RFC 5322 3.3), in UTC; None when it is none or lies outside of what calendars hold."""
    try:
        moment = parsedate_to_datetime(" ".join(text[:200].split()))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def ascii_domain(domain: str) -> str:
    """A host name as servers look it up, in lower case (IDNA 2008). Raises UnicodeError for what cannot be one.

    The standard library's codec knows IDNA 2003 only, which makes "ss" of "ß": the name of somebody else's host.
    """
    if domain.isascii() or len(domain) > MAX_ADDRESS:
        return domain.encode("ascii").decode("ascii").lower()
    return idna.encode(domain, uts46=True).decode("ascii")


def _domain_key(domain: str) -> str:
    try:
        return ascii_domain(domain)
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


def header_text(raw: bytes | str) -> str:
    """A header's value as people read it: unfolded, RFC 2047 decoded by the charset ladder, one line, no controls."""
    text = decode(raw) if isinstance(raw, bytes) else clean(raw)
    if "=?" in text:
        text = clean(_decoded_words(text))
    kept = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return kept.strip()


def _decoded_words(text: str) -> str:
    """Decode RFC 2047 words, also where no blank parts them, and letters cut in two by neighbouring words.

    An unencoded `?` inside a word is tolerated: the word ends at `?=`, each place is looked at once.
    """
    pieces: list[str] = []
    data, charset, at = b"", "", 0
    while (start := text.find("=?", at)) >= 0:
        word = _WORD.match(text, start)
        end = text.find("?=", word.end()) if word else -1
        if word is None or end < 0:
            if word is not None:
                break
            pieces += [decode(data, charset) if data else "", text[at : start + 2]]
            data, at = b"", start + 2
            continue
        between = text[at:start]
        named = word[1].split("*", maxsplit=1)[0]
        if between.strip() or not data or named.lower() != charset.lower():
            pieces += [decode(data, charset) if data else "", between if between.strip() or not data else ""]
            data = b""
        data, charset, at = data + _word_bytes(word[2], text[word.end() : end]), named, end + 2
    return "".join([*pieces, decode(data, charset), text[at:]])


def _word_bytes(kind: str, payload: str) -> bytes:
    data = payload.encode("utf-8", "replace")
    if kind in "qQ":
        return binascii.a2b_qp(data, header=True)
    digits = _NO_BASE64.sub(b"", data)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def message_ids(raw: str) -> tuple[str, ...]:
    """Ids between angle brackets, as they stand; everything with a space or a control in it is none."""
    return tuple(dict.fromkeys(_ID.findall(raw)))


def split_addresses(raw: str) -> list[str]:
    """Cut an address list at its commas, minding quotes, brackets and comments. Linear; never nests deeper than one."""
    parts: list[str] = []
    current: list[str] = []
    quoted, escaped, angle, comment = False, False, False, 0
    for letter in raw:
        if escaped:
            escaped = False
        elif quoted:
            quoted, escaped = letter != '"', letter == "\\"
        elif letter == '"' and not comment:
            quoted = True
        elif letter == "(":
            comment = min(comment + 1, 50)
        elif letter == ")" and comment:
            comment -= 1
        elif letter in "<>" and not comment:
            angle = letter == "<"
        elif letter in ",;" and not angle and not comment:
            parts.append("".join(current))
            current = []
            if len(parts) >= MAX_ADDRESSES:
                return parts
            continue
        current.append(letter)
    return [*parts, "".join(current)]


_ANGLE = re.compile(r"\A(?P<name>[^<>]*)<\s*(?P<email>[^<>\s]+)\s*>\s*(?:\([^()<>]*\))?\s*\Z")
_COMMENT = re.compile(r"\A\s*(?P<email>[^\s<>()@]+@[^\s<>()@]+)\s*(?:\((?P<name>[^()<>]*)\))?\s*\Z")


def read_mailbox(part: str) -> Address | None:
    """One mailbox, None when it is none or when other software could read another address in it."""
    match = _ANGLE.match(part.strip()) or _COMMENT.match(part.strip())
    if match is None:
        return None
    email, name = match["email"].strip(), (match["name"] or "").strip()
    if name.startswith('"') and name.endswith('"') and len(name) > 1:
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    local, _, domain = email.rpartition("@")
    if not is_address(email):
        return None
    return Address(f"{local}@{domain.lower()}", header_text(name).strip("\"'").strip())


_ROUTE = re.compile(r"<\s*@[^<>:]{1,500}:")
_SPACED = re.compile(r"\s*([.@])\s*(?=[^\s<>]*>|[^\s<>]*\Z)")
_ONE = re.compile(r"[^\s<>()\[\],;:\"\\]{1,64}@[^\s<>()\[\],;:\"\\]{1,255}")


def _without_comments(text: str) -> str:
    kept: list[str] = []
    depth, escaped = 0, False
    for letter in text:
        if not escaped and letter == "(":
            depth += 1
        elif not escaped and letter == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(letter)
        escaped = letter == "\\" and not escaped
    return "".join(kept)


def _obsolete_mailbox(part: str) -> Address | None:
    """One written by old rules or against all (RFC 5322 4.4: comments inside, routes, blanks, a bracket that is lost).

    Good enough to be shown and copied; nobody is ever recognised by it.
    """
    text = _ROUTE.sub("<", _without_comments(part[:400]))
    for candidate in (text, _SPACED.sub(r"\1", text)):
        found = _ONE.findall(candidate)
        if len(found) == 1 and is_address(email := found[0].rstrip(".")):
            local, _, domain = email.rpartition("@")
            name = header_text(candidate.partition(found[0])[0]).strip("<>\"' \t")
            return Address(f"{local}@{domain.lower()}", name.removeprefix("mailto:"))
    return None


def read_addresses(values: Iterable[str]) -> tuple[Address, ...]:
    """Every mailbox of these fields that can be mailed to, at most 500."""
    found: dict[str, Address] = {}
    for value in values:
        members = re.sub(r"^[^:;,<>@\"]{1,60}:(?=[^/])", "", value.strip())  # without a group's name
        for part in split_addresses(members):
            mailbox = read_mailbox(part) or _obsolete_mailbox(part)
            if mailbox is not None:
                found.setdefault(normalise_address(mailbox.email), mailbox)
            if len(found) >= MAX_ADDRESSES:
                return tuple(found.values())
    return tuple(found.values())


def single_author(values: Iterable[str]) -> Address | None:
    """The author: exactly one From field with exactly one mailbox that every reader reads alike, else None.

    Two addresses in one mailbox (`alice@a.example <evil@b.example>`) are read differently by different software.
    """
    fields = list(values)
    if len(fields) != 1:
        return None
    parts = [part for part in split_addresses(fields[0]) if part.strip()]
    if len(parts) != 1:
        return None
    mailbox = read_mailbox(parts[0])
    if mailbox is None:
        return None
    rest = header_text(parts[0]).replace(mailbox.email, "", 1).lower()
    others = [
        word for word in re.findall(r"[^\s<>()\"',]+@[^\s<>()\"',]+", rest) if word != mailbox.email.lower()
    ]
    return None if others else mailbox
