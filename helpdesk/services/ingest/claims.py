"""Which worker has which received mail: taken by one UPDATE in small batches, counted before the work.

Mails never tried come twenty at a time; one that was tried before is taken alone, so that a mail that kills its worker
never costs its neighbours their attempts. A claim ends by itself; whoever then comes first goes on.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import or_, select, update
from sqlalchemy.sql import ColumnElement

from helpdesk.database import claim, db, transaction, utcnow
from helpdesk.models import EmailMessage
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.services import events
from helpdesk.services.lease import is_over
from helpdesk.services.sentences import Sentence, reason_columns

logger = logging.getLogger(__name__)
BATCH = 20
MAX_ATTEMPTS = 5
LONGEST_WAIT = timedelta(hours=1)
WAITS_SINCE = "waits_since"  # in `payload` of a mail that answers one still in work
SOON, LATER = timedelta(seconds=0.2), timedelta(seconds=15)
KILLED = Sentence("The desk was stopped each time it worked on this mail.")


class ClaimLost(Exception):
    """Another worker has taken the mail over: this one was away for too long."""


def _seconds() -> int:
    return int(current_app.config["CLAIM_SECONDS"])


@dataclass
class Claim:
    """Mails that are ours under `token` until the claim ends."""

    token: str
    email_ids: list[int]
    _renewed: float = field(default_factory=time.monotonic)

    def renew(self) -> None:
        """Make the claim last when a good part of it is over. Opens its own transaction."""
        if time.monotonic() - self._renewed < _seconds() / 3:
            return
        with transaction():
            _update(_held_by(self.token), claimed_until=utcnow() + timedelta(seconds=_seconds()))
        self._renewed = time.monotonic()

    def give_back(self) -> None:
        """Let others have what was not begun; the attempt does not count. Opens its own transaction."""
        with transaction():
            _update(
                _held_by(self.token), state=EmailState.RECEIVED, attempts=EmailMessage.attempts - 1,
                claim=None, claimed_until=None,
            )  # fmt: skip


def _held_by(token: str) -> ColumnElement[bool]:
    return (
        (EmailMessage.direction == Direction.IN)
        & (EmailMessage.state == EmailState.PROCESSING)
        & (EmailMessage.claim == token)
    )


def _update(where: ColumnElement[bool], **values: object) -> None:
    statement = update(EmailMessage).where(where).values(**values)
    db.session.execute(statement.execution_options(synchronize_session=False))


def _is_due(now: datetime) -> ColumnElement[bool]:
    latest = now + LONGEST_WAIT  # nothing waits longer, but for a clock that was set back
    return or_(EmailMessage.due_at.is_(None), EmailMessage.due_at <= now, EmailMessage.due_at > latest)


def _fresh(now: datetime) -> ColumnElement[bool]:
    return _received(now) & (EmailMessage.attempts == 0)


def _received(now: datetime) -> ColumnElement[bool]:
    return (
        (EmailMessage.direction == Direction.IN) & (EmailMessage.state == EmailState.RECEIVED) & _is_due(now)
    )


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return (
        (EmailMessage.direction == Direction.IN)
        & (EmailMessage.state == EmailState.PROCESSING)
        & is_over(EmailMessage.claimed_until, now)
    )


def is_waiting() -> bool:
    """Whether a drain would find something to do now."""
    now = utcnow()
    for where in (_received(now), _abandoned(now)):
        if db.session.scalar(select(EmailMessage.id).where(where).limit(1)) is not None:
            return True
    return False


def is_any_in_hand(email_ids: Sequence[int]) -> bool:
    """Whether a worker that lives has one of these mails."""
    held = (EmailMessage.state == EmailState.PROCESSING) & (EmailMessage.claimed_until >= utcnow())
    rows = select(EmailMessage.id).where(EmailMessage.id.in_(email_ids), held)
    return db.session.scalar(rows.limit(1)) is not None


def take(most: int, *, tried_first: bool) -> Claim | None:
    """Claim fresh mails, or one that was tried before; None when there is neither. Opens its own transaction."""
    now = utcnow()
    with transaction():
        _bury(now)
        tried = _received(now) & (EmailMessage.attempts > 0) | _abandoned(now)
        wanted = [(_fresh(now), min(most, BATCH)), (tried, 1)]
        for where, count in reversed(wanted) if tried_first else wanted:
            claimed = _claim(where, count, now)
            if claimed is not None:
                return claimed
    return None


def _claim(where: ColumnElement[bool], count: int, now: datetime) -> Claim | None:
    """Choose, then take: PostgreSQL may run a subquery with a limit more than once within one UPDATE."""
    rows = select(EmailMessage.id).where(where).order_by(EmailMessage.id).limit(count)
    chosen = db.session.scalars(rows.with_for_update(skip_locked=True)).all()
    if not chosen:
        return None
    token = secrets.token_hex(16)
    _update(
        EmailMessage.id.in_(chosen),
        state=EmailState.PROCESSING,
        attempts=EmailMessage.attempts + 1,
        claim=token,
        claimed_until=now + timedelta(seconds=_seconds()),
    )
    return Claim(token, list(chosen))


def _bury(now: datetime) -> None:
    """A mail whose workers died five times is not tried for ever."""
    dead = _abandoned(now) & (EmailMessage.attempts >= MAX_ATTEMPTS)
    for email_id in db.session.scalars(select(EmailMessage.id).where(dead)).all():
        _update(
            (EmailMessage.id == email_id) & dead, state=EmailState.FAILED, tray=Tray.FAILED,
            **reason_columns(KILLED), claim=None, claimed_until=None, finished_at=now,
        )  # fmt: skip
        logger.error("incoming=%s outcome=failed: every worker that tried it died", email_id)
        events.record("email.failed", actor=None, email_id=email_id, reason="killed")


def finish(email_id: int, token: str, **values: object) -> None:
    """Within a transaction: write the last word. Raises ClaimLost when the mail is another worker's by now."""
    mine = (EmailMessage.id == email_id, _held_by(token))
    if not claim(
        EmailMessage, *mine, claim=None, claimed_until=None, due_at=None, finished_at=utcnow(), **values
    ):
        raise ClaimLost


