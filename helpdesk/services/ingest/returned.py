"""Which mail of ours a report gives back: by its id, or by what else in it only this desk can have signed.

Some services (Amazon SES among them) put ids of their own in place of ours; then the reply address in the returned header
or the mark in the returned text tell. Both name the very mail, and both are as hard to guess as the id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.mail import thread
from helpdesk.mail.charset import decode
from helpdesk.mail.complaint import MAX_READ, RETURNED
from helpdesk.mail.headers import normalise_address, read_addresses
from helpdesk.mail.mime import read_header
from helpdesk.mail.thread import IssuedId
from helpdesk.models import EmailMessage
from helpdesk.models.mail import Direction
from helpdesk.services import keys, settings
from helpdesk.services.ingest.delivery import Delivery
from helpdesk.services.ingest.reading import THREAD_KEYS
from helpdesk.services.outbox.queue import hash_of


def find_sent(mail: Delivery, ids: Iterable[str]) -> EmailMessage | None:
    """The mail of ours that a report is about: `ids` first, then what was signed. None for a mail of somebody else."""
    for message_id in ids:
        if (sent := by_id(message_id)) is not None:
            return sent
    return next((sent for issued in _signed(mail) if (sent := _by_issued(issued)) is not None), None)


def is_proven(sent: EmailMessage, mail: Delivery) -> bool:
    """Whether the report gives back the header of that very mail, with the reply address only its readers know."""
    found = (_read_token(address) for address in _reply_addresses(mail))
    return any(issued is not None and _by_issued(issued) is sent for issued in found)


def last_sent(sent: EmailMessage | None, recipients: Iterable[str]) -> EmailMessage | None:
    """Of a mail that was sent once more the last time one of `recipients` was among its people; else the mail itself."""
    named = {normalise_address(one) for one in recipients}
    if sent is None or not sent.message_id_hash:
        return sent
    last = [mail for mail in _every_time(sent) if named & {normalise_address(one) for one in mail.addressed}]
    return last[-1] if last else sent


def everybody(sent: EmailMessage) -> dict[str, str]:
    """Whom this mail was sent to, however often: each as it is compared and as it was written."""
    return {normalise_address(one): one for mail in _every_time(sent) for one in mail.addressed}


def _every_time(sent: EmailMessage) -> Sequence[EmailMessage]:
    """The rows that bear the id of this mail, which is one of them."""
    if not sent.message_id_hash:
        return [sent]
    rows = select(EmailMessage).where(
        EmailMessage.direction == Direction.OUT, EmailMessage.message_id_hash == sent.message_id_hash
    )
    return db.session.scalars(rows.order_by(EmailMessage.id)).all()


def by_id(message_id: str) -> EmailMessage | None:
    """The mail of ours with this id."""
    return _first(EmailMessage.message_id_hash == hash_of(message_id)) if message_id else None


def _by_issued(issued: IssuedId) -> EmailMessage | None:
    in_ticket = EmailMessage.ticket_id == issued.ticket_id
    return _first(in_ticket & EmailMessage.message_id.startswith(issued.message_prefix, autoescape=True))


def _first(condition: object) -> EmailMessage | None:
    ours = select(EmailMessage).where(EmailMessage.direction == Direction.OUT, condition)  # type: ignore[arg-type]
    return db.session.scalar(ours.order_by(EmailMessage.id).limit(1))


def _signed(mail: Delivery) -> Iterator[IssuedId]:
    """Reply addresses in returned headers, then marks in returned texts; never what the report itself is sent to."""
    for address in _reply_addresses(mail):
        if (issued := _read_token(address)) is not None:
            yield issued
    accepted, instance = keys.accepted_keys(THREAD_KEYS), settings.instance_id()
    for text in mail.reading.given_back:
        yield from thread.read_markers(text, keys=accepted, instance=instance)


def _read_token(address: str) -> IssuedId | None:
    return thread.read_reply_token(
        thread.token_in(address), keys=keys.accepted_keys(THREAD_KEYS), instance=settings.instance_id()
    )


def _reply_addresses(mail: Delivery) -> Iterator[str]:
    for file in mail.reading.parsed.files:
        if file.content_type in RETURNED:
            header = read_header(file.data[:MAX_READ])[0]
            values = [decode(value) for name, value in header if name.lower() == "reply-to"]
            yield from (address.email for address in read_addresses(values))
