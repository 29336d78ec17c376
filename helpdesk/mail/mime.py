"""The structure of a mail: header fields and a tree of parts, cut out of the raw bytes. Source: RFC 5322, 2045, 2046.

The standard library's parser recurses once per level, keeps every line as an object (150 MB for a mail of 34 MB) and
gives embedded mails back rewritten. Here a part is a range of the one byte string, nesting is limited before it is
entered, and an embedded mail keeps its exact bytes.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from helpdesk.mail.parameters import read_parameters
from helpdesk.mail.uuencoded import from_uuencode

MAX_HEADER_BYTES = 256 * 1024
MAX_FIELDS = 1_000
MAX_LEVELS = 50
MAX_PARTS = 500
_HEADER_END = re.compile(rb"\n[ \t]*\r?\n|\n\r\n")
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]{0,20}:(.*)", re.DOTALL)
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,80}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}\Z")
_FIRST_DELIMITER = re.compile(
    rb"(?m)^--(?P<boundary>[^\s\r\n][^\r\n]{0,90}?)[ \t]*\r?\n[!-9;-~]{1,60}[ \t]?:"
)
_PADDED_BREAK = re.compile(rb"=[ \t]{1,80}(\r?\n)")
SAMPLE = 4096
MAX_BLOCKS = 1_000
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


class TooWildError(Exception):
    """More levels or parts than any honest mail has, or more work; the message says which."""


IsLate = Callable[[], bool]  # asked between two pieces of work: whether the time for this mail is over


def never() -> bool:
    return False


def check_time(is_late: IsLate) -> None:
    """Raises TooWildError when the time for this mail is over."""
    if is_late():
        raise TooWildError("it could not be read in time")


@dataclass(slots=True)
class Part:
    """One MIME entity. `fields` are unfolded raw values in order; `body` is still transfer-encoded."""

    fields: list[tuple[str, bytes]]
    source: bytes = field(repr=False)
    start: int
    end: int
    content_type: str = "text/plain"
    parameters: dict[str, str] = field(default_factory=dict)
    disposition: str = ""
    disposition_parameters: dict[str, str] = field(default_factory=dict)
    children: list[Part] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return self.source[self.start : self.end]

    @property
    def size(self) -> int:
        return self.end - self.start

    @property
    def encoding(self) -> bytes:
        """The transfer encoding in lower case, without what some programs write around it."""
        words = re.split(
            rb"[\s;(]", self.raw("content-transfer-encoding").strip(b" \t\"'").lower(), maxsplit=1
        )
        return words[0].strip(b"\"'")

    def raw(self, name: str) -> bytes:
        """The first field of that name, undecoded, b"" when there is none."""
        return next((value for key, value in self.fields if key.lower() == name), b"")

    def data(self) -> bytes:
        """The body with its transfer encoding undone; damaged encodings give what can be read."""
        encoding = self.encoding
        if encoding == b"base64":
            return _from_base64(self.body)
        if encoding == b"quoted-printable":
            return binascii.a2b_qp(_PADDED_BREAK.sub(rb"=\1", self.body))
        if encoding in (b"x-uuencode", b"uuencode", b"x-uue", b"uue"):
            return from_uuencode(self.body)
        return self.body

    def walk(self) -> Iterator[Part]:
        """This part and everything below it, in order."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.children))


def read_message(raw: bytes, is_late: IsLate = never) -> tuple[Part, list[str]]:
    """The tree of a whole mail and what was odd about it. Raises TooWildError."""
    raw = _with_newlines(raw)
    problems: list[str] = []
    count = 1
    root = _part(raw, _skip_envelope(raw), len(raw), "text/plain")
    waiting = [(root, 1)]
    while waiting:
        check_time(is_late)  # each level may search all of the mail once
        part, level = waiting.pop()
        if not part.content_type.startswith("multipart/"):
            continue
        if level > MAX_LEVELS:
            raise TooWildError("more than 50 nested parts")
        ranges = _ranges(part)
        if not ranges and part.encoding in (
            b"base64",
            b"quoted-printable",
        ):  # against the rules, yet it is sent
            part.source = b"\n" + part.data()  # a delimiter begins behind a line's end
            part.start, part.end = 1, len(part.source)
            part.fields = [field for field in part.fields if field[0].lower() != "content-transfer-encoding"]
            ranges = _ranges(part)
        if not ranges:
            part.content_type = "text/plain"
            problems.append("a multipart without parts")
            continue
        count += len(ranges)
        if count > MAX_PARTS:
            raise TooWildError("more than 500 parts")
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        part.children = [_part(part.source, start, end, default) for start, end in ranges]
        waiting += [(child, level + 1) for child in part.children]
    return root, problems


def read_header(raw: bytes) -> tuple[list[tuple[str, bytes]], list[str]]:
    """The fields of a mail's header, whatever lies below it, and what was wrong with them."""
    raw = _with_newlines(raw[: MAX_HEADER_BYTES + 4])
    start = _skip_envelope(raw)
    fields, end = _header(raw, start, len(raw))
    problems = []
    if end - start >= MAX_HEADER_BYTES:
        problems.append("the header is longer than 256 kB")
    if len(fields) >= MAX_FIELDS:
        problems.append("the header has more than 1,000 fields")
    return fields, problems


