"""Finished bytes from what is to be said, checked by reading them again.

The standard library decodes a value a second time when a header is set or folded (CVE-2024-6923, CVE-2026-1299), so
headers are written here by hand: controls stripped, `=?` broken, encoded where needed, folded. Then the bytes are parsed
and compared with what was meant; a mail that says anything else is never sent. The envelope's recipients are not read
from these headers by anybody.
"""

from __future__ import annotations

import email.policy
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.header import Header, decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, getaddresses

from helpdesk.mail.headers import ascii_domain, is_address, normalise_address
from helpdesk.mail.thread import INSTANCE_HEADER, TICKET_HEADER
from helpdesk.mail.types import Address, MailFile

BODY_POLICY = email.policy.SMTP.clone(cte_type="7bit", max_line_length=76)
MAX_REFERENCES = 20
AUTOMATIC = ("", "no", "auto-replied", "auto-generated")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,900}\Z")
_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,100}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}\Z")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+\Z")


class ComposeError(ValueError):
    """What was asked for cannot be said safely in a mail."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail to be made. Ids stand without brackets; `date` is aware.

    `automatic` is "", or the value of Auto-Submitted (RFC 3834 5): "auto-replied", "auto-generated".
    """

    sender: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    html: str
    message_id: str
    date: datetime
    instance: str
    cc: tuple[Address, ...] = ()
    reply_to: Address | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    files: tuple[MailFile, ...] = ()
    automatic: str = ""
    ticket_tag: str = ""


