"""The right to do one thing for one account: a lease in the database, kept alive while a mail server thinks.

Taken by an UPDATE that names the free state, and asked for again inside every transaction that rests on it: a process
that slept past its lease finds it taken and writes nothing. A worker that was killed is replaced within CLAIM_SECONDS,
yet a server may think for minutes: a thread renews the lease while its owner is alive, and stops when one piece of work
takes longer than any honest server does.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import ClassVar

from flask import Flask, current_app
from sqlalchemy import or_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import ColumnElement

from helpdesk.database import Base, claim, transaction, utcnow
from helpdesk.models import EmailAccount

logger = logging.getLogger(__name__)


def longest(seconds: int) -> timedelta:
    """How far ahead the end of a claim of so many seconds can lie, were it made by a machine whose clock runs fast."""
    return timedelta(seconds=2 * seconds) + timedelta(minutes=5)


def is_over(
    end: ColumnElement[datetime | None] | InstrumentedAttribute[datetime | None], now: datetime
) -> ColumnElement[bool]:
    """Whether a lease or claim that ends then binds nobody: it is past, or further away than any can last.

    The latter was written before a clock was set back, and nobody may wait for that.
    """
    return or_(end < now, end > now + longest(int(current_app.config["CLAIM_SECONDS"])))


class AccountLease:
    """Used by one thread. `column` names the lease's column, its end stands in `<column>_until`; in the account's row,
    unless `model` and `row` name another one."""

    model: type[Base] = EmailAccount
    column: str
    longest_s: ClassVar[int]

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self.token = secrets.token_hex(16)
        self.seconds: int = current_app.config["CLAIM_SECONDS"]
        self._progress = time.monotonic()

    def row(self) -> tuple[ColumnElement[bool], ...]:
        """Which row of `model` holds the lease."""
        return (EmailAccount.id == self.account_id,)

    def until(self) -> datetime:
        """When the lease ends if it is taken or renewed now."""
        return utcnow() + timedelta(seconds=self.seconds)

    def take(self, **values: object) -> bool:
        """Within a transaction: take the lease, and write `values`, unless somebody holds it."""
        end = getattr(self.model, f"{self.column}_until")
        is_free = or_(end.is_(None), is_over(end, utcnow()))
        return self._claim(is_free, **{self.column: self.token}, **self._ends(), **values)

    def note_progress(self) -> None:
        """The work gets somewhere: the background may go on renewing."""
        self._progress = time.monotonic()

    def renew(self) -> bool:
        """Within a transaction: make the lease last; False when somebody has taken it meanwhile."""
        self.note_progress()
        return self._extend()

    def release(self, **values: object) -> bool:
        """Within a transaction: give the lease back and write `values`; False when it was lost."""
        return self._claim(self._is_mine(), **{self.column: None, f"{self.column}_until": None}, **values)

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Renew in the background while the block runs, as long as it gets anywhere."""
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        done = threading.Event()
        thread = threading.Thread(target=self._keep_alive, args=(app, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def extend_more(self) -> None:
        """Within a transaction: make last what hangs on the lease."""

    def _keep_alive(self, app: Flask, done: threading.Event) -> None:
        while not done.wait(self.seconds / 3):
            if time.monotonic() - self._progress > self.longest_s:
                logger.error("account=%s %s takes too long: it ends", self.account_id, self.column)
                return
            try:
                with app.app_context(), transaction():
                    if not self._extend():
                        return
                    self.extend_more()
            except Exception:
                logger.exception("account=%s %s could not be renewed", self.account_id, self.column)

    def _extend(self) -> bool:
        return self._claim(self._is_mine(), **self._ends())

    def _ends(self) -> dict[str, object]:
        return {f"{self.column}_until": self.until()}

    def _is_mine(self) -> object:
        return getattr(self.model, self.column) == self.token

    def _claim(self, where: object, **values: object) -> bool:
        return claim(self.model, *self.row(), where, **values)