def put_back(email_id: int, token: str, *, wait: timedelta, counts: bool, **values: object) -> None:
    """Within a transaction: try again after `wait`; an attempt that was not the mail's fault does not count."""
    mine = (EmailMessage.id == email_id, _held_by(token))
    attempts = EmailMessage.attempts if counts else EmailMessage.attempts - 1
    claim(
        EmailMessage, *mine, state=EmailState.RECEIVED, attempts=attempts, claim=None, claimed_until=None,
        due_at=utcnow() + wait, **values,
    )  # fmt: skip


def wait_for(email: EmailMessage, cited: Sequence[str], now: datetime) -> timedelta | None:
    """How long a mail must wait for one it cites that is still to become a ticket; None when for none.

    Asked in the transaction that decides, before it looks for the ticket: whoever works on the other mail either has
    committed by now, and its ticket is found, or the answer must not open a second one. Only mails that came earlier
    count, so two that cite each other never wait for ever; and after an hour nobody waits any longer.
    """
    since = email.payload.get(WAITS_SINCE)
    if not cited or (isinstance(since, str) and now - datetime.fromisoformat(since) > LONGEST_WAIT):
        return None
    rows = select(EmailMessage.state, EmailMessage.due_at).where(
        EmailMessage.message_id_hash.in_(cited),
        EmailMessage.direction == Direction.IN,
        EmailMessage.state.in_([EmailState.RECEIVED, EmailState.PROCESSING]),
        EmailMessage.id < email.id,
    )
    found = db.session.execute(rows).all()
    if not found:
        return None
    in_work = [r.state is EmailState.PROCESSING or r.due_at is None or r.due_at <= now for r in found]
    return SOON if any(in_work) else LATER


def attempts_of(email_id: int) -> int:
    return db.session.scalar(select(EmailMessage.attempts).where(EmailMessage.id == email_id)) or 0