def clean(text: str) -> str:
    """One line that no header can be broken out of: no controls, no lone surrogates, no encoded words."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    text = " ".join(unicodedata.normalize("NFC", text).split())
    while "=?" in text:
        text = text.replace("=?", "= ?")
    return text


def recipients(draft: Draft) -> list[str]:
    """The addresses of To and Cc, each once."""
    return list(dict.fromkeys(address.email for address in (*draft.to, *draft.cc)))


def compose(draft: Draft) -> bytes:
    """Return the mail with CRLF line ends, 7-bit but for SMTPUTF8 addresses. Raises ComposeError.

    A display name that would not survive is left out rather than the mail.
    """
    _refuse_bad(draft)
    for names in (True, False):
        raw = _header_block(draft, names=names) + _body(draft)
        trouble = _differences(raw, draft)
        if not trouble:
            return raw
    raise ComposeError(f"the finished mail would not say what was meant: {trouble}")


def _refuse_bad(draft: Draft) -> None:
    people = [draft.sender, *draft.to, *draft.cc, *([draft.reply_to] if draft.reply_to else [])]
    if not draft.to:
        raise ComposeError("a mail needs a recipient")
    for person in people:
        if not is_address(person.email) or person.email != person.email.strip():
            raise ComposeError(f"{person.email[:100]!r} is no address")
    for message_id in (draft.message_id, *([draft.in_reply_to] if draft.in_reply_to else [])):
        if not _MESSAGE_ID.match(message_id):
            raise ComposeError("a Message-ID holds letters that must not stand in one")
    if draft.date.tzinfo is None:
        raise ComposeError("the date needs a time zone")
    if draft.automatic not in AUTOMATIC:
        raise ComposeError(f"{draft.automatic!r} is no value of Auto-Submitted")


def _fields(draft: Draft) -> list[tuple[str, str]]:
    """The plain header fields in order; those with names of people are written apart."""
    fields = [
        ("Subject", _text_value(clean(draft.subject), len("Subject: "))),
        ("Date", format_datetime(draft.date)),
        ("Message-ID", f"<{draft.message_id}>"),
    ]
    if draft.in_reply_to:
        fields.append(("In-Reply-To", f"<{draft.in_reply_to}>"))
    if references := _references(draft):
        fields.append(("References", "\r\n ".join(f"<{message_id}>" for message_id in references)))
    fields.append((INSTANCE_HEADER, clean(draft.instance)))
    if draft.ticket_tag:
        fields.append((TICKET_HEADER, clean(draft.ticket_tag)))
    if draft.automatic not in ("", "no"):
        fields += [("Auto-Submitted", draft.automatic), ("X-Auto-Response-Suppress", "All")]
    return fields


def _references(draft: Draft) -> list[str]:
    """First and last ids (RFC 5322 3.6.4): the first names the thread, the last lead to this mail."""
    good = [m for m in dict.fromkeys((*draft.references, draft.in_reply_to)) if m and _MESSAGE_ID.match(m)]
    return good if len(good) <= MAX_REFERENCES else [good[0], *good[-(MAX_REFERENCES - 1) :]]


def _header_block(draft: Draft, *, names: bool) -> bytes:
    people = [("From", (draft.sender,)), ("To", draft.to), ("Cc", draft.cc)]
    if draft.reply_to:
        people.append(("Reply-To", (draft.reply_to,)))
    lines = [f"{name}: {_mailboxes(list_, names=names)}" for name, list_ in people if list_]
    lines += [f"{name}: {value}" for name, value in _fields(draft)]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


def _mailboxes(people: tuple[Address, ...], *, names: bool) -> str:
    return ",\r\n ".join(_mailbox(person, names=names) for person in people)


def _mailbox(person: Address, *, names: bool) -> str:
    local, _, domain = person.email.rpartition("@")
    email_ = f"{local}@{ascii_domain(domain)}"
    name = clean(person.name)[:200]
    if not names or not name:
        return email_
    if _PLAIN_NAME.match(name):
        return f"{name} <{email_}>" if len(name) < 60 else f"{_encoded(name, 10)} <{email_}>"
    if name.isascii() and len(name) < 60:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{email_}>'
    return f"{_encoded(name, 10)} <{email_}>"


def _text_value(text: str, used: int) -> str:
    """An unstructured value, folded at spaces; encoded (RFC 2047) when it is not ASCII or has no place to fold."""
    if text.isascii() and all(len(word) < 70 for word in text.split()):
        return _fold(text, used)
    return _encoded(text, used)


def _fold(text: str, used: int) -> str:
    lines, width = [""], used
    for word in text.split(" "):
        if width + len(word) + 1 > 76 and lines[-1]:
            lines.append("")
            width = 1
        lines[-1] += (" " if lines[-1] else "") + word
        width += len(word) + 1
    return "\r\n ".join(lines)


def _encoded(text: str, used: int) -> str:
    return Header(text, "utf-8", maxlinelen=74, header_name="x" * max(used - 2, 0)).encode(linesep="\r\n")


def _body(draft: Draft) -> bytes:
    """The MIME part: text, HTML beside it, files around both."""
    message = EmailMessage(policy=BODY_POLICY)
    _set_text(message, draft.text, "plain")
    if draft.html:
        alternative = EmailMessage(policy=BODY_POLICY)
        _set_text(alternative, draft.html, "html")
        message.make_alternative()
        message.attach(alternative)
    for file in draft.files:
        _attach(message, file)
    return message.as_bytes()


def _set_text(message: EmailMessage, text: str, subtype: str) -> None:
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    foreign = sum(not c.isascii() for c in text)
    cte = "base64" if foreign * 3 > len(text) else "quoted-printable"
    message.set_content(text, subtype=subtype, charset="utf-8", cte=cte)


def _attach(message: EmailMessage, file: MailFile) -> None:
    content_type = file.content_type.split(";", maxsplit=1)[0].strip().lower()
    maintype, _, subtype = content_type.partition("/")
    if not _CONTENT_TYPE.match(content_type) or maintype in ("message", "multipart"):
        maintype, subtype = "application", "octet-stream"
    message.add_attachment(
        file.data, maintype=maintype, subtype=subtype, cte="base64", filename=clean(file.filename) or "file"
    )


def _differences(raw: bytes, draft: Draft) -> str:
    """What a reader would see otherwise than meant; "" when nothing."""
    read = BytesParser(policy=email.policy.compat32).parsebytes(raw)
    meant = [
        name
        for name, people in (("From", True), ("To", True), ("Cc", draft.cc), ("Reply-To", draft.reply_to))
        if people
    ]
    meant += [name for name, _ in _fields(draft)]
    found = [name for name in read.keys() if not name.lower().startswith(("content-", "mime-"))]  # noqa: SIM118
    if found != meant:
        return "other header fields"
    for name, people in (("From", (draft.sender,)), ("To", draft.to), ("Cc", draft.cc)):
        values = [str(value) for value in read.get_all(name, [])]
        addresses = [normalise_address(address) for _, address in getaddresses(values)]
        if addresses != [normalise_address(person.email) for person in people]:
            return f"other addresses in {name}"
    subject = " ".join(str(make_header(decode_header(str(read["Subject"])))).split())
    if subject != clean(draft.subject):
        return "another subject"
    if str(read["Message-ID"]).strip() != f"<{draft.message_id}>":
        return "another Message-ID"
    files = [part for part in read.walk() if part.get_content_disposition() == "attachment"]
    return "" if len(files) == len(draft.files) else "other attachments"
