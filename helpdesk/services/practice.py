"""The practice mailbox: a desk without a mail server, tried out with real mails in folders of this machine.

Only the wire is another: what is written here lies in a Maildir and comes in by the same fetch, ingest and sending as
any mail. Whoever may use it can write as any customer and reads every link the desk sends, so the doors let in
administrators and, at most, the person sitting at this very machine.
"""

from __future__ import annotations

import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import select

from helpdesk.database import db, utcnow
from helpdesk.errors import InvalidInput, NotFound
from helpdesk.mail.charset import decode
from helpdesk.mail.headers import header_text, message_ids, read_addresses, read_date
from helpdesk.mail.html import Designed, design
from helpdesk.mail.mime import read_header
from helpdesk.mail.parse import parse
from helpdesk.mail.practice import CustomerMail, answer_subject, quoted, write
from helpdesk.mail.types import Address, MailFile, ParsedEmail
from helpdesk.models import EmailAccount, EmailMessage, Ticket, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.permissions import Action
from helpdesk.queue import wake_after_commit
from helpdesk.services import access, accounts, events, glance
from helpdesk.services.outbox.queue import hash_of
from helpdesk.transports.base import FetchedMail
from helpdesk.transports.file_drop import FileDrop
from helpdesk.transports.maildir import MaildirSource, deposit

LISTED = 60
LIST_BYTES = 64 * 1024
WROTE_DOMAIN = "practice.example"
POLL_S = 10
KEPT_HERE = ("maildir", "file")  # mail that goes this way out can be read here
MAX_DIGITS = 24
_PREVIEW = re.compile(
    r'<div style="display:none;[^>]*>.*?</div>', re.DOTALL
)  # as the frame of mails writes it


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The accounts one can practise with. `is_private`: beside a real account, whose mails are for administrators."""

    accounts: list[EmailAccount]
    is_private: bool

    def __bool__(self) -> bool:
        return bool(self.accounts)

    @property
    def writable(self) -> list[EmailAccount]:
        return [account for account in self.accounts if account.incoming_protocol == "maildir"]


@dataclass(frozen=True, slots=True)
class SentMail:
    """One mail the desk sent, as the list shows it. `key` names it in addresses."""

    key: str
    to: tuple[Address, ...]
    subject: str
    at: datetime | None
    message_id: str
    ticket: Ticket | None = None


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A sent mail, read."""

    account: EmailAccount
    sent: SentMail
    parsed: ParsedEmail
    raw: bytes
    head: str  # the header as it was sent


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mail that was written: its row once fetched, its ticket once handled."""

    email: EmailMessage | None
    ticket: Ticket | None

    @property
    def is_settled(self) -> bool:
        working = (EmailState.RECEIVED, EmailState.PROCESSING)
        return self.email is not None and self.email.state not in working


def mailboxes() -> Mailboxes:
    """Every practice account while no real one is connected; beside a real one only those whose mails go nowhere."""
    active = [line for line in glance.accounts() if line.is_active]
    real = [line for line in active if line.incoming_protocol != "maildir"]
    shown = [line for line in real if accounts.outgoing_protocol(line) in KEPT_HERE] if real else active
    return Mailboxes(_load([line.id for line in shown]), is_private=bool(real))


def _load(account_ids: list[int]) -> list[EmailAccount]:
    rows = select(EmailAccount).where(EmailAccount.id.in_(account_ids)).order_by(EmailAccount.id)
    return list(db.session.scalars(rows)) if account_ids else []


def is_possible() -> bool:
    """Whether a practice mailbox may be started: no account at all is at work."""
    return not any(line.is_active for line in glance.accounts())


def start(*, actor: User) -> EmailAccount:
    """Within a transaction: make the practice mailbox, or take it up again. Raises NotFound beside another account."""
    if not is_possible():
        raise NotFound("There is no such page.")
    account = accounts.create_practice(actor=actor)
    if not account.is_active:
        accounts.update(account, actor=actor, is_active=True, is_fetching=True)
    account.poll_frequency_s = POLL_S
    return account


def remove(account_id: int, *, actor: User) -> None:
    """Within a transaction: put the practice mailbox away; its tickets stay, its mail files go. Raises NotFound."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    account = accounts.get(account_id)
    if account.incoming_protocol != "maildir" or not account.is_active:
        raise NotFound("There is no such mail account.")
    account.is_active = account.is_fetching = False
    events.record("account.removed", actor=actor, account_id=account.id)


def forget_files(account_id: int) -> None:
    """The mails themselves; outside the transaction, once the account is put away."""
    with suppress(OSError):
        shutil.rmtree(accounts.practice_path(accounts.get(account_id)))


# what the desk sent


def sent_mails(account: EmailAccount) -> list[SentMail]:
    """The latest mails that left through this account, newest first."""
    mails = [
        _glance(account, mail)
        for source in _sent(account)
        for mail in source.fetch(source.uids_after(0)[-LISTED:][::-1], max_bytes=LIST_BYTES)
    ]
    tickets = _tickets_of([mail.message_id for mail in mails])
    return [
        SentMail(
            mail.key, mail.to, mail.subject, mail.at, mail.message_id, tickets.get(hash_of(mail.message_id))
        )
        for mail in mails
    ]


