"""Takes an archive of old mail over: stored in small batches, the oldest first, each mail worked off like any other.

A mail's key is made from its bytes, so an import that was killed goes on where it was when it is called again, and an
archive taken over twice is taken once. `ingest/history.py` says what becomes of each.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from flask import current_app
from sqlalchemy import func, select

from helpdesk.database import as_of, db, end_read, transaction, utcnow
from helpdesk.models import EmailMessage, Ticket
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.status import Status
from helpdesk.services import events
from helpdesk.services.ingest import process, store
from helpdesk.services.ingest.delivery import FORCED, IMPORTED
from helpdesk.services.tickets import changing
from helpdesk.transports.archives import Archive, ArchivedMail

BATCH = 50
T = TypeVar("T")
PREFIX = "import/"
PAYLOAD: dict[str, object] = {IMPORTED: True, FORCED: True}


@dataclass
class Summary:
    """`known` were taken before, by whatever way; `states` says what became of the others."""

    known: int = 0
    states: Counter[str] = field(default_factory=Counter)
    settled: int = 0


class MailImport:
    """An archive to be taken over by one account. Raises InvalidInput for a path that is none."""

    def __init__(self, account_id: int, path: Path) -> None:
        self.account_id = account_id
        self.archive = Archive(path, utcnow())
        self._max_bytes: int = current_app.config["EMAIL_MAX_MESSAGE_SIZE"]

    @property
    def mails(self) -> Sequence[ArchivedMail]:
        return self.archive.mails

    def run(self, status: Status | None, on_step: Callable[[int], None]) -> Summary:
        """Take over everything, and leave what became of it in `status`; None: as the mails themselves make it.

        `on_step` is told how many mails were done. Opens its own transactions.
        """
        summary, email_ids = Summary(), []
        for batch in _batches(self.mails):
            stored = self._store(batch)
            summary.known += len(batch) - len(stored)
            email_ids += stored
            process.drain(limit=BATCH, patience_s=0)
            on_step(len(batch))
        process.drain()
        summary.states = _states(email_ids)
        if status is not None:
            summary.settled = settle(self.account_id, status)
        return summary

    def _store(self, batch: Sequence[ArchivedMail]) -> list[int]:
        staged = []
        for entry in batch:
            mail = self.archive.read(entry, max_bytes=self._max_bytes)
            if mail is not None:
                key = PREFIX + hashlib.sha256(mail.raw).hexdigest()
                staged.append(store.stage(key, mail, payload=PAYLOAD))
        with transaction():
            ids = [store.insert(self.account_id, mail) for mail in staged]
        return [email_id for email_id in ids if email_id is not None]


def settle(account_id: int, status: Status) -> int:
    """Put tickets whose last word came from an archive into `status`, at the time of that word; returns how many."""
    last_word = func.max(EmailMessage.internal_date)
    rows = (
        select(Ticket.id)
        .join(EmailMessage, EmailMessage.ticket_id == Ticket.id)
        .where(
            EmailMessage.account_id == account_id,
            EmailMessage.direction == Direction.IN,
            EmailMessage.transport_key.startswith(PREFIX),
            EmailMessage.state
            != EmailState.DUPLICATE,  # it added nothing to a ticket that lives without the archive
            Ticket.status.not_in([status, Status.CLOSED]),
        )
        .group_by(Ticket.id, Ticket.last_activity_at)
        .having(Ticket.last_activity_at <= last_word)
    )
    ids = list(db.session.scalars(rows))
    end_read()
    for batch in _batches(ids):
        with transaction(), events.quietly():
            for ticket in db.session.scalars(select(Ticket).where(Ticket.id.in_(batch))).all():
                with as_of(ticket.last_activity_at):
                    changing.move(ticket, status, actor=None)
    return len(ids)


def _states(email_ids: Sequence[int]) -> Counter[str]:
    states: Counter[str] = Counter()
    for batch in _batches(email_ids):
        rows = select(EmailMessage.state, func.count()).where(EmailMessage.id.in_(batch))
        for state, count in db.session.execute(rows.group_by(EmailMessage.state)):
            states[state.value] += count
    end_read()
    return states


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
