"""How the desk is: what a monitor asks and the admin's pages show. Never raises."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from helpdesk import queue
from helpdesk.database import db


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
