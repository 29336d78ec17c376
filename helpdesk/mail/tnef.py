"""winmail.dat: what Outlook sends instead of MIME (MS-OXTNEF, MS-OXCDATA), taken apart.

Written anew because the known reader follows a length of four billion in a file of sixty bytes. Here every step reads
on in the one byte string, and nothing is believed that does not fit into it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from helpdesk.mail.attachments import safe_filename
from helpdesk.mail.charset import clean_line, decode
from helpdesk.mail.rtf import decompress, read_rtf
from helpdesk.mail.types import MailFile

SIGNATURE = 0x223E9F78
MAX_PROPERTIES = 20_000
MAX_FILES = 100
MAX_LEVELS = 3
_EMBEDDED_MAIL = bytes.fromhex("0703020000000000c000000000000046")
# attributes
_SUBJECT, _BODY, _FILE_DATA, _FILE_TITLE = 0x8004, 0x800C, 0x800F, 0x8010
_NEW_FILE, _MAIL_PROPERTIES, _FILE_PROPERTIES, _CODEPAGE = 0x9002, 0x9003, 0x9005, 0x9007
# properties
_TITLE, _TEXT, _RTF, _HTML, _HTML_CODEPAGE = 0x0037, 0x1000, 0x1009, 0x1013, 0x3FDE
_OBJECT, _SHORT_NAME, _LONG_NAME, _SHOWN_NAME, _MIME_TYPE, _CONTENT_ID = (
    0x3701,
    0x3704,
    0x3707,
    0x3001,
    0x370E,
    0x3712,
)
_FIXED = {0: 4, 1: 4, 2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = {0x0D, 0x1E, 0x1F, 0x102}
_MANY, _NAMED, _UNICODE = 0x1000, 0x8000, 0x1F
_CODEPAGES = {
    65001: "utf-8", 20127: "utf-8", 28591: "iso-8859-1", 28592: "iso-8859-2", 28595: "iso-8859-5", 28597: "iso-8859-7",
    28598: "iso-8859-8", 28599: "iso-8859-9", 28605: "iso-8859-15", 20866: "koi8-r", 21866: "koi8-u",
    50220: "iso-2022-jp", 50221: "iso-2022-jp", 50225: "iso-2022-kr", 51932: "euc-jp", 51949: "euc-kr", 52936: "hz",
    54936: "gb18030", 936: "gb18030",
}  # fmt: skip


@dataclass(slots=True)
class Winmail:
    """What was inside. `plain` and `html` say the same; most often the mail around it says it too."""

    plain: str = ""
    html: str = ""
    subject: str = ""
    files: list[MailFile] = field(default_factory=list)


@dataclass(slots=True)
class _Attached:
    data: bytes = b""
    title: str = ""
    properties: dict[int, str | bytes] = field(default_factory=dict)


def unpack(data: bytes, level: int = 1) -> Winmail | None:
    """The contents; None when it is no such file or is too damaged to be of use."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != SIGNATURE:
        return None
    charset, found, attached = "cp1252", Winmail(), list[_Attached]()
    own: dict[int, str | bytes] = {}
    for name, value in _attributes(data):
        if name == _CODEPAGE and len(value) >= 4:
            charset = _charset(struct.unpack_from("<I", value)[0])
        elif name == _SUBJECT:
            found.subject = clean_line(_words(value, charset))
        elif name == _BODY:
            found.plain = _words(value, charset)
        elif name == _MAIL_PROPERTIES:
            own |= _properties(value, charset)
        elif name == _NEW_FILE and len(attached) < MAX_FILES:
            attached.append(_Attached())
        elif attached:
            _add_to(attached[-1], name, value, charset)
    _say(found, own, charset)
    for each in attached:
        found.files += _files(each, level)
    return found if found.files or found.plain or found.html else None


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 6
    for _ in range(MAX_PROPERTIES):
        if at + 9 > len(data):
            return
        name, _, length = struct.unpack_from("<HHI", data, at + 1)
        if length > len(data) - at - 9:
            return
        yield name, data[at + 9 : at + 9 + length]
        at += 11 + length


def _add_to(attached: _Attached, name: int, value: bytes, charset: str) -> None:
    if name == _FILE_DATA:
        attached.data = value
    elif name == _FILE_TITLE:
        attached.title = _words(value, charset)
    elif name == _FILE_PROPERTIES:
        attached.properties |= _properties(value, charset)


