"""Reads a finished mail again and names what a reader would see otherwise than meant.

The last guard before anything is sent: a header that was added, a recipient that appeared, a block that ended early,
a part that says more than it should. Compared are exact lists of names and values, not the absence of known tricks.
"""

from __future__ import annotations

import email.policy
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import collapse_rfc2231_value, getaddresses

_PART_HEADERS = [
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
]


@dataclass(frozen=True, slots=True)
class Meant:
    """What the mail should say: header fields in order, decoded; those with people as (name, address) pairs.

    `text` and `html` with plain line feeds; `files` are (filename, content id, bytes) in order, inline ones first.
    """

    fields: tuple[tuple[str, str | tuple[tuple[str, str], ...]], ...]
    text: str
    html: str
    files: tuple[tuple[str, str, bytes], ...]


def differences(raw: bytes, meant: Meant) -> str:
    """In words for a log, "" when the mail says what was meant."""
    read = BytesParser(policy=email.policy.compat32).parsebytes(raw)
    try:
        return _header_trouble(read, meant) or _part_trouble(read, meant)
    except (HeaderParseError, UnicodeError, LookupError, ValueError) as error:
        return f"it cannot be read again ({type(error).__name__})"


def _header_trouble(read: Message[str, str], meant: Meant) -> str:
    fields = [(name, _utf8(value)) for name, value in read.raw_items()]
    own = [field for field in fields if field[0].lower() not in _PART_HEADERS]
    if [name for name, _ in own] != [name for name, _ in meant.fields]:
        return "other header fields"
    for (name, value), (_, wanted) in zip(own, meant.fields, strict=True):
        found = _text(value) if isinstance(wanted, str) else _people(value)
        if found != wanted:
            return f"another value in {name}"
    return ""


def _utf8(value: object) -> str:
    """A raw value, with the bytes beyond ASCII that SMTPUTF8 allows (RFC 6531)."""
    return str(value).encode("ascii", "surrogateescape").decode("utf-8")


def _text(value: str) -> str:
    return " ".join(str(make_header(decode_header(value))).split())


def _people(value: str) -> tuple[tuple[str, str], ...]:
    return tuple((_text(name), address) for name, address in getaddresses([value]))


def _part_trouble(read: Message[str, str], meant: Meant) -> str:
    parts = list(read.walk())
    for part in parts:
        names = [name.lower() for name in part.keys()]  # noqa: SIM118 - a Message is no dict: repeats count
        of_mime = names if part is not read else [name for name in names if name in _PART_HEADERS]
        if len(set(of_mime)) < len(of_mime) or not set(of_mime) <= set(_PART_HEADERS):
            return "other header fields in a part"
        if part.defects:
            return f"a damaged part ({type(part.defects[0]).__name__})"
    leaves = [part for part in parts if not part.is_multipart()]
    bodies = [_body(part) for part in leaves if part.get_content_disposition() is None]
    if bodies != [meant.text, *([meant.html] if meant.html else [])]:
        return "another text"
    files = [part for part in leaves if part.get_content_disposition() is not None]
    return "" if tuple(_file(part) for part in files) == meant.files else "other files"


def _payload(part: Message[str, str]) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _body(part: Message[str, str]) -> str:
    return _payload(part).decode("utf-8").replace("\r\n", "\n")


def _file(part: Message[str, str]) -> tuple[str, str, bytes]:
    name = part.get_param("filename", "", "content-disposition")
    filename = _text(collapse_rfc2231_value(name)) if name else ""
    return filename, str(part["Content-ID"] or "").strip("<>"), _payload(part)
