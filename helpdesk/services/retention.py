"""What is not kept for ever: raw mails, poll logs, ended sessions and links, bytes that belong to nothing.

Tickets, comments, attachments, events and the claims that keep a mail from being taken twice stay. Mails that wait for
a person (failed, held, uncertain) or have yet to be sent keep their bytes however old they are. Runs in small
transactions, so that nobody waits for it; stopped at any moment it goes on the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from helpdesk.database import Base, db, end_read, transaction, utcnow
from helpdesk.models import EmailMessage, EmailPollLog, LoginToken, UserSession
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import settings
from helpdesk.storage import Blob, drop, unused

BATCH = 200
UNUSED_FOR = timedelta(days=1)
QUIET_FOR = timedelta(
    days=7
)  # how long looks at a server that found nothing are kept: there may be one every 15 s
ENDED_FOR = timedelta(days=30)  # how long ended sessions and links are still told apart from unknown ones
DONE_WITH = or_(
    and_(
        EmailMessage.direction == Direction.IN,
        EmailMessage.state.in_(
            [
                EmailState.OPENED,
                EmailState.APPENDED,
                EmailState.DUPLICATE,
                EmailState.IGNORED,
                EmailState.BOUNCED,
                EmailState.DISCARDED,
            ]
        ),
    ),
    and_(
        EmailMessage.direction == Direction.OUT,
        EmailMessage.state.in_([EmailState.SENT, EmailState.BOUNCED]),
    ),
)


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many were, or would be, cleared away; `mail_bytes` is the size of the raw mails."""

    mails: int = 0
    mail_bytes: int = 0
    poll_logs: int = 0
    sessions: int = 0
    links: int = 0
    files: int = 0


def preview(now: datetime | None = None) -> Cleared:
    """What `clean_up` would clear away now. Bytes only old mails refer to are not yet among `files`."""
    now = now or utcnow()
    mails = select(func.count(), func.coalesce(func.sum(EmailMessage.size), 0)).where(_old_mails(now))
    count, size = db.session.execute(mails).one()
    logs, sessions, links = (_count(model, where) for model, where in _old_rows(now))
    return Cleared(count, size, logs, sessions, links, _count(Blob, unused(now - UNUSED_FOR)))


def clean_up(now: datetime | None = None, *, should_stop: Callable[[], bool] | None = None) -> Cleared:
    """Clear away what is old, in many short transactions of its own."""
    now = now or utcnow()
    stop = should_stop or (lambda: False)
    mails, size = _forget_raw_mails(now, stop)
    logs, sessions, links = (_delete(model, where, stop) for model, where in _old_rows(now))
    return Cleared(mails, size, logs, sessions, links, _drop_unused(now, stop))


def limit(now: datetime) -> datetime:
    """Raw mails and logs from before this moment are old."""
    return now - timedelta(days=settings.number("retention_days"))


def _old_mails(now: datetime) -> ColumnElement[bool]:
    return and_(EmailMessage.raw_sha256.is_not(None), EmailMessage.created_at < limit(now), DONE_WITH)


def _old_rows(now: datetime) -> list[tuple[type[Base], ColumnElement[bool]]]:
    return [
        (EmailPollLog, or_(EmailPollLog.started_at < limit(now), _was_quiet(now))),
        (UserSession, UserSession.expires_at < now - ENDED_FOR),
        (LoginToken, LoginToken.expires_at < now - ENDED_FOR),
    ]


def _was_quiet(now: datetime) -> ColumnElement[bool]:
    log = EmailPollLog
    is_nothing = (log.found == 0) & (log.error == "") & (log.warning == "") & log.finished_at.is_not(None)
    return and_(log.started_at < now - QUIET_FOR, is_nothing)


def _count(model: type[Base], where: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(where)) or 0


def _forget_raw_mails(now: datetime, stop: Callable[[], bool]) -> tuple[int, int]:
    mails = size = 0
    for ids in _batches(EmailMessage, EmailMessage.id, _old_mails(now), stop):
        where = (EmailMessage.id.in_(ids), _old_mails(now))
        with transaction():
            sizes = db.session.scalars(select(EmailMessage.size).where(*where)).all()
            db.session.execute(update(EmailMessage).where(*where).values(raw_sha256=None))
        mails, size = mails + len(sizes), size + sum(sizes)
    return mails, size


def _delete(model: type[Base], where: ColumnElement[bool], stop: Callable[[], bool]) -> int:
    deleted = 0
    key = model.__table__.primary_key.columns.values()[0]  # type: ignore[attr-defined]
    for keys in _batches(model, key, where, stop):
        with transaction():
            deleted += len(db.session.scalars(delete(model).where(key.in_(keys), where).returning(key)).all())
    return deleted


def _drop_unused(now: datetime, stop: Callable[[], bool]) -> int:
    """One transaction each: a file is removed within it."""
    dropped = 0
    before = now - UNUSED_FOR
    for keys in _batches(Blob, Blob.sha256, unused(before), stop):
        for sha256 in keys:
            with transaction():
                dropped += drop(str(sha256), before)
    return dropped


def _batches(
    model: type[Base], key: Any, where: ColumnElement[bool], stop: Callable[[], bool]
) -> Iterator[list[object]]:
    """The keys of the rows there are, a batch at a time; read without holding up anybody's write."""
    last = None
    while not stop():
        rows = select(key).select_from(model).where(where).order_by(key).limit(BATCH)
        keys = list(db.session.scalars(rows if last is None else rows.where(key > last)))
        end_read()
        if not keys:
            return
        last = keys[-1]
        yield keys