def _properties(data: bytes, charset: str) -> dict[int, str | bytes]:
    """The properties that hold words, bytes or numbers (as their bytes), by id; what comes after damage is left out."""
    found: dict[int, str | bytes] = {}
    try:
        (count,) = struct.unpack_from("<I", data)
        at = 4
        for _ in range(min(count, MAX_PROPERTIES)):
            kind, name = struct.unpack_from("<HH", data, at)
            at = _after_name(data, at + 4, name)
            value, at = _value(data, at, kind)
            if kind & ~_MANY in (0x1E, _UNICODE):
                found.setdefault(name, _words(value, "utf-16-le" if kind & ~_MANY == _UNICODE else charset))
            else:
                found.setdefault(name, value)
    except (struct.error, ValueError):
        return found
    return found


def _after_name(data: bytes, at: int, name: int) -> int:
    """Where the value begins: named properties spell out their name first."""
    if name < _NAMED:
        return at
    (is_text,) = struct.unpack_from("<I", data, at + 16)
    if not is_text:
        return at + 24
    (length,) = struct.unpack_from("<I", data, at + 20)
    return at + 24 + _padded(length)


def _padded(length: int) -> int:
    return length + -length % 4


def _value(data: bytes, at: int, kind: int) -> tuple[bytes, int]:
    """The first value of a property and where the next one begins. Raises ValueError, struct.error."""
    plain = kind & ~_MANY
    if plain not in _VARIABLE and plain not in _FIXED:
        raise ValueError("no known type")
    count = 1
    if plain in _VARIABLE or kind & _MANY:
        (count,) = struct.unpack_from("<I", data, at)
        at += 4
    if count * (4 if plain in _VARIABLE else _FIXED[plain]) > len(data) - at:
        raise ValueError("more values than bytes")
    if plain in _FIXED:
        return data[at : at + _FIXED[plain]], at + count * _FIXED[plain]
    first = b""
    for number in range(count):
        (length,) = struct.unpack_from("<I", data, at)
        if length > len(data) - at - 4:
            raise ValueError("longer than the file")
        first = data[at + 4 : at + 4 + length] if number == 0 else first
        at += 4 + _padded(length)
    return first, at


def _charset(codepage: int) -> str:
    return _CODEPAGES.get(codepage, f"cp{codepage}")


def _words(value: bytes, charset: str) -> str:
    return decode(value, charset).replace("\0", "")


def _say(found: Winmail, own: dict[int, str | bytes], charset: str) -> None:
    """Take the body from the best of its forms."""
    number = own.get(_HTML_CODEPAGE, b"")
    if isinstance(number, bytes) and len(number) >= 4:
        charset = _charset(struct.unpack_from("<I", number)[0])
    html, text, rtf, title = own.get(_HTML, ""), own.get(_TEXT, ""), own.get(_RTF, b""), own.get(_TITLE, "")
    found.html = html if isinstance(html, str) else decode(html, charset, is_html=True)
    found.plain = found.plain or (text if isinstance(text, str) else _words(text, charset))
    found.subject = found.subject or (clean_line(title) if isinstance(title, str) else "")
    if isinstance(rtf, bytes) and rtf and not (found.html or found.plain):
        found.plain, found.html = read_rtf(decompress(rtf))


def _files(attached: _Attached, level: int) -> list[MailFile]:
    data = attached.properties.get(_OBJECT, b"")
    if isinstance(data, bytes) and data.startswith(_EMBEDDED_MAIL) and level < MAX_LEVELS:
        inner = unpack(data[len(_EMBEDDED_MAIL) :], level + 1)
        if inner is not None:
            return _as_files(inner)
    names = (attached.properties.get(key) for key in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME))
    name = next((name for name in [*names, attached.title] if isinstance(name, str) and name.strip()), "")
    kind = str(attached.properties.get(_MIME_TYPE) or "application/octet-stream").lower()
    content_id = str(attached.properties.get(_CONTENT_ID) or "").strip("<> ")
    content = attached.data or (data if isinstance(data, bytes) else b"")
    return [MailFile(safe_filename(name, kind), kind, content, clean_line(content_id))] if content else []


def _as_files(mail: Winmail) -> list[MailFile]:
    """A mail inside a mail: its words as one file, and its own files."""
    name = mail.subject[:100] or "message"
    words, ending, kind = (mail.html, "html", "text/html") if mail.html else (mail.plain, "txt", "text/plain")
    said = [MailFile(safe_filename(f"{name}.{ending}", kind), kind, words.encode())] if words else []
    return said + mail.files
