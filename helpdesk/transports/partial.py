"""Making a small, valid message out of the beginning of one that is too large, or cannot be had whole.

Pure functions of bytes. The result has one text part; what was cut is gone, so its source stays on the server.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message

MAX_HEADER_BYTES = 256 * 1024
MAX_TEXT_BYTES = 64 * 1024

_BODY_FIELDS = (b"mime-version:", b"content-")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


def partial_message(header: bytes, part_header: bytes, part_text: bytes) -> bytes:
    """Join the header of a mail with one of its text parts, both as they were sent (still encoded).

    The fields that describe the body come from `part_header`, all others from `header`.
    """
    fields = [f for f in _fields(header[:MAX_HEADER_BYTES]) if not _describes_body(f)]
    body_fields = [f for f in _fields(part_header) if f.lower().startswith(b"content-t")]
    encoded = any(b"base64" in f.lower() for f in body_fields if f.lower().startswith(b"content-transfer"))
    text = _whole_base64(part_text) if encoded else _whole_lines(part_text)
    return b"".join([*fields, b"MIME-Version: 1.0\r\n", *body_fields, b"\r\n", text])


def partial_from_beginning(beginning: bytes) -> bytes:
    """The same from the first bytes of a mail, wherever they were cut."""
    header, _, _ = beginning.partition(b"\n\r\n" if b"\n\r\n" in beginning else b"\n\n")
    part = _first_text(beginning)
    if part is None:
        return partial_message(header, b"", b"")
    described = [
        f"{name}: {value}\r\n" for name, value in part.items() if name.lower().startswith("content-t")
    ]
    part_header = "".join(described).encode("utf-8", "replace")
    del part["Content-Transfer-Encoding"]  # what follows is then the text as it was sent
    payload = part.get_payload(decode=True)
    text = payload if isinstance(payload, bytes) else b""
    return partial_message(header, part_header, text[:MAX_TEXT_BYTES])


def _first_text(beginning: bytes) -> Message | None:
    """Damaged and hostile mail makes the stdlib raise nearly anything; no text is then a good answer."""
    try:
        for part in message_from_bytes(beginning).walk():
            if part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment":
                return part
    except Exception:
        return None
    return None


def _fields(header: bytes) -> list[bytes]:
    """Whole header fields with CRLF, folded lines kept together; lines that belong to no field are dropped."""
    fields: list[bytes] = []
    for line in header.splitlines():
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += line + b"\r\n"
        elif _FIELD.match(line):
            fields.append(line + b"\r\n")
    return fields


def _describes_body(field: bytes) -> bool:
    return field.lower().startswith(_BODY_FIELDS)


def _whole_lines(text: bytes) -> bytes:
    """Up to the last line end, so that no letter and no `=C3=A9` is cut in two."""
    if len(text) < MAX_TEXT_BYTES:
        return text
    return text[: text.rfind(b"\n") + 1] or text


def _whole_base64(text: bytes) -> bytes:
    digits = re.sub(rb"[^A-Za-z0-9+/=]", b"", text)
    whole = digits[: len(digits) // 4 * 4]
    return b"".join(whole[i : i + 76] + b"\r\n" for i in range(0, len(whole), 76))
