"""One drain per account: a lease in the database, kept alive while a mail server thinks.

After the final dot a server may take ten minutes, a worker that was killed should be replaced within CLAIM_SECONDS.
Both hold because a thread renews the lease and the claim on the row in hand while its drain is alive, and stops when
one mail takes longer than any honest server does: a lease is never renewed for ever.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from flask import Flask, current_app
from sqlalchemy import or_, update

from helpdesk.database import claim, db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.models.mail import EmailState

logger = logging.getLogger(__name__)
LONGEST_SEND_S = 20 * 60  # connecting, 35 MB, and ten minutes after the final dot


class SendLease:
    """The right to send for one account. Used by one thread; `token` also marks the row in hand."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self.token = secrets.token_hex(16)
        self._seconds: int = current_app.config["CLAIM_SECONDS"]
        self._progress = time.monotonic()

    def until(self) -> datetime:
        return utcnow() + timedelta(seconds=self._seconds)

    def take(self) -> bool:
        """Take the lease unless another drain holds it."""
        free = or_(EmailAccount.send_lease_until.is_(None), EmailAccount.send_lease_until < utcnow())
        with transaction():
            return claim(
                EmailAccount,
                EmailAccount.id == self.account_id,
                free,
                send_lease=self.token,
                send_lease_until=self.until(),
            )

    def renew(self) -> bool:
        """Within a transaction: make the lease last; False when another drain has taken it meanwhile."""
        self._progress = time.monotonic()
        return self._extend()

    def release(self) -> None:
        with transaction():
            claim(
                EmailAccount,
                EmailAccount.id == self.account_id,
                EmailAccount.send_lease == self.token,
                send_lease=None,
                send_lease_until=None,
            )

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Renew in the background while the block runs."""
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
        while not done.wait(self._seconds / 3):
            if time.monotonic() - self._progress > LONGEST_SEND_S:
                logger.error("account=%s sending takes too long: the lease ends", self.account_id)
                return
            try:
                with app.app_context(), transaction():
                    self._extend()
                    self._extend_claim()
            except Exception:
                logger.exception("account=%s the lease could not be renewed", self.account_id)

    def _extend(self) -> bool:
        return claim(
            EmailAccount,
            EmailAccount.id == self.account_id,
            EmailAccount.send_lease == self.token,
            send_lease_until=self.until(),
        )

    def _extend_claim(self) -> None:
        db.session.execute(
            update(EmailMessage)
            .where(EmailMessage.claim == self.token, EmailMessage.state == EmailState.SENDING)
            .values(claimed_until=self.until())
            .execution_options(synchronize_session=False)
        )
