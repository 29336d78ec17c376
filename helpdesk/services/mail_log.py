"""Every mail in either direction, for admins: found by page and filter, and one explained from end to end. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, Text, cast, func, or_, select
from sqlalchemy.orm import joinedload

from helpdesk.database import db
from helpdesk.models import EmailAccount, EmailMessage, Event, Ticket
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import notifications
from helpdesk.services.ingest import shelving
from helpdesk.services.ingest.delivery import HOLDS_LINK

PAGE_SIZE = 50
WAITING = "waiting"
FOR_A_PERSON = (EmailState.FAILED, EmailState.HELD, EmailState.UNCERTAIN)
RETRIED_OUT = (EmailState.FAILED, EmailState.UNCERTAIN, EmailState.BOUNCED, EmailState.CANCELLED)
PUT_AWAY_OUT = (EmailState.FAILED, EmailState.UNCERTAIN, EmailState.QUEUED)
PLAIN_PURPOSES = frozenset(
    {"test", "mail_held", "fetch_stalled", "fetch_recovered", "sending_stalled", "sending_recovered"}
)


@dataclass(frozen=True, slots=True)
class MailFilter:
    """What the log shows. `state`: one of `EmailState`, or `waiting` for what waits for a person, "" for all."""

    direction: Direction | None = None
    state: str = ""
    account_id: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class MailPage:
    mails: list[EmailMessage]
    next_before: int | None


def find(chosen: MailFilter, *, before: int | None = None, limit: int = PAGE_SIZE) -> MailPage:
    """A page of mails, newest first; `before` is the id the page before ended with."""
    statement = _matching(chosen).options(joinedload(EmailMessage.account)).order_by(EmailMessage.id.desc())
    if before is not None:
        statement = statement.where(EmailMessage.id < before)
    mails = list(db.session.scalars(statement.limit(limit + 1)))
    return MailPage(mails[:limit], mails[limit - 1].id if len(mails) > limit else None)


def _matching(chosen: MailFilter) -> Select[EmailMessage]:
    statement = select(EmailMessage)
    if chosen.direction is not None:
        statement = statement.where(EmailMessage.direction == chosen.direction)
    if chosen.state == WAITING:
        statement = statement.where(EmailMessage.state.in_(FOR_A_PERSON))
    elif chosen.state:
        statement = statement.where(EmailMessage.state == EmailState(chosen.state))
    if chosen.account_id is not None:
        statement = statement.where(EmailMessage.account_id == chosen.account_id)
    for word in chosen.text.split()[:8]:
        columns = (EmailMessage.subject, EmailMessage.from_address, EmailMessage.from_name)
        people = cast(EmailMessage.recipients, Text)
        found = [func.lower(column).contains(word.lower(), autoescape=True) for column in (*columns, people)]
        statement = statement.where(or_(*found))
    return statement


def is_secret(email: EmailMessage) -> bool:
    """Whether the mail may hold a one-time link: then nobody but its recipient reads it.

    Ours are open only when they belong to a ticket or are known to hold none: what is new is secret by default.
    """
    if email.direction is Direction.IN:
        return bool(email.payload.get(HOLDS_LINK))
    links = {template for template, _ in notifications.LINKS.values()}
    return email.purpose in links or (email.ticket_id is None and email.purpose not in PLAIN_PURPOSES)


def may_retry(email: EmailMessage) -> bool:
    if email.direction is Direction.IN:
        return shelving.may_retry(email)
    return email.state in RETRIED_OUT and not email.is_replaced


def may_put_away(email: EmailMessage) -> bool:
    if email.direction is Direction.IN:
        return shelving.may_discard(email)
    return email.state in PUT_AWAY_OUT


def ticket_of(email: EmailMessage) -> Ticket | None:
    return db.session.get(Ticket, email.ticket_id) if email.ticket_id else None


def history(email: EmailMessage) -> Sequence[Event]:
    """What happened to the mail, oldest first."""
    rows = select(Event).where(Event.email_id == email.id).order_by(Event.id)
    return db.session.scalars(rows.options(joinedload(Event.actor))).all()


def accounts() -> list[EmailAccount]:
    return list(db.session.scalars(select(EmailAccount).order_by(EmailAccount.email)))
