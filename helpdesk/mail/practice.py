"""A customer's mail as a mail program would write it, for the practice mailbox: nothing in it tells it from a real one."""

from __future__ import annotations

import email.policy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.utils import format_datetime

from helpdesk.mail.compose import clean
from helpdesk.mail.headers import ascii_domain, is_address
from helpdesk.mail.types import Address, MailFile, ParsedEmail

POLICY = email.policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class CustomerMail:
    """What the customer typed; ids stand without angle brackets."""

    author: Address
    to: Address
    subject: str
    text: str
    message_id: str
    date: datetime
    files: Sequence[MailFile] = ()
    cc: Sequence[Address] = ()
    html: str = ""
    in_reply_to: str = ""
    references: Sequence[str] = ()
    headers: Sequence[tuple[str, str]] = ()


def write(mail: CustomerMail) -> bytes:
    """The finished bytes. Raises ValueError for an address that is none, or that no header can hold."""
    message = EmailMessage(policy=POLICY)
    try:
        message["From"] = _mailbox(mail.author)
        message["To"] = _mailbox(mail.to)
        if mail.cc:
            message["Cc"] = [_mailbox(address) for address in mail.cc]
        message["Subject"] = clean(mail.subject)
        message["Date"] = format_datetime(mail.date)
        message["Message-ID"] = f"<{mail.message_id}>"
        if mail.in_reply_to:
            message["In-Reply-To"] = f"<{mail.in_reply_to}>"
            message["References"] = " ".join(f"<{one}>" for one in (*mail.references, mail.in_reply_to))
        for name, value in mail.headers:
            message[name] = value
        _fill(message, mail)
        return message.as_bytes()
    except (MessageError, UnicodeError, IndexError) as error:
        raise ValueError(str(error)) from error


def _mailbox(address: Address) -> HeaderAddress:
    local, _, domain = address.email.rpartition("@")
    if not is_address(address.email) or not local.isascii():
        raise ValueError(f"{address.email[:100]!r} is no address")
    return HeaderAddress(clean(address.name), addr_spec=f"{local}@{ascii_domain(domain)}")


def _fill(message: EmailMessage, mail: CustomerMail) -> None:
    message.set_content(mail.text.replace("\r\n", "\n").rstrip("\n") + "\n")
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for file in mail.files:
        maintype, _, subtype = file.content_type.partition("/")
        if maintype in {"message", "multipart"} or not subtype.isascii() or not subtype or ";" in subtype:
            maintype, subtype = "application", "octet-stream"
        message.add_attachment(file.data, maintype=maintype, subtype=subtype, filename=clean(file.filename))


def quoted(mail: ParsedEmail) -> str:
    """The mail below the cursor of whoever answers it, as mail programs put it there."""
    author = mail.author or Address("")
    written = f"{mail.date:%a, %d %b %Y at %H:%M}" if mail.date else "an earlier day"
    lines = mail.text.replace("\r\n", "\n").rstrip("\n").split("\n")
    head = f"On {written}, {author.name or author.email} <{author.email}> wrote:"
    return "\n".join([head, "", *(f"> {line}".rstrip() for line in lines)])


def answer_subject(subject: str) -> str:
    """`Re: ` once."""
    return subject if subject[:3].lower() == "re:" else f"Re: {subject}"