def all_sent(boxes: Mailboxes) -> list[SentMail]:
    """The latest mails of all mailboxes, newest first."""
    mails = [mail for account in boxes.accounts for mail in sent_mails(account)]
    latest = sorted(mails, key=lambda mail: mail.at.timestamp() if mail.at else 0.0, reverse=True)
    return latest[:LISTED]


def open_mail(boxes: Mailboxes, key: str) -> OpenedMail:
    """Read one. Raises NotFound for a key that names none."""
    account_id, _, uid = key.partition("-")
    account = next((a for a in boxes.accounts if str(a.id) == account_id), None)
    if account is None or not uid.isascii() or not uid.isdigit() or len(uid) > MAX_DIGITS:
        raise NotFound("There is no such mail.")
    limit = current_app.config["EMAIL_MAX_MESSAGE_SIZE"] * 2
    found = (mail for source in _sent(account) for mail in source.fetch([int(uid)], max_bytes=limit))
    mail = next(found, None)
    if mail is None:
        raise NotFound("There is no such mail.")
    glance = _glance(account, mail)
    ticket = _tickets_of([glance.message_id]).get(hash_of(glance.message_id))
    sent = SentMail(glance.key, glance.to, glance.subject, glance.at, glance.message_id, ticket)
    head = mail.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return OpenedMail(account, sent, parse(mail.raw), mail.raw, decode(head))


def designed(mail: OpenedMail, pictures: dict[str, str]) -> Designed:
    """Its HTML, cleaned, without the line only lists of mails show; `pictures` tells where each inline picture is served."""
    return design(_PREVIEW.sub("", mail.parsed.html or "", count=1), cid=pictures)


def _sent(account: EmailAccount) -> list[MaildirSource | FileDrop]:
    """Where sent mail may lie: what EMAIL_BACKEND said when it left need not be what it says now."""
    maildir = MaildirSource(accounts.practice_path(account) / "out")
    maildir.open_folder("INBOX")
    return [FileDrop(accounts.drop_path(account)), maildir]


def _glance(account: EmailAccount, mail: FetchedMail) -> SentMail:
    """Only the header is read: a list of many mails must not cost parsing each of them."""
    fields = [(name.lower(), decode(value)) for name, value in read_header(mail.raw)[0]]

    def texts(wanted: str) -> list[str]:
        return [value for name, value in fields if name == wanted]

    return SentMail(
        key=f"{account.id}-{mail.uid}",
        to=read_addresses(texts("to")),
        subject=header_text(next(iter(texts("subject")), "")),
        at=read_date(next(iter(texts("date")), "")) or mail.internal_date,
        message_id=next(iter(message_ids(" ".join(texts("message-id")))), ""),
    )


def _tickets_of(ids: list[str]) -> dict[str, Ticket]:
    """By the hash of the Message-ID."""
    hashes = [hash_of(message_id) for message_id in ids if message_id]
    rows = select(EmailMessage.message_id_hash, Ticket).join(Ticket, Ticket.id == EmailMessage.ticket_id)
    found = db.session.execute(
        rows.where(EmailMessage.message_id_hash.in_(hashes), EmailMessage.direction == Direction.OUT)
    )
    return {row.message_id_hash: row.Ticket for row in found}


# what a customer writes


def answering(mail: OpenedMail) -> dict[str, str]:
    """What a mail program fills in for whoever answers this mail: fields of the form by name."""
    to = next(iter(mail.parsed.to), Address(""))
    return {
        "email": to.email,
        "name": to.name,
        "subject": answer_subject(mail.parsed.subject),
        "text": f"\n\n{quoted(mail.parsed)}",
    }


def send_as_customer(
    account: EmailAccount,
    author: Address,
    subject: str,
    text: str,
    *,
    files: list[MailFile],
    answer_to: OpenedMail | None = None,
) -> str:
    """Put a mail into the account's mailbox as its server would; return the word that asks for its fate.

    Not inside a transaction. Raises InvalidInput for an address no mail can come from.
    """
    word = secrets.token_hex(12)
    parsed = answer_to.parsed if answer_to else None
    to = Address(account.email, account.from_name)
    if parsed is not None:
        to = next(iter(parsed.reply_to or parsed.claimed_from), to)
    try:
        raw = write(
            CustomerMail(
                author=author, to=to, subject=subject, text=text, files=files, date=utcnow(),
                message_id=_id_of(word),
                in_reply_to=parsed.message_id if parsed else "",
                references=parsed.references if parsed else (),
            )
        )  # fmt: skip
    except ValueError as error:
        raise InvalidInput("No mail can come from this address.", field="email") from error
    deposit(accounts.practice_path(account) / "in", raw)
    return word


def wake(account: EmailAccount) -> None:
    """Within a transaction: let a worker fetch now."""
    account.fetch_again_at = None
    wake_after_commit("fetch_account", account.id)


def fate(word: str) -> Fate:
    """What became of a mail written here."""
    found = db.session.scalar(
        select(EmailMessage)
        .where(EmailMessage.message_id_hash == hash_of(_id_of(word)), EmailMessage.direction == Direction.IN)
        .order_by(EmailMessage.id)
        .limit(1)
    )
    ticket = db.session.get(Ticket, found.ticket_id) if found and found.ticket_id else None
    return Fate(found, ticket)


def _id_of(word: str) -> str:
    return f"{word[:64]}@{WROTE_DOMAIN}"
