"""How the desk is: what a monitor asks and the admin's pages show. `check` never raises."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from helpdesk import queue
from helpdesk.database import db
from helpdesk.models import EmailMessage
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import accounts, monitor, queries
from helpdesk.services.monitor import Report


@dataclass(frozen=True, slots=True)
class Health:
    """True for each part that is well. Only a lost database makes the desk unusable: the rest is caught up later."""

    database: bool
    redis: bool
    worker: bool
    scheduler: bool

    @property
    def word(self) -> str:
        """`ok`, `degraded` (mail waits) or `down`."""
        if not self.database:
            return "down"
        return "ok" if self.redis and self.worker and self.scheduler else "degraded"


def check() -> Health:
    beats = queue.heartbeats(current_app.config["REDIS_URL"])
    alive = beats or {}
    return Health(
        database=_database_answers(),
        redis=beats is not None,
        worker="worker" in alive,
        scheduler="scheduler" in alive,
    )


def _database_answers() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        db.session.rollback()
        return False
    return True


@dataclass(frozen=True, slots=True)
class Details:
    """What the admins' page tells besides. Seconds since a process was last well, None: it is not running; `listening` likewise."""

    health: Health
    worker_s: float | None
    scheduler_s: float | None
    listening: dict[str, int] | None  # accounts by what the listener is at with them
    redis_is_open: bool
    free_bytes: int
    disk_bytes: int
    waiting_in: int
    oldest_in: datetime | None
    waiting_out: int
    oldest_out: datetime | None
    failed: int
    reports: list[Report]


def details() -> Details:
    """Everything, for a person who looks; asks the database several times."""
    url = current_app.config["REDIS_URL"]
    beats = queue.heartbeats(url) or {}
    disk = shutil.disk_usage(current_app.config["INSTANCE_PATH"])
    waiting_in, oldest_in = _waiting(Direction.IN, EmailState.RECEIVED, EmailState.PROCESSING)
    waiting_out, oldest_out = _waiting(Direction.OUT, EmailState.QUEUED, EmailState.SENDING)
    return Details(
        health=check(),
        worker_s=beats.get("worker"),
        scheduler_s=beats.get("scheduler"),
        listening=queue.listening(url),
        redis_is_open=queue.is_unprotected(url),
        free_bytes=disk.free,
        disk_bytes=disk.total,
        waiting_in=waiting_in,
        oldest_in=oldest_in,
        waiting_out=waiting_out,
        oldest_out=oldest_out,
        failed=queries.count_waiting_mail(),
        reports=monitor.reports(accounts.all_accounts()),
    )


def _waiting(direction: Direction, *states: EmailState) -> tuple[int, datetime | None]:
    """How many mails wait, and since when the one that has waited longest beyond its time does."""
    late = func.coalesce(EmailMessage.due_at, EmailMessage.created_at)
    rows = select(func.count(EmailMessage.id), func.min(late)).where(
        EmailMessage.direction == direction, EmailMessage.state.in_(states)
    )
    count, oldest = db.session.execute(rows).one()
    return count, oldest
