"""One fetch per account at a time: a lease in the database, kept alive while a mail server thinks.

Taken by an UPDATE that names the free state, and asked for again (`hold`) inside every transaction that stores
something: a process that slept past its lease finds it taken and writes nothing.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask, current_app
from sqlalchemy import or_

from helpdesk.database import claim, transaction, utcnow
from helpdesk.models import EmailAccount

logger = logging.getLogger(__name__)
LONGEST_BATCH_S = 10 * 60


class LeaseLost(Exception):
    """Another fetch has taken the account: this one was away for longer than its lease."""


class FetchLease:
    """The right to fetch for one account; used by one thread."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self.token = secrets.token_hex(16)
        self.seconds: int = current_app.config["CLAIM_SECONDS"]
        self._progress = time.monotonic()

    def take(self) -> bool:
        """Within a transaction: take the lease unless another fetch holds it."""
        now = utcnow()
        return claim(
            EmailAccount,
            EmailAccount.id == self.account_id,
            or_(EmailAccount.fetch_lease_until.is_(None), EmailAccount.fetch_lease_until < now),
            fetch_lease=self.token,
            fetch_lease_until=now + timedelta(seconds=self.seconds),
            last_fetch_at=now,
        )

    def hold(self) -> None:
        """Within a transaction: make the lease last. Raises LeaseLost when it is no longer ours."""
        if not self._extend():
            raise LeaseLost
        self._progress = time.monotonic()

    def release(self, **values: object) -> bool:
        """Within a transaction: give the lease back and write `values` to the account; False when it was lost."""
        mine = (EmailAccount.id == self.account_id, EmailAccount.fetch_lease == self.token)
        return claim(EmailAccount, *mine, fetch_lease=None, fetch_lease_until=None, **values)

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

    def _keep_alive(self, app: Flask, done: threading.Event) -> None:
        while not done.wait(self.seconds / 3):
            if time.monotonic() - self._progress > LONGEST_BATCH_S:
                logger.error("account=%s fetching takes too long: the lease ends", self.account_id)
                return
            try:
                with app.app_context(), transaction():
                    if not self._extend():
                        return
            except Exception:
                logger.exception("account=%s the lease could not be renewed", self.account_id)

    def _extend(self) -> bool:
        return claim(
            EmailAccount,
            EmailAccount.id == self.account_id,
            EmailAccount.fetch_lease == self.token,
            fetch_lease_until=utcnow() + timedelta(seconds=self.seconds),
        )
