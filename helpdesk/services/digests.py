"""Gathers what a member of the team would have been mailed into one mail a day or a week.

1. `put` keeps an event for a person, in the transaction in which it happened.
2. `send`, by the timetable or by a command, looks whose turn has come, and in one transaction takes the turn, takes
   what has gathered and queues the mail. A process that dies has done all of it or nothing; of two at once one does it.
3. The mail is made when it is sent (`outbox/digests.py`): who may not read something any more is not told of it.

A turn is a day of the reader's calendar and is taken once, whatever his clock, his zone and the machine's clock do. What
happens after it waits for the next. Who wants single mails again gets at once what has gathered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, or_, select, true

from helpdesk.database import claim, db, end_read, insert_once, transaction, utcnow
from helpdesk.models import DigestEntry, EmailAccount, Event, Ticket, User
from helpdesk.policy.audience_table import URGENT, Kind
from helpdesk.policy.digest import FURTHEST_AHEAD, Every, Turn, is_untold, last_turn
from helpdesk.services import preferences, settings
from helpdesk.services.outbox import queue

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that is due: whose, and of how many tickets and facts."""

    user_id: int
    email: str
    tickets: int
    facts: int


def is_for(user: User, kind: Kind) -> bool:
    """Whether a mail of this kind waits for the person's digest."""
    if not user.is_team or user.digest is Every.OFF:
        return False
    return not (user.digest_spares_urgent and kind in URGENT)


def put(user: User, ticket: Ticket, event: Event) -> None:
    """Within the transaction of the event: keep it for the person's next digest, once."""
    insert_once(
        DigestEntry, user_id=user.id, ticket_id=ticket.id, event_id=event.id, created_at=event.occurred_at
    )


def gathered(user: User) -> int:
    """How much waits for the person's next digest."""
    waits = select(func.count(DigestEntry.id)).where(DigestEntry.user_id == user.id)
    return db.session.scalar(waits) or 0


def preview(now: datetime | None = None) -> list[Digest]:
    """What `send` would send now. Reads only."""
    now = now or utcnow()
    found = [_look(user_id, now) for user_id in _waiting_for()]
    return [due[0] for due in found if due is not None]


def send(now: datetime | None = None, *, should_stop: Callable[[], bool] | None = None) -> list[Digest]:
    """Queue every digest whose turn has come. Opens its own transactions, one for each."""
    now = now or utcnow()
    ids = _waiting_for()
    end_read()
    sent = []
    for user_id in ids:
        if should_stop is not None and should_stop():
            break
        try:
            with transaction():
                digest = _send(user_id, now)
        except Exception:  # one person's must not hold up the others'
            db.session.rollback()
            logger.exception("user=%s digest not queued", user_id)
            continue
        if digest is not None:
            sent.append(digest)
            logger.info("user=%s digest tickets=%s facts=%s", user_id, digest.tickets, digest.facts)
    return sent


def _waiting_for() -> list[int]:
    rows = select(DigestEntry.user_id).group_by(DigestEntry.user_id)
    return list(db.session.scalars(rows.order_by(func.min(DigestEntry.id))))


def _look(user_id: int, now: datetime) -> tuple[Digest, Turn | None] | None:
    """What is due for this person, and the turn it is for, None for one who wants no digest any more."""
    user = db.session.get_one(User, user_id)
    turn = _turn(user, now)
    if turn is not None and not is_untold(turn, user.digest_told, now=now):
        return None
    columns = func.count(func.distinct(DigestEntry.ticket_id)), func.count()
    tickets, facts = db.session.execute(select(*columns).where(*_due(user_id, turn, now))).one()
    return (Digest(user_id, user.email, tickets, facts), turn) if facts else None


def _turn(user: User, now: datetime) -> Turn | None:
    if user.digest is Every.OFF:
        return None
    zone = ZoneInfo(user.timezone) if user.timezone else settings.desk_zone()
    return last_turn(preferences.rhythm_of(user), zone, now)


def _due(user_id: int, turn: Turn | None, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What gathered before the turn; what lies ahead was written before the machine's clock was set back."""
    if turn is None:
        return (DigestEntry.user_id == user_id, true())
    return (
        DigestEntry.user_id == user_id,
        or_(DigestEntry.created_at < turn.at, DigestEntry.created_at > now),
    )


def _send(user_id: int, now: datetime) -> Digest | None:
    """None when it is not due, another process was first, or no account can send it: then it goes on waiting."""
    due = _look(user_id, now)
    if due is None:
        return None
    digest, turn = due
    user = db.session.get_one(User, user_id)
    is_reader = user.is_active and user.is_team and bool(user.email)
    account = _account(user_id) if is_reader else None
    if (is_reader and account is None) or not _take(user_id, turn, now):
        return None
    entries = delete(DigestEntry).where(*_due(user_id, turn, now))
    rows = db.session.execute(entries.returning(DigestEntry.ticket_id, DigestEntry.event_id))
    taken = [(ticket_id, event_id) for ticket_id, event_id in rows]
    if account is None or not taken:
        return None
    queue.add(
        account,
        purpose=queue.DIGEST,
        to=[user.email],
        payload={"user_id": user_id, "every": user.digest.value, "tickets": _by_ticket(taken)},
    )
    return digest


def _take(user_id: int, turn: Turn | None, now: datetime) -> bool:
    """Take the turn, unless another process has; without one whoever deletes what has gathered has taken it."""
    if turn is None:
        return True
    far_ahead = (now + FURTHEST_AHEAD).date()
    untold = or_(User.digest_told.is_(None), User.digest_told < turn.day, User.digest_told > far_ahead)
    return claim(User, User.id == user_id, User.digest != Every.OFF, untold, digest_told=turn.day)


def _account(user_id: int) -> EmailAccount | None:
    """Which account sends it: the one most of it is about, of those that send."""
    told = (
        select(Ticket.account_id, func.count().label("facts"))
        .join(DigestEntry)
        .where(DigestEntry.user_id == user_id)
    )
    facts = told.group_by(Ticket.account_id).subquery()
    rows = select(EmailAccount).outerjoin(facts, facts.c.account_id == EmailAccount.id)
    rows = rows.where(EmailAccount.is_active, EmailAccount.is_sending)
    order = (func.coalesce(facts.c.facts, 0).desc(), EmailAccount.id)
    return db.session.scalars(rows.order_by(*order).limit(1)).first()


def _by_ticket(taken: Iterable[tuple[int, int]]) -> dict[str, list[int]]:
    """Ids of events by ticket, in the order in which things happened."""
    found: dict[str, list[int]] = {}
    for ticket_id, event_id in sorted(taken, key=lambda one: one[1]):
        found.setdefault(str(ticket_id), []).append(event_id)
    return found
