"""One drain per connection, and no more connections to an account's server at once than it is set to have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, insert_once, utcnow
from helpdesk.models import EmailAccount, EmailMessage, SendSlot
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services.lease import AccountLease, is_over


@dataclass(frozen=True, slots=True)
class Standing:
    """What of the account's row decides whether the next mail may go: read anew before each."""

    is_sending: bool
    per_minute: int
    per_hour: int
    failing_since: datetime | None

    @property
    def asks_account(self) -> bool:
        """Whether going on means to hold the account's row, to count against its limits or to say that it sends again."""
        return bool(self.per_minute or self.per_hour or self.failing_since)


class SendLease(AccountLease):
    """The right to one of the account's connections; `token` also marks the row in hand, whose claim lasts as long.

    The first one (`number` 0) stands in the account's row, each further one has a row of its own.
    """

    column = "send_lease"
    longest_s = 20 * 60  # connecting, 35 MB, and ten minutes after the final dot (RFC 5321 4.5.3.2.6)

    def __init__(self, account_id: int, number: int = 0) -> None:
        super().__init__(account_id)
        self.number = number
        if number:
            self.model, self.column = SendSlot, "lease"

    def row(self) -> tuple[ColumnElement[bool], ...]:
        if not self.number:
            return super().row()
        return (SendSlot.account_id == self.account_id, SendSlot.number == self.number)

    def take(self, **values: object) -> bool:
        if self.number:
            insert_once(SendSlot, account_id=self.account_id, number=self.number)
        return super().take(**values)

    def extend_more(self) -> None:
        db.session.execute(
            update(EmailMessage)
            .where(EmailMessage.account_id == self.account_id, EmailMessage.direction == Direction.OUT)
            .where(EmailMessage.claim == self.token, EmailMessage.state == EmailState.SENDING)
            .values(claimed_until=self.until())
            .execution_options(synchronize_session=False)
        )

    def standing(self) -> Standing | None:
        """Within a transaction: how the account stands, None when the lease was lost.

        Asking is enough while most of the lease is left, since nobody may take it before its end.
        """
        token, until = (getattr(self.model, name) for name in (self.column, f"{self.column}_until"))
        columns = (
            EmailAccount.is_sending,
            EmailAccount.sends_per_minute,
            EmailAccount.sends_per_hour,
            EmailAccount.sending_failing_since,
        )
        asked = select(token, until, *columns).where(EmailAccount.id == self.account_id, *self.row())
        if self.number:
            asked = asked.where(SendSlot.account_id == EmailAccount.id)
        found = db.session.execute(asked).first()
        if found is None or found[0] != self.token:
            return None
        self.note_progress()
        if found[1] - utcnow() < timedelta(seconds=self.seconds / 2) and not self.renew():
            return None
        return Standing(*found[2:])


def take_free(account_id: int) -> SendLease | None:
    """Within a transaction: the right to a connection nobody uses, None when all are in use."""
    connections = db.session.scalar(
        select(EmailAccount.send_connections).where(EmailAccount.id == account_id)
    )
    for number in range(max(connections or 1, 1)):
        lease = SendLease(account_id, number)
        if lease.take():
            return lease
    return None


def give_back_expired(account_id: int, now: datetime) -> None:
    """Within a transaction: free the further connections of workers that died."""
    db.session.execute(
        update(SendSlot)
        .where(SendSlot.account_id == account_id, is_over(SendSlot.lease_until, now))
        .values(lease=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
