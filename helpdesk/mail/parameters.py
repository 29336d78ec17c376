"""Parameters of Content-Type and Content-Disposition as they are found in the wild. Source: RFC 2045, 2231."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from helpdesk.mail.charset import decode

MAX_VALUE = 16_384
MAX_PARAMETERS = 100
_NAME = re.compile(r"([a-z0-9_.!#$&^+-]{1,60})(?:\*(\d{1,3}))?(\*)?\s*\Z", re.IGNORECASE)
_WORDS = {"boundary", "charset", "format", "delsp", "method", "protocol", "report-type", "smime-type"}
_COMMENT = re.compile(r"\s+\(")  # file names may hold such
_SPACED_NAME = re.compile(r"\s+(?=(?:charset|boundary|name|filename|format|delsp)\*?=)", re.IGNORECASE)


def read_parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """(the value in lower case, its parameters by lower-case name). Never raises; never decodes RFC 2047."""
    text = decode(raw[:MAX_VALUE])
    pieces = list(_pieces(text))
    value = pieces[0].strip().strip("\"'").lower() if pieces else ""
    value, _, extra = value.partition(" ") if "/" in value else (value, "", "")
    plain: dict[str, str] = {}
    split: dict[str, dict[int, tuple[str, bool]]] = {}
    for piece in [extra, *pieces[1:]][:MAX_PARAMETERS]:
        name, equals, content = piece.partition("=")
        match = _NAME.match(name.strip())
        if not equals or match is None:
            continue
        key, content = match[1].lower(), content.strip()
        if key in _WORDS and not content.startswith('"'):
            content = _COMMENT.split(content, maxsplit=1)[0]
        content = _unquoted(content)
        if match[2] is None and match[3] is None:
            plain.setdefault(key, content)
        else:
            split.setdefault(key, {}).setdefault(int(match[2] or 0), (content, bool(match[3])))
    for key, sections in split.items():  # RFC 2231 wins over the plain form beside it
        plain[key] = _rejoined(sections)
    return value, plain


def _pieces(text: str) -> Iterator[str]:
    """Cut at semicolons outside of quotes; a name that lost its semicolon begins a piece too."""
    start, quoted, at = 0, False, 0
    while at < len(text):
        letter = text[at]
        if quoted and letter == "\\":
            at += 1
        elif letter == '"':
            quoted = not quoted
        elif letter == ";" and not quoted:
            yield from _SPACED_NAME.split(text[start:at]) if '"' not in text[start:at] else [text[start:at]]
            start = at + 1
        at += 1
    last = text[start:]
    yield from _SPACED_NAME.split(last) if '"' not in last else [last]


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    end = len(text) - 1 if len(text) > 1 and text.endswith('"') else len(text)
    # a backslash before anything but a quote or itself is a path of Windows, not an escape
    return re.sub(r"\\([\\\"])", r"\1", text[1:end])


def _rejoined(sections: dict[int, tuple[str, bool]]) -> str:
    charset, data = "", b""
    for number, (content, is_encoded) in sorted(sections.items()):
        value = content
        if is_encoded and number == min(sections) and content.count("'") >= 2:
            charset, _, value = content.split("'", 2)
        data += unquote_to_bytes(value) if is_encoded else value.encode("utf-8", "replace")
    return decode(data, charset)