def body_start(raw: bytes) -> int:
    """Where the header ends in bytes that may be anything."""
    return _header(raw, _skip_envelope(raw), len(raw))[1]


def _with_newlines(raw: bytes) -> bytes:
    """Mails whose lines end with CR alone exist; nothing else is touched."""
    return raw if b"\n" in raw[:MAX_HEADER_BYTES] or b"\r" not in raw else raw.replace(b"\r", b"\n")


def _skip_envelope(raw: bytes) -> int:
    """Behind a mark of byte order, blank lines and the `From ` line of an mbox."""
    head = raw[:4096]
    start = len(head) - len(head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n"))
    if raw.startswith((b"From ", b">From "), start):
        end = raw.find(b"\n", start, start + 1000)
        return end + 1 if end >= 0 else start
    return start


def _part(raw: bytes, start: int, end: int, default: str) -> Part:
    fields, below = _header(raw, start, end)
    part = Part(fields, raw, min(below, end), end)
    declared, part.parameters = read_parameters(part.raw("content-type"))
    part.content_type = declared if _TYPE.match(declared) else _mended_type(declared, default)
    part.disposition, part.disposition_parameters = read_parameters(part.raw("content-disposition"))
    return part


def _mended_type(declared: str, default: str) -> str:
    """What a malformed type most likely means: `text`, `text-html`, `html`, nothing."""
    if "html" in declared:
        return "text/html"
    if not declared or declared.startswith("text"):
        return default
    return "application/octet-stream"


def _header(raw: bytes, start: int, end: int) -> tuple[list[tuple[str, bytes]], int]:
    """The fields from `start` on and where the body begins. A line that is no field is skipped when more follow."""
    if raw.startswith((b"\n", b"\r\n"), start):
        return [], min(raw.find(b"\n", start) + 1, end)
    found = _HEADER_END.search(raw, start, min(end, start + MAX_HEADER_BYTES))
    stop, below = (found.start(), found.end()) if found else (min(end, start + MAX_HEADER_BYTES),) * 2
    fields: list[tuple[str, bytes]] = []
    values: list[bytes] = []
    lines = raw[start:stop].split(b"\n")
    at = start
    for number, line in enumerate(lines):
        match = _FIELD.match(line)
        if line[:1] in (b" ", b"\t") and values:
            values.append(line.rstrip(b"\r"))
        elif match:
            _close(fields, values)
            if len(fields) < MAX_FIELDS:
                fields.append((match[1].decode("ascii"), b""))
                values = [match[2].rstrip(b"\r")]
        elif not any(map(_FIELD.match, lines[number + 1 : number + 2])):
            below = at  # the blank line before the body is missing
            break
        at += len(line) + 1
    _close(fields, values)
    return fields, below


def _close(fields: list[tuple[str, bytes]], values: list[bytes]) -> None:
    if fields and values:
        fields[-1] = (fields[-1][0], b"".join(values).strip())
        values.clear()


def _ranges(part: Part) -> list[tuple[int, int]]:
    """Where the parts of a multipart lie: between the declared delimiter lines, else between what look like some."""
    declared = part.parameters.get("boundary", "").encode("utf-8", "surrogateescape").rstrip()
    ranges = _between(part, declared) if declared else []
    if not ranges:
        guess = _FIRST_DELIMITER.search(part.source, part.start, part.end)
        ranges = _between(part, guess["boundary"].strip()) if guess else []
    return ranges


def _between(part: Part, boundary: bytes) -> list[tuple[int, int]]:
    raw = part.source
    delimiter = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]{0,50}\r?(?:\n|\Z)")
    ranges: list[tuple[int, int]] = []
    opened = -1
    at = max(part.start - 1, 0)  # the line above ends there
    while found := delimiter.search(raw, at, part.end):
        if opened >= 0:
            ranges.append((opened, max(opened, _line_above(raw, found.start() + 1))))
        opened = (
            -1 if found[1] else found.end()
        )  # behind the end more may come: of a part with the same boundary
        if len(ranges) > MAX_PARTS:
            break
        at = found.end() - 1
    if opened >= 0:  # the closing delimiter was cut off
        ranges.append((opened, part.end))
    return ranges


def _line_above(raw: bytes, at: int) -> int:
    return at - 2 if raw[at - 2 : at] == b"\r\n" else at - 1


def _from_base64(body: bytes) -> bytes:
    """What can be read of it: around foreign letters, over several blocks, as it is when it never was encoded."""
    start = body[:SAMPLE].strip()
    if start.count(b" ") * 15 > len(start):
        return body
    try:
        data = binascii.a2b_base64(body)
    except binascii.Error:
        return _from_digits(_NO_BASE64.sub(b"", body))
    first = body.find(b"=")
    return _from_blocks(body) if 0 < first < len(body) - 8 else data


def _from_digits(digits: bytes) -> bytes:
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _from_blocks(body: bytes) -> bytes:
    """Several encodings one behind the other; where something else begins, a list's footer, they end."""
    found: list[bytes] = []
    for block in body.split(b"=", MAX_BLOCKS):
        digits = b"".join(block.split())
        if _NO_BASE64.search(digits) or len(digits) % 4 == 1:
            break
        found.append(_from_digits(digits))
    return b"".join(found)
