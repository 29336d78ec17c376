"""Taking mail in batches: read over the wire and staged outside any transaction, stored and committed, then told of.

Where mail lies, what waits there and how far taking it has come is the matter of a `Place`: a folder
(`fetch_folder.py`) or a POP3 maildrop (`fetch_maildrop.py`). Whenever this process dies, the next one goes on where it
was, and the worst is a mail fetched twice; what the server is told comes after the commit and may fail without harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError, TransportError
from helpdesk.models import EmailAccount
from helpdesk.queue import wake_after_commit
from helpdesk.services.fetch_lease import FetchLease, LeaseLost
from helpdesk.services.ingest import store
from helpdesk.transports.base import FetchedMail

logger = logging.getLogger(__name__)
MAX_BATCH_BYTES = 16 * 1024 * 1024
STORE_AFTER_S = 20.0  # on a slow line what has come is stored at once, so that a cut costs little


class Place(Protocol):
    """What waits on a server, by numbers its connection knows it by. `pending`: what is to be taken, the first next."""

    pending: list[int]

    @property
    def warning(self) -> HelpdeskError | None:
        """What the server refused besides handing mail over."""

    def plan(self) -> None:
        """Decide what to take; reads only."""

    def save_plan(self) -> None:
        """Write down what was decided, so that it is not decided anew."""

    def fetch(self, numbers: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        """Yield what still exists of these."""

    def key(self, mail: FetchedMail) -> str:
        """The transport key of a mail: what tells it from every other one of the account."""

    def record(self, arrived: Sequence[FetchedMail], gone: Sequence[int], put_last: int | None) -> None:
        """Within the transaction that stores what `arrived`: these need not be taken again.

        `gone` do not exist any more; `put_last` broke the connection and waits until the others are taken. `pending`
        is what is left once the transaction has committed.
        """

    def tell(self) -> None:
        """Tell the server of what is safe here. Never raises for the server's fault."""

    def finish(self) -> None:
        """All is taken that shall be: tell what is left to tell, and write down what was told."""


class Run:
    """One fetch of one account under a lease; counts what it does."""

    def __init__(self, account: EmailAccount, lease: FetchLease, limit: int | None) -> None:
        self.account = account
        self.lease = lease
        self.left = limit
        self.found = self.taken = self.known = 0
        self.is_more = False
        self.warning: HelpdeskError | None = None
        self.email_ids: list[int] = []
        # one by one after a fault: a server that dies of one mail hands over none of those asked for with it
        self.batch_size = 1 if account.consecutive_failures else max(account.max_mails_per_poll, 1)
        self.max_bytes: int = current_app.config["EMAIL_MAX_MESSAGE_SIZE"]

    def work(
        self, place: Place, should_stop: Callable[[], bool] | None = None, deadline: float | None = None
    ) -> None:
        """Take everything that is there. Raises TransportError, StorageError, LeaseLost."""
        place.plan()
        place.save_plan()
        self.found += len(place.pending)
        try:
            while place.pending and self.left != 0:
                if (should_stop and should_stop()) or (deadline and time.monotonic() >= deadline):
                    break
                self._take(place, place.pending[: min(self.batch_size, self.left or self.batch_size)])
            place.finish()
        finally:
            self.is_more = self.is_more or bool(place.pending)
            self.warning = self.warning or place.warning

    def _take(self, place: Place, numbers: list[int]) -> None:
        """Store these mails; those that are gone meanwhile are passed over.

        What came before a fault is stored. A mail that breaks the connection each time moves behind the others, so
        that it holds up nobody but itself.
        """
        staged: list[store.StagedMail] = []
        arrived: list[FetchedMail] = []
        rest = list(numbers)
        since = time.monotonic()
        try:
            for mail in place.fetch(numbers, max_bytes=self.max_bytes):
                staged.append(store.stage(place.key(mail), mail))
                arrived.append(mail.without_bytes())
                rest.remove(mail.uid)
                is_much = sum(m.blob.size for m in staged) >= MAX_BATCH_BYTES
                if is_much or time.monotonic() - since >= STORE_AFTER_S:
                    self._store(place, staged, arrived)
                    staged, arrived, since = [], [], time.monotonic()
        except (LeaseLost, SQLAlchemyError):
            raise
        except Exception as error:
            self._store(place, staged, arrived, put_last=numbers[0] if rest == numbers else None)
            if not isinstance(error, TransportError):
                place.tell()
            raise
        self._store(place, staged, arrived, gone=rest)
        if self.left is not None:
            self.left = max(self.left - len(numbers), 0)
        place.tell()

    def _store(
        self,
        place: Place,
        staged: Sequence[store.StagedMail],
        arrived: Sequence[FetchedMail],
        *,
        gone: Sequence[int] = (),
        put_last: int | None = None,
    ) -> None:
        """One transaction: the rows, and that these mails do not wait any longer."""
        with transaction():
            self.lease.hold()
            ids = [store.insert(self.account.id, mail) for mail in staged]
            place.record(arrived, gone, put_last)
            if any(ids):
                wake_after_commit("process_incoming")
        self.email_ids += [email_id for email_id in ids if email_id is not None]
        self.taken = len(self.email_ids)
        self.known += sum(email_id is None for email_id in ids)
