"""Any bytes to a ParsedEmail: never raises, never hangs. What is too wild becomes its header, its first text, its source.

Limits are counted before the standard library sees anything: nesting and long headers make it recurse or crawl.
"""

from __future__ import annotations

import email.policy
import logging
import re
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from helpdesk.mail.attachments import safe_filename
from helpdesk.mail.bounce import read_bounce
from helpdesk.mail.charset import clean, decode
from helpdesk.mail.classify import classify_automatic
from helpdesk.mail.headers import header_text, message_ids, normalise_address, read_addresses, single_author
from helpdesk.mail.html import html_to_text
from helpdesk.mail.types import MailFile, ParsedEmail

MAX_HEADER_BYTES = 256 * 1024
MAX_FIELDS = 1_000
MAX_BOUNDARIES = 500
MAX_PARTS = 500
MAX_TEXT = 25 * 1024 * 1024
FALLBACK_TEXT = 200_000
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_CID = re.compile(r"cid:([^\s\"'<>)]{1,300})", re.IGNORECASE)
_STUB = re.compile(
    r"\A\W*(?:your (?:e-?mail )?client (?:does not|cannot)|this (?:is an )?html|view (?:this|in) )",
    re.IGNORECASE,
)
logger = logging.getLogger(__name__)


def parse(raw: bytes) -> ParsedEmail:
    """Read a mail. `problems` says what was damaged; a mail that cannot be read keeps its source as `message.eml`."""
    fields, problems = read_fields(raw)
    try:
        if too_deep := _refuse(raw):
            return _assemble(fields, raw, None, [*problems, too_deep])
        message = BytesParser(policy=email.policy.compat32).parsebytes(raw)
        return _assemble(fields, raw, message, problems)
    except Exception as error:  # a parser of foreign bytes gives a worse answer instead of raising
        logger.info("mail could not be read in full: %s", type(error).__name__)
        return _assemble(fields, raw, None, [*problems, f"damaged: {type(error).__name__}"])


def read_fields(raw: bytes) -> tuple[list[tuple[str, bytes]], list[str]]:
    """The header fields in order, unfolded but not decoded, and what was wrong with them."""
    head, problems = raw[:MAX_HEADER_BYTES], []
    end = re.search(rb"\r?\n\r?\n|\r\r", head)
    if end is None and len(raw) > MAX_HEADER_BYTES:
        problems.append("the header is longer than 256 kB")
    block = head[: end.start()] if end else head
    unfolded = re.sub(rb"(?:\r\n|\r|\n)(?=[ \t])", b"", block.lstrip(b"\r\n"))
    fields: list[tuple[str, bytes]] = []
    for line in re.split(rb"\r\n|\r|\n", unfolded):
        match = _FIELD.match(line)
        if match and len(fields) < MAX_FIELDS:
            fields.append((match[1].decode("ascii"), match[2].strip()))
    return fields, problems


def _refuse(raw: bytes) -> str:
    if raw.lower().count(b"boundary=") > MAX_BOUNDARIES or raw.lower().count(b"message/rfc822") > 50:
        return "too many nested parts"
    if max((len(line) for line in raw[:MAX_HEADER_BYTES].split(b"\n")), default=0) > MAX_HEADER_BYTES // 2:
        return "a header line is too long"
    return ""


class _Body:
    """Collects what the parts of a message are."""

    def __init__(self) -> None:
        self.plain: list[str] = []
        self.html: list[str] = []
        self.files: list[MailFile] = []
        self.texts: list[str] = []
        self.left = MAX_TEXT
        self.count = 0

    def walk(self, part: Message, *, level: int = 0) -> None:
        self.count += 1
        if self.count > MAX_PARTS or level > 50:
            return
        kind = part.get_content_type()
        if kind == "message/rfc822" or (kind.startswith("message/") and kind != "message/delivery-status"):
            self._add_message(part)
        elif part.is_multipart() and not kind.startswith("message/"):
            for child in part.get_payload():
                if isinstance(child, Message):
                    self.walk(child, level=level + 1)
        elif self._is_body(part, kind):
            self._add_text(part, kind)
        else:
            self._add_file(part, kind)

    def _is_body(self, part: Message, kind: str) -> bool:
        if kind not in ("text/plain", "text/html") or part.get_content_disposition() == "attachment":
            return False
        return not filename_of(part)

    def _add_text(self, part: Message, kind: str) -> None:
        payload = part.get_payload(decode=True)
        data = payload[: max(self.left, 0)] if isinstance(payload, bytes) else b""
        self.left -= len(data)
        text = decode(data, str(part.get_content_charset() or ""), is_html=kind == "text/html")
        self.texts.append(text)
        if kind == "text/html":
            self.html.append(text)
        else:
            flowed = str(part.get_param("format") or "").lower() == "flowed"
            self.plain.append(unflow(text) if flowed else text)

    def _add_file(self, part: Message, kind: str) -> None:
        data = part.get_payload(decode=True)
        content_id = header_text(str(part.get("Content-ID", ""))).strip("<> ")
        is_inline = part.get_content_disposition() == "inline" and bool(content_id)
        name = safe_filename(filename_of(part), kind)
        self.files.append(
            MailFile(name, kind, data if isinstance(data, bytes) else b"", content_id, is_inline)
        )

    def _add_message(self, part: Message) -> None:
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        data = first.as_bytes() if isinstance(first, Message) else str(inner).encode("utf-8", "replace")
        subject = header_text(str(first.get("Subject", ""))) if isinstance(first, Message) else ""
        name = filename_of(part) or f"{subject[:100] or 'message'}.eml"
        self.files.append(MailFile(safe_filename(name, "message/rfc822"), part.get_content_type(), data))


