"""Received mail that became no ticket, tray by tray: what lies where, what a mail says, what a person does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, func, literal, select, union_all
from sqlalchemy.orm import joinedload

from helpdesk import storage
from helpdesk.database import db, end_read
from helpdesk.errors import InvalidInput, NotFound
from helpdesk.mail import parse
from helpdesk.models import EmailMessage, Ticket, User
from helpdesk.models.mail import Direction
from helpdesk.models.trays import Tray
from helpdesk.policy.senders import Verdict
from helpdesk.policy.status import Disposition
from helpdesk.services import access, mail_log, senders, waiting_mail
from helpdesk.services.ingest import shelving

PAGE_SIZE = 50
MOST_COUNTED = 100  # a page says "99+"; nobody needs to know of ten thousand
MOST_AT_ONCE = 100
MOST_OF_A_FLOOD = 500
MAX_SHOWN = 20_000
TO_LOOK_AT = (
    Tray.HELD,
    Tray.FAILED,
    Tray.UNDELIVERABLE,
)  # a person should; the others hold what can be left alone


@dataclass(frozen=True, slots=True)
class TrayPage:
    mails: list[EmailMessage]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a mail says, as plain words: never its HTML. `is_cut`: there is more in its source."""

    text: str
    files: tuple[str, ...] = ()
    is_cut: bool = False


def page(
    user: User,
    tray: Tray,
    *,
    account_id: int | None = None,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> TrayPage:
    """The mails in a tray of the accounts this person works on, the newest first."""
    ids = access.account_ids(user)
    wanted = ids & {account_id} if account_id is not None else ids
    rows = select(EmailMessage).where(EmailMessage.tray == tray, EmailMessage.account_id.in_(sorted(wanted)))
    if before is not None:
        rows = rows.where(EmailMessage.id < before)
    rows = rows.options(joinedload(EmailMessage.account)).order_by(EmailMessage.id.desc())
    mails = list(db.session.scalars(rows.limit(limit + 1)))
    return TrayPage(mails[:limit], mails[limit - 1].id if len(mails) > limit else None)


def counts(user: User) -> dict[Tray, int]:
    """How much lies in each tray, up to a hundred; in one statement."""
    ids = sorted(access.account_ids(user))
    parts = [select(literal(tray.value), _count(ids, (tray,))) for tray in Tray]
    return {Tray(name): count for name, count in db.session.execute(union_all(*parts))}


def to_look_at(user: User) -> ScalarSelect[int]:
    """Within a statement: how many mails somebody should look at, up to a hundred."""
    return _count(sorted(access.account_ids(user)), TO_LOOK_AT)


def spam_count(user: User) -> ScalarSelect[int]:
    """Within a statement: how many tickets are spam, up to a hundred."""
    some = select(Ticket.id).where(
        Ticket.disposition == Disposition.SPAM, Ticket.account_id.in_(sorted(access.account_ids(user)))
    )
    return select(func.count()).select_from(some.limit(MOST_COUNTED).subquery()).scalar_subquery()


def _count(account_ids: Sequence[int], trays: Sequence[Tray]) -> ScalarSelect[int]:
    some = select(EmailMessage.id).where(
        EmailMessage.tray.in_(trays), EmailMessage.account_id.in_(account_ids)
    )
    return select(func.count()).select_from(some.limit(MOST_COUNTED).subquery()).scalar_subquery()


def get(user: User, email_id: int) -> EmailMessage:
    """A received mail of an account the person works on, in a tray or taken out of one. Raises NotFound."""
    email = waiting_mail.get(user, email_id)
    if email.direction is not Direction.IN:
        raise NotFound("There is no such mail.")
    return email


def preview(email: EmailMessage) -> Preview | None:
    """What it says; None when its source is kept no longer, or for nobody's eyes. Ends the read it is called in."""
    if email.raw_sha256 is None or mail_log.is_secret(email):
        return None
    try:
        raw = storage.read(email.raw_sha256)
    except storage.StorageError:
        return None
    end_read()
    parsed = parse.parse(raw)
    text = parsed.text.strip()
    return Preview(text[:MAX_SHOWN], tuple(file.filename for file in parsed.files), len(text) > MAX_SHOWN)


def held_with(email: EmailMessage) -> list[int]:
    """The ids of what else is held of the same sender on the same account, with this one, oldest first: one flood."""
    if email.tray is not Tray.HELD or not email.from_address:
        return [email.id]
    rows = select(EmailMessage.id).where(
        EmailMessage.tray == Tray.HELD,
        EmailMessage.account_id == email.account_id,
        EmailMessage.from_address == email.from_address,
    )
    return list(db.session.scalars(rows.order_by(EmailMessage.id).limit(MOST_OF_A_FLOOD)))


# what a person does with one; each within a transaction, and raises Conflict when it was dealt with already


def make_ticket(email: EmailMessage, *, actor: User) -> None:
    """Take it after all; what had failed is tried again."""
    shelving.retry(email.id, actor)


def discard(email: EmailMessage, *, actor: User) -> None:
    """Nobody needs it. It stays, and can be put back."""
    shelving.discard(email.id, actor)


def put_back(email: EmailMessage, *, actor: User) -> None:
    """Into the tray it was discarded from."""
    shelving.put_back(email.id, actor)


def block(email: EmailMessage, *, actor: User) -> None:
    """No more mail from this address to this account, and what is held of it is put aside.

    Raises InvalidInput for a sender that cannot be blocked.
    """
    if not email.from_address:
        raise InvalidInput("This mail names no sender.")
    senders.add(email.from_address, Verdict.BLOCK, account_id=email.account_id, actor=actor)
    shelving.put_aside(email)
