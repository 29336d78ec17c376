"""The maildrop of a POP3 account: what is new in it by the names the server gives its mails, compared in one query.

POP3 has no cursor and no unread flag. What was taken is a row of `known_mail`, written by the commit that stores the
mail; what lay there long before the account was connected is one that was passed over, and stays unread by us. That
is told by the date of arrival, and only for the first look or when the server names every mail anew: from both ends of
the list, until many in a row are old, so that ten years of mail cost a few questions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from helpdesk.database import after_commit, db, end_read, insert_once, transaction, utcnow
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount, FetchCursor, KnownMail
from helpdesk.models.fetching import MailFate
from helpdesk.models.mail import AfterTaking
from helpdesk.services.fetch_lease import FetchLease
from helpdesk.services.fetch_moved import MOVED
from helpdesk.transports.base import FetchedMail, ListedMail, Maildrop

logger = logging.getLogger(__name__)
CURSOR = "*pop3*"  # the row that says the first look is over; no folder has such a name
OLD_IN_A_ROW = 50
FORGET_AFTER = timedelta(days=30)  # a server may give a name to another mail once the first is gone
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Known:
    fate: MailFate
    failures: int
    since: datetime
    missing_since: datetime | None = None

    @property
    def is_missing(self) -> bool:
        return self.missing_since is not None


class MaildropPlace:
    """All mail of one account, seen through one connection. Its numbers are those of the connection."""

    def __init__(self, account: EmailAccount, lease: FetchLease, drop: Maildrop) -> None:
        self.account = account
        self.lease = lease
        self.drop = drop
        self.pending: list[int] = []
        self.warning: HelpdeskError | None = None
        self._mails: dict[int, ListedMail] = {}
        self._known: dict[str, _Known] = {}
        self._passed: list[str] = []
        self._missing: list[str] = []
        self._is_first = self._is_moved = False

    # what to take

    def plan(self) -> None:
        self._mails = {mail.number: mail for mail in self.drop.listing()}
        self._load()
        names = {mail.name for mail in self._mails.values()}
        self._missing = [
            name for name, known in self._known.items() if name not in names and not known.is_missing
        ]
        unknown = [mail for mail in self._mails.values() if self._is_open(mail.name)]
        is_anew = self._is_first or self._is_moved or self._is_renumbered(names)
        doubtful = unknown if is_anew else self._came_back(unknown)
        old = self._old(doubtful)
        self._passed = sorted({mail.name for mail in doubtful if mail.number in old})
        wanted = [mail for mail in unknown if mail.number not in old]
        self.pending = [mail.number for mail in sorted(wanted, key=self._turn)]

    def save_plan(self) -> None:
        now = utcnow()
        forgotten = [name for name, known in self._known.items() if self._is_forgotten(known, name, now)]
        if not (self._is_first or self._is_moved or self._passed or self._missing or forgotten):
            return
        with transaction():
            self.lease.hold()
            key = {"account_id": self.account.id, "folder": CURSOR}
            insert_once(
                FetchCursor, **key, uidvalidity=0, last_uid=0, pending_uids=[], owed={}, updated_at=now
            )
            if self._is_moved:
                self._begin_anew()
            self._write(self._passed, MailFate.PASSED, now)
            self._delete(forgotten)
            for names in _chunks(self._missing):
                here = (KnownMail.account_id == self.account.id, KnownMail.key.in_(names))
                db.session.execute(update(KnownMail).where(*here).values(missing_since=now))

    def _begin_anew(self) -> None:
        """Forget the names of the mailbox that was read before."""
        here = (FetchCursor.account_id == self.account.id, FetchCursor.folder == CURSOR)
        db.session.execute(update(FetchCursor).where(*here).values(uidvalidity=0))
        db.session.execute(delete(KnownMail).where(KnownMail.account_id == self.account.id))

    def _load(self) -> None:
        cursor = (FetchCursor.account_id == self.account.id, FetchCursor.folder == CURSOR)
        uidvalidity = db.session.scalar(select(FetchCursor.uidvalidity).where(*cursor))
        self._is_first, self._is_moved = uidvalidity is None, uidvalidity == MOVED
        rows = select(
            KnownMail.key,
            KnownMail.fate,
            KnownMail.failures,
            KnownMail.known_since,
            KnownMail.missing_since,
        ).where(KnownMail.account_id == self.account.id)
        self._known = {
            key: _Known(fate, failures, since, missing)
            for key, fate, failures, since, missing in db.session.execute(rows)
            if not self._is_moved
        }
        end_read()

    def _is_open(self, name: str) -> bool:
        """Whether a mail of this name is to be looked at: one that was gone meanwhile may be another."""
        known = self._known.get(name)
        return known is None or known.is_missing or known.fate is MailFate.STUCK

    def _is_renumbered(self, names: Iterable[str]) -> bool:
        """Whether the server names none of the mails it should still have."""
        now = utcnow()
        staying = {
            name
            for name, known in self._known.items()
            if not (known.is_missing or known.fate is MailFate.STUCK or self._is_due(known, now))
        }
        if not staying or not self._mails or staying & set(names):
            return False
        logger.warning("account=%s every mail has another name: looking at everything", self.account.id)
        return True

    def _came_back(self, unknown: Iterable[ListedMail]) -> list[ListedMail]:
        """Those of a name that was passed over once."""
        passed = {name for name, known in self._known.items() if known.fate is MailFate.PASSED}
        return [mail for mail in unknown if mail.name in passed]

    def _old(self, mails: Sequence[ListedMail]) -> set[int]:
        """Numbers of the mails that were there long before the account was connected. No date: not old."""
        days = self.account.first_fetch_days
        if self._is_first and days <= 0:
            return {mail.number for mail in mails}
        began = self.account.start_at - timedelta(days=max(days, 0))
        recent: set[int] = set()
        for order in (list(reversed(mails)), mails):
            in_a_row = 0
            for mail in order:
                if mail.number in recent:
                    continue
                at = self.drop.arrived_at(mail.number)
                in_a_row = in_a_row + 1 if at is not None and at < began else 0
                if not in_a_row:
                    recent.add(mail.number)
                elif in_a_row == OLD_IN_A_ROW:
                    break
        return {mail.number for mail in mails} - recent

    def _turn(self, mail: ListedMail) -> tuple[int, int]:
        """In the server's order; what broke the connection before comes last."""
        known = self._known.get(mail.name)
        return (known.failures if known else 0, mail.number)

    def _is_forgotten(self, known: _Known, name: str, now: datetime) -> bool:
        missing = known.missing_since
        return missing is not None and missing < now - FORGET_AFTER and name not in self._passed

    # taking it

    def fetch(self, numbers: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        return self.drop.fetch([self._mails[number] for number in numbers], max_bytes=max_bytes)

    def key(self, mail: FetchedMail) -> str:
        return f"pop3/{self._mails[mail.uid].name}"

    def record(self, arrived: Sequence[FetchedMail], gone: Sequence[int], put_last: int | None) -> None:
        now = utcnow()
        whole = [self._mails[mail.uid].name for mail in arrived if not mail.is_partial]
        parts = [self._mails[mail.uid].name for mail in arrived if mail.is_partial]
        self._write(whole, MailFate.TAKEN, now)
        self._write(parts, MailFate.PARTIAL, now)
        if put_last is not None:
            name = self._mails[put_last].name
            failures = self._known[name].failures if name in self._known else 0
            self._write([name], MailFate.STUCK, now, failures + 1)
        done = {*(mail.uid for mail in arrived), *gone, put_last}
        pending = [number for number in self.pending if number not in done]
        pending += [put_last] if put_last is not None else []

        def settle() -> None:
            self.pending = pending
            self._known |= {name: _Known(MailFate.TAKEN, 0, now) for name in whole}
            self._known |= {name: _Known(MailFate.PARTIAL, 0, now) for name in parts}

        after_commit(settle)

    def tell(self) -> None:
        """The server is told once, in the end: it deletes when the connection is closed."""

    def finish(self) -> None:
        """Name what is to be deleted: taken whole, committed, and as old as the account says."""
        now = utcnow()
        due = [mail.number for mail in self._mails.values() if self._is_gone_now(mail.name, now)]
        if not due:
            return
        try:
            self.drop.delete(due)
        except HelpdeskError as error:
            logger.warning("account=%s could not delete taken mail: %s", self.account.id, error)
            self.warning = error

    def _is_gone_now(self, name: str, now: datetime) -> bool:
        known = self._known.get(name)
        return known is not None and not known.is_missing and self._is_due(known, now)

    def _is_due(self, known: _Known, now: datetime) -> bool:
        if self.account.after_taking is not AfterTaking.DELETE or known.fate is not MailFate.TAKEN:
            return False
        return known.since <= now - timedelta(days=max(self.account.delete_after_days, 0))

    # its rows

    def _write(self, names: Sequence[str], fate: MailFate, now: datetime, failures: int = 0) -> None:
        self._delete([name for name in names if name in self._known])
        for some in _chunks(list(dict.fromkeys(names))):
            rows = [
                {
                    "account_id": self.account.id,
                    "key": name,
                    "fate": fate,
                    "failures": failures,
                    "known_since": now,
                }
                for name in some
            ]
            db.session.execute(insert(KnownMail), rows)

    def _delete(self, names: Sequence[str]) -> None:
        for some in _chunks(names):
            here = (KnownMail.account_id == self.account.id, KnownMail.key.in_(some))
            db.session.execute(delete(KnownMail).where(*here))


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), ROWS_AT_ONCE):
        yield names[start : start + ROWS_AT_ONCE]
