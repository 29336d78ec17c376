"""Whether an account can send: from the first mail its server cannot be used for until one is taken."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, update

from helpdesk.database import db
from helpdesk.models import EmailAccount
from helpdesk.services.sentences import Sentence, kept


def begin(account_id: int, now: datetime, reason: Sentence, detail: str) -> None:
    """Within a transaction: note why it cannot, and since when unless that is known."""
    _set(
        account_id,
        sending_failing_since=func.coalesce(EmailAccount.sending_failing_since, now),
        sending_error=str(reason),
        sending_error_told=kept(reason),
        sending_error_detail=detail,
    )


def end(account_id: int) -> None:
    """Within a transaction: it can."""
    _set(
        account_id,
        sending_failing_since=None,
        sending_error="",
        sending_error_told={},
        sending_error_detail="",
    )


def _set(account_id: int, **values: object) -> None:
    this = update(EmailAccount).where(EmailAccount.id == account_id)
    db.session.execute(this.values(**values).execution_options(synchronize_session="fetch"))
