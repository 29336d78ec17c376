"""Reading only the header and the beginning of the first text of a mail by IMAP."""

from __future__ import annotations

import imaplib
from contextlib import suppress
from typing import Any

from imapclient import IMAPClient

from helpdesk.transports.partial import MAX_HEADER_BYTES, MAX_TEXT_BYTES, partial_message

MAX_DEPTH = 50
_UNREADABLE = (RecursionError, ValueError, AssertionError, AttributeError, KeyError, IndexError, TypeError)


def partial_of(client: IMAPClient, uid: int) -> bytes | None:
    """A valid small message made of the mail, or None when it is gone."""
    header = _section(client, uid, "HEADER", MAX_HEADER_BYTES)
    if header is None:
        return None
    part = _first_text(client, uid)
    if part is None:
        return partial_message(header, b"", b"")
    text = _section(client, uid, part if part != "TEXT" else "TEXT", MAX_TEXT_BYTES) or b""
    described = header if part == "TEXT" else _section(client, uid, f"{part}.MIME", MAX_HEADER_BYTES) or b""
    return partial_message(header, described, text)


def header_of(client: IMAPClient, uid: int, problem: str) -> bytes:
    """The header of a mail the server does not hand over, or a message of ours when it refuses that too."""
    header = None
    with suppress(imaplib.IMAP4.error, *_UNREADABLE):
        header = _section(client, uid, "HEADER", MAX_HEADER_BYTES)
    if header:
        return partial_message(header, b"", b"")
    shown = problem.encode("ascii", "replace").decode("ascii")
    text = f"The mail server names a mail it does not hand over (number {uid}).\r\nIt says: {shown}\r\n"
    return f"Subject: A mail that cannot be fetched\r\nMIME-Version: 1.0\r\n\r\n{text}".encode()


def _section(client: IMAPClient, uid: int, section: str, max_bytes: int) -> bytes | None:
    answer = client.fetch([uid], [f"BODY.PEEK[{section}]<0.{max_bytes}>"]).get(uid, {})
    for item, value in answer.items():
        if item.startswith(b"BODY["):
            return value if isinstance(value, bytes) else b""
    return None


def _first_text(client: IMAPClient, uid: int) -> str | None:
    """The section of the first text that is not a file: `TEXT` when the mail is nothing else.

    A structure nobody can read (thousands of levels, missing fields) is no reason to give the mail up.
    """
    try:
        structure = client.fetch([uid], ["BODYSTRUCTURE"]).get(uid, {}).get(b"BODYSTRUCTURE")
        if structure is None:
            return None
        if not structure.is_multipart:
            return "TEXT" if _is_text(structure) else None
        return _find_text(structure[0], "", MAX_DEPTH)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, *_UNREADABLE):
        return None


def _find_text(parts: list[Any], prefix: str, depth: int) -> str | None:
    for number, part in enumerate(parts, start=1):
        if isinstance(part[0], list):
            found = _find_text(part[0], f"{prefix}{number}.", depth - 1) if depth else None
        else:
            found = f"{prefix}{number}" if _is_text(part) else None
        if found:
            return found
    return None


def _is_text(part: Any) -> bool:
    if not isinstance(part[0], bytes) or part[0].lower() != b"text":
        return False
    # text parts hold 8 basic fields, then MD5, then the disposition (RFC 9051 7.5.2)
    disposition = part[9] if len(part) > 9 else None
    return not (isinstance(disposition, tuple) and disposition[0].lower() == b"attachment")
