"""One look at one folder: which mails to take, and taking them in batches.

Every UID found goes to the cursor's `pending_uids` in one commit and leaves it with the commit that stores the mail:
whenever this process dies, the next one goes on where it was, and the worst is a mail fetched twice. Mails are read
over the wire and their bytes staged outside any transaction; marking them as read comes after the commit, is repeated
for known ones, and may fail without harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from helpdesk.database import db, end_read, insert_once, transaction, utcnow
from helpdesk.errors import HelpdeskError, TransportError
from helpdesk.models import EmailAccount, FetchCursor
from helpdesk.queue import wake_after_commit
from helpdesk.services import accounts
from helpdesk.services.fetch_lease import FetchLease, LeaseLost
from helpdesk.services.ingest import store
from helpdesk.transports.base import FetchedMail, FolderState, Source

logger = logging.getLogger(__name__)
MAX_BATCH_BYTES = 16 * 1024 * 1024
STORE_AFTER_S = 20.0  # on a slow line what has come is stored at once, so that a cut costs little


@dataclass(frozen=True, slots=True)
class Plan:
    """The UIDs to take, ascending, and where the cursor then stands. `is_news`: differs from what is stored."""

    uidvalidity: int
    last_uid: int
    uids: list[int]
    is_news: bool


class Run:
    """One fetch of one folder under a lease; counts what it does."""

    def __init__(
        self, account: EmailAccount, lease: FetchLease, source: Source | None, folder: str, limit: int | None
    ) -> None:
        self.account = account
        self.lease = lease
        self.given = source
        self.folder = folder
        self.left = limit
        self.found = self.taken = self.known = 0
        self.pending: list[int] = []
        self.email_ids: list[int] = []
        self.uidvalidity = 0
        self.batch_size = max(account.max_mails_per_poll, 1)
        self.max_bytes: int = current_app.config["EMAIL_MAX_MESSAGE_SIZE"]

    def work(self, should_stop: Callable[[], bool] | None, deadline: float | None) -> None:
        """Take everything there is. Raises TransportError, StorageError, LeaseLost."""
        with self.connected() as source:
            plan = self.plan(source, source.open_folder(self.folder))
            self.uidvalidity, self.pending, self.found = plan.uidvalidity, plan.uids, len(plan.uids)
            if plan.is_news:
                self._save_plan(plan)
            while self.pending and self.left != 0:
                if (should_stop and should_stop()) or (deadline and time.monotonic() >= deadline):
                    return
                self._take(source, self.pending[: min(self.batch_size, self.left or self.batch_size)])

    @contextmanager
    def connected(self) -> Iterator[Source]:
        source = self.given or accounts.source_of(self.account)
        try:
            yield source
        finally:
            if source is not self.given:
                source.close()

    # what to take

    def plan(self, source: Source, state: FolderState) -> Plan:
        """Decide by the cursor what to take; reads only."""
        cursor = db.session.scalar(
            select(FetchCursor).where(
                FetchCursor.account_id == self.account.id, FetchCursor.folder == self.folder
            )
        )
        stored = None if cursor is None else (cursor.uidvalidity, cursor.last_uid, list(cursor.pending_uids))
        end_read()
        if stored is None:
            return self._from_scratch(source, state, self._unread(source))
        uidvalidity, last_uid, pending = stored
        if uidvalidity != state.uidvalidity or state.next_uid <= last_uid:
            logger.warning(
                "account=%s folder=%s was numbered anew: looking at everything", self.account.id, self.folder
            )
            since_start = source.uids_since(self.account.start_at.date(), unseen_only=False)
            return self._from_scratch(source, state, {*since_start, *self._unread(source)})
        new = sorted(uid for uid in source.uids_after(last_uid) if uid > last_uid)
        return Plan(uidvalidity, max([last_uid, *new]), pending + new, bool(new))

    def _unread(self, source: Source) -> set[int]:
        """What waited when the account was switched on."""
        days = self.account.first_fetch_days
        if days <= 0:
            return set()
        began: datetime = self.account.start_at - timedelta(days=days)
        return set(source.uids_since(began.date(), unseen_only=True))

    def _from_scratch(self, source: Source, state: FolderState, uids: set[int]) -> Plan:
        """What arrives between opening the folder and now is new by any measure."""
        new = {uid for uid in source.uids_after(state.next_uid - 1) if uid >= state.next_uid}
        wanted = sorted(uids | new)
        return Plan(state.uidvalidity, max([state.next_uid - 1, *wanted]), wanted, True)

    def _save_plan(self, plan: Plan) -> None:
        now = utcnow()
        values = {
            "uidvalidity": plan.uidvalidity,
            "last_uid": plan.last_uid,
            "pending_uids": plan.uids,
            "updated_at": now,
        }
        with transaction():
            self.lease.hold()
            key = {"account_id": self.account.id, "folder": self.folder}
            if insert_once(FetchCursor, **key, **values) is None:
                self._update_cursor(**values)

    def _update_cursor(self, **values: object) -> None:
        here = (FetchCursor.account_id == self.account.id, FetchCursor.folder == self.folder)
        db.session.execute(
            update(FetchCursor).where(*here).values(**values).execution_options(synchronize_session=False)
        )

    # taking it

    def _take(self, source: Source, uids: list[int]) -> None:
        """Store these mails; those that are gone meanwhile are passed over.

        What came before a fault is stored. A mail that breaks the connection each time moves behind the others, so
        that it holds up nobody but itself.
        """
        staged: list[store.StagedMail] = []
        arrived: list[int] = []
        marked: list[int] = []
        since = time.monotonic()
        try:
            for mail in source.fetch(uids, max_bytes=self.max_bytes):
                staged.append(store.stage(self._key(mail), mail))
                arrived.append(mail.uid)
                if not mail.is_partial:
                    marked.append(mail.uid)
                is_much = sum(m.blob.size for m in staged) >= MAX_BATCH_BYTES
                if is_much or time.monotonic() - since >= STORE_AFTER_S:
                    self._store(staged, arrived)
                    staged, since = [], time.monotonic()
        except (LeaseLost, SQLAlchemyError):
            raise
        except Exception as error:
            self._store(staged, arrived, put_last=None if arrived else uids[0])
            if not isinstance(error, TransportError):
                self._mark_seen(source, marked)
            raise
        self._store(staged, uids)
        if self.left is not None:
            self.left = max(self.left - len(uids), 0)
        self._mark_seen(source, marked)

    def _key(self, mail: FetchedMail) -> str:
        return f"{self.folder}/{self.uidvalidity}/{mail.uid}"

    def _store(self, staged: list[store.StagedMail], done: list[int], put_last: int | None = None) -> None:
        """One transaction: the rows, and the UIDs in `done` leave the list of what waits."""
        gone = {*done, put_last}
        pending = [uid for uid in self.pending if uid not in gone] + ([put_last] if put_last else [])
        with transaction():
            self.lease.hold()
            ids = [store.insert(self.account.id, mail) for mail in staged]
            self._update_cursor(pending_uids=pending, updated_at=utcnow())
            if any(ids):
                wake_after_commit("process_incoming")
        self.pending = pending
        self.email_ids += [email_id for email_id in ids if email_id is not None]
        self.taken = len(self.email_ids)
        self.known += sum(email_id is None for email_id in ids)

    def _mark_seen(self, source: Source, uids: list[int]) -> None:
        if not uids:
            return
        try:
            source.mark_seen(uids)
        except HelpdeskError as error:
            logger.warning("account=%s could not mark mails as read: %s", self.account.id, error)