def filename_of(part: Message) -> str:
    """The name a part gives itself, decoded; "" when it gives none."""
    try:
        name = part.get_filename()
    except Exception:  # malformed RFC 2231 makes the library raise various things
        name = None
    return header_text(name) if name else ""


def unflow(text: str) -> str:
    """Join the soft line breaks of format=flowed (RFC 3676 4.2); quoted lines stay as they are."""
    lines: list[str] = []
    open_line = False
    for line in text.split("\n"):
        if open_line and not line.startswith(">"):
            lines[-1] += line.removeprefix(" ")
        else:
            lines.append(line.removeprefix(" "))
        open_line = line.endswith(" ") and not line.startswith(">") and line != "-- "
    return "\n".join(lines)


def _assemble(
    fields: list[tuple[str, bytes]], raw: bytes, message: Message | None, problems: list[str]
) -> ParsedEmail:
    def texts(name: str) -> list[str]:
        return [decode(value) for key, value in fields if key.lower() == name]

    def first(name: str) -> str:
        return next(iter(texts(name)), "")

    body = _Body()
    if message is not None:
        body.walk(message)
    else:
        body.plain = [_printable(raw)]
        body.files = [MailFile("message.eml", "message/rfc822", raw)]
    plain, html = "\n\n".join(t.strip("\n") for t in body.plain if t.strip()), "\n".join(body.html)
    if html and (not plain.strip() or _STUB.match(plain[:200])):
        plain = html_to_text(html) or plain
    headers = tuple((name, header_text(value)) for name, value in fields)
    subject = header_text(first("subject"))
    is_report = message is not None and message.get_content_type() == "multipart/report"
    author = single_author(texts("from"))
    claimed = read_addresses(texts("from"))
    sender = claimed[0].email if claimed else ""
    automatic, because = classify_automatic(headers, subject, from_email=sender, is_report=is_report)
    return_path = first("return-path").strip()
    return ParsedEmail(
        message_id=next(iter(message_ids(first("message-id"))), ""),
        in_reply_to=message_ids(" ".join(texts("in-reply-to"))),
        references=message_ids(" ".join(texts("references"))),
        subject=subject,
        author=author,
        claimed_from=claimed,
        reply_to=read_addresses(texts("reply-to")),
        to=read_addresses(texts("to")),
        cc=read_addresses(texts("cc")),
        delivered_to=tuple(
            normalise_address(value.strip().strip("<>"))
            for name in ("delivered-to", "x-original-to", "envelope-to")
            for value in texts(name)
        ),
        return_path=return_path.strip("<>") if return_path else None,
        date=_date(first("date")),
        text=clean(plain).strip("\n"),
        html=clean(html),
        files=tuple(_mark_inline(body.files, html)),
        headers=headers,
        automatic=automatic,
        automatic_because=because,
        bounce=read_bounce(message, body.texts) if message is not None else None,
        is_report=is_report,
        received_count=sum(name.lower() == "received" for name, _ in fields),
        problems=tuple(problems),
        is_partial=bool(first("x-helpdesk-partial")),
    )


def _mark_inline(files: list[MailFile], html: str) -> list[MailFile]:
    """A file is inline when the HTML shows it."""
    used = {name.lower() for name in _CID.findall(html)}
    return [
        MailFile(
            f.filename,
            f.content_type,
            f.data,
            f.content_id,
            f.content_id.lower() in used and bool(f.content_id),
        )
        for f in files
    ]


def _printable(raw: bytes) -> str:
    """The first readable words behind the header."""
    body = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[-1][:FALLBACK_TEXT]
    return "".join(c for c in decode(body) if c.isprintable() or c in "\n\t")


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
