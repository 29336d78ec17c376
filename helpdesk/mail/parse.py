"""Any bytes to a ParsedEmail: never raises, never hangs. What is too wild becomes its header, its first text, its source."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

from helpdesk.mail.body import Body, BodyReader, mark_inline
from helpdesk.mail.bounce import read_bounce, report_type
from helpdesk.mail.charset import clean, decode
from helpdesk.mail.classify import classify_automatic
from helpdesk.mail.headers import (
    header_text,
    message_ids,
    normalise_address,
    read_addresses,
    read_date,
    single_author,
)
from helpdesk.mail.mime import IsLate, TooWildError, body_start, check_time, never, read_header, read_message
from helpdesk.mail.types import Address, Bounce, MailFile, ParsedEmail

MAX_TEXT = 25 * 1024 * 1024
MAX_IDS = 500
FALLBACK_TEXT = 200_000
_NOT_PRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\uf900-\ufffc\U00010000-\U0010ffff]+")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Content:
    """What was found below the header."""

    body: Body
    text: str = ""
    bounce: Bounce | None = None
    report: str = ""
    problems: list[str] = field(default_factory=list)
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Glance:
    """What the header alone says; `sender_*` is who it claims to be from, never to be trusted."""

    message_id: str = ""
    sender_email: str = ""
    sender_name: str = ""
    subject: str = ""


def glance(raw: bytes) -> Glance:
    """Read the few fields a list of mails shows; like `parse` it never raises."""
    try:
        fields = _Fields(read_header(raw)[0])
        sender = next(iter(read_addresses(fields.texts("from"))), Address(""))
        message_id = next(iter(fields.ids("message-id")), "")
        return Glance(message_id, sender.email, sender.name, header_text(fields.first("subject")))
    except Exception as error:  # a parser of foreign bytes gives a worse answer instead of raising
        logger.warning("header could not be read: %s", type(error).__name__)
        return Glance()


def parse(raw: bytes, *, max_text: int = MAX_TEXT, is_late: IsLate = never) -> ParsedEmail:
    """Read a mail. `problems` says what was damaged; a mail that cannot be read whole keeps its source as `message.eml`.

    `max_text` counts decoded bytes of all text parts together. `is_late` is asked between two pieces of work; once it
    says so, the mail counts as one that cannot be read whole.
    """
    fields, problems = read_header(raw)
    content = _content(raw, max_text, is_late)
    if problems or content.is_partial:
        content.body.files.append(MailFile("message.eml", "message/rfc822", raw))
        content.is_partial = True
    content.problems[:0] = problems
    return _assemble(_Fields(fields), content)


def _content(raw: bytes, max_text: int, is_late: IsLate) -> _Content:
    try:
        root, problems = read_message(raw, is_late)
        reader = BodyReader(max_text, is_late)
        body = reader.read(root)
        check_time(is_late)
        text = body.text
        if reader.cut:
            problems.append("the text is too long and was cut")
        bounce = read_bounce(root, [text])
        return _Content(body, text, bounce, report_type(root), problems, is_partial=reader.cut)
    except TooWildError as error:
        reason = str(error)
    except Exception as error:  # a parser of foreign bytes gives a worse answer instead of raising
        logger.warning("mail could not be read in full: %s", type(error).__name__)
        reason = f"damaged: {type(error).__name__}"
    text = _printable(raw)
    return _Content(Body(plain=text), text, problems=[reason], is_partial=True)


class _Fields:
    """The header fields, each decoded when asked for."""

    def __init__(self, fields: list[tuple[str, bytes]]) -> None:
        self.all = fields

    def texts(self, *names: str) -> list[str]:
        """Every field of these names with its charset decoded and nothing else."""
        return [decode(value) for name in names for key, value in self.all if key.lower() == name]

    def first(self, name: str) -> str:
        return next(iter(self.texts(name)), "")

    def ids(self, name: str) -> tuple[str, ...]:
        return message_ids(" ".join(self.texts(name)))[:MAX_IDS]

    def decoded(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, header_text(value)) for name, value in self.all)


def _assemble(fields: _Fields, content: _Content) -> ParsedEmail:
    body, headers = content.body, fields.decoded()
    subject = header_text(fields.first("subject"))
    claimed = read_addresses(fields.texts("from"))
    return_path = fields.first("return-path").strip()
    automatic, because = classify_automatic(
        headers,
        subject,
        from_email=claimed[0].email if claimed else "",
        is_report=bool(content.report) or content.bounce is not None,
    )
    return ParsedEmail(
        message_id=next(iter(fields.ids("message-id")), ""),
        in_reply_to=fields.ids("in-reply-to"),
        references=fields.ids("references"),
        subject=subject,
        author=single_author(fields.texts("from")),
        claimed_from=claimed,
        reply_to=read_addresses(fields.texts("reply-to")),
        to=read_addresses(fields.texts("to")),
        cc=read_addresses(fields.texts("cc")),
        delivered_to=_delivered_to(fields.texts("delivered-to", "x-original-to", "envelope-to")),
        return_path=return_path.strip("<> ") if return_path else None,
        date=read_date(fields.first("date")),
        text=clean(content.text).strip("\n"),
        html=body.html,
        files=mark_inline(body.files, body.html),
        headers=headers,
        automatic=automatic,
        automatic_because=because,
        bounce=content.bounce,
        is_report=bool(content.report),
        received_count=len(fields.texts("received")),
        problems=tuple(content.problems),
        is_partial=content.is_partial,
        particulars=tuple(body.particulars),
    )


def _delivered_to(values: list[str]) -> tuple[str, ...]:
    addresses = (normalise_address(value.strip().strip("<>")) for value in values)
    return tuple(dict.fromkeys(address for address in addresses if address))


def _printable(raw: bytes) -> str:
    """The first readable words behind the header."""
    start = body_start(raw)
    return _NOT_PRINTABLE.sub(" ", decode(raw[start : start + FALLBACK_TEXT])).strip()
