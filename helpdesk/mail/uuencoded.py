"""Files written into the text of a mail, as programs did before MIME."""

from __future__ import annotations

import binascii
import re

from helpdesk.mail.attachments import safe_filename
from helpdesk.mail.types import MailFile

MAX_FILES = 50
_BEGIN = re.compile(rb"(?m)^begin [0-7]{3,4} .*$")
_BLOCK = re.compile(
    r"(?m)^begin [0-7]{3,4} (?P<name>[^\n]{1,200})\n(?P<lines>(?:[!-`][ -`]{0,90}\n)+)(?:[` ]?\n)?end[ \t]*(?:\n|\Z)"
)


def from_uuencode(body: bytes) -> bytes:
    """The bytes of a part that is one encoded file; damaged lines give what can be read."""
    begin = _BEGIN.search(body)
    data = bytearray()
    for line in body[begin.end() if begin else 0 :].replace(b"\r", b"").split(b"\n"):
        if line == b"end":
            break
        data += _line(line) if line else b""  # an empty line would be 32 zeros
    return bytes(data)


def _line(line: bytes) -> bytes:
    wanted = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
    for attempt in (line, line[:wanted]):  # some encoders add to the line, some lose blanks at its end
        try:
            return binascii.a2b_uu(attempt)
        except binascii.Error:
            continue
    return b""


def take_files(text: str) -> tuple[str, list[MailFile]]:
    """The text without the files written into it, and these files."""
    if "begin " not in text:
        return text, []
    files: list[MailFile] = []

    def take(match: re.Match[str]) -> str:
        data = b"".join(_line(line.encode("ascii")) for line in match["lines"].splitlines())
        if not data or len(files) >= MAX_FILES:
            return match[0]
        kind = "application/octet-stream"
        files.append(MailFile(safe_filename(match["name"].strip(), kind), kind, data))
        return ""

    return _BLOCK.sub(take, text), files
