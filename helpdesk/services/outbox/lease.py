"""One drain per account at a time."""

from __future__ import annotations

from sqlalchemy import update

from helpdesk.database import db
from helpdesk.models import EmailMessage
from helpdesk.models.mail import EmailState
from helpdesk.services.lease import AccountLease


class SendLease(AccountLease):
    """The right to send for one account; `token` also marks the row in hand, whose claim lasts as long."""

    column = "send_lease"
    longest_s = 20 * 60  # connecting, 35 MB, and ten minutes after the final dot (RFC 5321 4.5.3.2.6)

    def extend_more(self) -> None:
        db.session.execute(
            update(EmailMessage)
            .where(EmailMessage.claim == self.token, EmailMessage.state == EmailState.SENDING)
            .values(claimed_until=self.until())
            .execution_options(synchronize_session=False)
        )
