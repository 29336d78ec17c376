"""A folder of an IMAP account: what is new in it by the UID cursor of (folder, UIDVALIDITY), never by flags or dates.

Every UID found goes to the cursor's `pending_uids` in one commit and leaves it with the commit that stores the mail.
Only the very first look at a folder asks for the unread mails of the last days, so that switching on does not import
ten years; a folder that was numbered anew is read from the account's start, and claims catch what was taken before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from helpdesk.database import after_commit, db, end_read, insert_once, transaction, utcnow
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount, FetchCursor
from helpdesk.services.fetch_after import Afterwards, Owed
from helpdesk.services.fetch_lease import FetchLease
from helpdesk.transports.base import FetchedMail, FolderState, Source

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """The UIDs to take, ascending, and where the cursor then stands. `is_news`: differs from what is stored."""

    uidvalidity: int
    last_uid: int
    uids: list[int]
    is_news: bool


class FolderPlace:
    """One folder, seen through one connection. Its numbers are UIDs."""

    def __init__(self, account: EmailAccount, lease: FetchLease, source: Source, folder: str) -> None:
        self.account = account
        self.lease = lease
        self.source = source
        self.folder = folder
        self.pending: list[int] = []
        self._plan = Plan(0, 0, [], False)
        self._after = Afterwards(account, source, folder, self._save_owed)

    @property
    def warning(self) -> HelpdeskError | None:
        return self._after.warning

    # what to take

    def plan(self) -> None:
        self._plan = self._decide(self.source.open_folder(self.folder))
        self.pending = self._plan.uids

    def save_plan(self) -> None:
        plan, now = self._plan, utcnow()
        if not plan.is_news:
            return
        values = {
            "uidvalidity": plan.uidvalidity,
            "last_uid": plan.last_uid,
            "pending_uids": plan.uids,
            "updated_at": now,
            **self._after.owed.columns(),
        }
        with transaction():
            self.lease.hold()
            key = {"account_id": self.account.id, "folder": self.folder}
            if insert_once(FetchCursor, **key, **values) is None:
                self._update_cursor(**values)

    def _decide(self, state: FolderState) -> Plan:
        cursor = db.session.scalar(
            select(FetchCursor).where(
                FetchCursor.account_id == self.account.id, FetchCursor.folder == self.folder
            )
        )
        stored = None if cursor is None else (cursor.uidvalidity, cursor.last_uid, list(cursor.pending_uids))
        owed = None if cursor is None else Owed.of(cursor)
        end_read()
        if stored is None or owed is None:
            return self._from_scratch(state, self._unread())
        uidvalidity, last_uid, pending = stored
        if uidvalidity != state.uidvalidity or state.next_uid <= last_uid:
            logger.warning(
                "account=%s folder=%s was numbered anew: looking at everything", self.account.id, self.folder
            )
            since_start = self.source.uids_since(self.account.start_at.date(), unseen_only=False)
            return self._from_scratch(state, {*since_start, *self._unread()})
        self._after.load(owed)  # UIDs of an earlier numbering would name other mails
        new = sorted(uid for uid in self.source.uids_after(last_uid) if uid > last_uid)
        return Plan(uidvalidity, max([last_uid, *new]), pending + new, bool(new))

    def _unread(self) -> set[int]:
        """What waited when the account was switched on."""
        days = self.account.first_fetch_days
        if days <= 0:
            return set()
        began: datetime = self.account.start_at - timedelta(days=days)
        return set(self.source.uids_since(began.date(), unseen_only=True))

    def _from_scratch(self, state: FolderState, uids: set[int]) -> Plan:
        """What arrives between opening the folder and now is new by any measure."""
        new = {uid for uid in self.source.uids_after(state.next_uid - 1) if uid >= state.next_uid}
        wanted = sorted(uids | new)
        return Plan(state.uidvalidity, max([state.next_uid - 1, *wanted]), wanted, True)

    # taking it

    def fetch(self, numbers: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        return self.source.fetch(numbers, max_bytes=max_bytes)

    def key(self, mail: FetchedMail) -> str:
        return f"{self.folder}/{self._plan.uidvalidity}/{mail.uid}"

    def record(self, arrived: Sequence[FetchedMail], gone: Sequence[int], put_last: int | None) -> None:
        done = {*(mail.uid for mail in arrived), *gone, put_last}
        pending = [uid for uid in self.pending if uid not in done] + ([put_last] if put_last else [])
        owed = self._after.owing([mail.uid for mail in arrived if not mail.is_partial])
        self._update_cursor(pending_uids=pending, updated_at=utcnow(), **owed.columns())

        def settle() -> None:
            self.pending = pending
            self._after.load(owed)

        after_commit(settle)

    def tell(self) -> None:
        self._after.pay()

    def finish(self) -> None:
        self._after.finish()

    def _save_owed(self, owed: Owed) -> None:
        with transaction():
            self.lease.hold()
            self._update_cursor(**owed.columns())

    def _update_cursor(self, **values: object) -> None:
        here = (FetchCursor.account_id == self.account.id, FetchCursor.folder == self.folder)
        db.session.execute(
            update(FetchCursor).where(*here).values(**values).execution_options(synchronize_session=False)
        )
