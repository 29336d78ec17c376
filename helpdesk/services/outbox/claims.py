"""Takes a queued row into hand: by one UPDATE that names its old state, so that of several drains one has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.dml import ReturningUpdate

from helpdesk.database import UtcDateTime, db
from helpdesk.models import EmailMessage
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy import envelope
from helpdesk.services import settings
from helpdesk.services.lease import is_over
from helpdesk.services.outbox import queue, rates
from helpdesk.services.outbox.lease import SendLease, Standing


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row in hand, as it was at the moment it was taken; `attempts` counts this one."""

    id: int
    purpose: str
    ticket_id: int | None
    comment_id: int | None
    from_address: str
    recipients: Mapping[str, list[str]] = field(repr=False)
    payload: Mapping[str, object] = field(repr=False)
    attempts: int
    uncertain_count: int
    raw_sha256: str | None
    detail: str = field(repr=False)  # the server's words to the last try

    @property
    def addressed(self) -> list[str]:
        """Everybody it is for, openly or in blind copy."""
        return list(envelope.read(self.recipients).everyone)


COLUMNS = tuple(getattr(EmailMessage, name) for name in Claimed.__slots__)


def take_next(lease: SendLease, standing: Standing, now: datetime) -> Claimed | None:
    """Within a transaction: the mail to send now, None when none may go."""
    if not standing.is_sending or settings.is_holding():
        return None
    up_to = rates.least_urgent(lease.account_id, standing.per_minute, standing.per_hour, now)
    while (due := queue.next_due(lease.account_id, now, up_to=up_to)) is not None:
        taken = _take(due.id, lease, now)
        if taken is not None:
            return taken
    return None


def count_due(account_id: int, now: datetime, *, at_most: int) -> int:
    """How many mails wait to be sent now; those beyond `at_most` are not counted."""
    due = (*_in_state(account_id, EmailState.QUEUED), EmailMessage.due_at <= now)
    rows = select(EmailMessage.id).where(*due).limit(at_most)
    return len(db.session.execute(rows).all())


def _in_state(account_id: int, state: EmailState) -> tuple[ColumnElement[bool], ...]:
    """The direction stands first in the index: without it all the account has ever sent would be read."""
    mail = EmailMessage
    return mail.account_id == account_id, mail.direction == Direction.OUT, mail.state == state


def are_in_hand(account_id: int, now: datetime) -> bool:
    """Whether drains have mails of this account in hand right now."""
    taken = (*_in_state(account_id, EmailState.SENDING), ~is_over(EmailMessage.claimed_until, now))
    rows = select(EmailMessage.id).where(*taken)
    return db.session.scalar(rows.limit(1)) is not None


def in_hand(lease: SendLease, *, besides: int) -> Claimed | None:
    """A row this very drain has taken without having heard of it, since the commit only seemed to fail; not `besides`."""
    mine = (
        EmailMessage.claim == lease.token,
        EmailMessage.state == EmailState.SENDING,
        EmailMessage.id != besides,
    )
    row = db.session.execute(select(*COLUMNS).where(*mine).limit(1)).first()
    return Claimed(*row) if row else None


def _take(email_id: int, lease: SendLease, now: datetime) -> Claimed | None:
    """None when somebody else was faster. Until the server is known not to have taken it, it counts as handed over."""
    values = {"email": email_id, "token": lease.token, "until": lease.until(), "now": now}
    row = db.session.execute(_taking(), values).first()
    return Claimed(*row) if row else None


@cache
def _taking() -> ReturningUpdate[Any]:
    moment = UtcDateTime()
    return (
        update(EmailMessage)
        .where(EmailMessage.id == bindparam("email"), EmailMessage.state == EmailState.QUEUED)
        .values(
            state=EmailState.SENDING, attempts=EmailMessage.attempts + 1, claim=bindparam("token"),
            claimed_until=bindparam("until", type_=moment), handed_at=bindparam("now", type_=moment),
        )
        .returning(*COLUMNS)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
