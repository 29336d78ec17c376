"""How many mails an account may hand over within a minute and within an hour, counted from the rows of all processes.

A mail counts from the moment it is claimed, and no more once the server has not taken it. Part of each limit is kept for
what people wait for: notifications leave a fifth of it free, answers a twentieth, a link to sign in may use all of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, hold, utcnow
from helpdesk.models import EmailAccount, EmailMessage

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LINKS, ANSWERS = 0, 1  # `EmailMessage.urgency`; whatever is less urgent is a notification
KEPT_FREE = {LINKS: 0.0, ANSWERS: 0.05}
KEPT_FROM_OTHERS = 0.2
NOTHING, EVERYTHING = -1, 99
AHEAD = timedelta(minutes=5)  # so much may the clocks of two machines differ


def share(limit: int, urgency: int) -> int:
    """How much of a limit mails of this urgency may use; at least one mail."""
    return max(limit - int(limit * KEPT_FREE.get(urgency, KEPT_FROM_OTHERS)), 1)


def least_urgent(account_id: int, per_minute: int, per_hour: int, now: datetime) -> int:
    """Within a transaction: mails up to this urgency may go now; NOTHING or EVERYTHING included.

    The account is held until the commit, so that two processes do not both take the last place.
    """
    if not per_minute and not per_hour:
        return EVERYTHING
    hold(EmailAccount.id, account_id)
    may_go = EVERYTHING
    for limit, window in ((per_minute, MINUTE), (per_hour, HOUR)):
        if limit:
            may_go = min(may_go, _least_urgent(limit, _handed_over(account_id, now - window)))
    return may_go


def _least_urgent(limit: int, used: int) -> int:
    if used < share(limit, EVERYTHING):
        return EVERYTHING
    if used < share(limit, ANSWERS):
        return ANSWERS
    return LINKS if used < limit else NOTHING


def free_at(account_id: int, urgency: int, now: datetime) -> datetime:
    """When the next mail of this urgency may go: now, or once enough of those that count have left their window."""
    account = db.session.get_one(EmailAccount, account_id)
    moments = [now]
    for limit, window in ((account.sends_per_minute, MINUTE), (account.sends_per_hour, HOUR)):
        if not limit:
            continue
        too_many = _handed_over(account_id, now - window) - share(limit, urgency)
        if too_many >= 0:
            counted = select(EmailMessage.handed_at).where(*_counts(account_id, now - window))
            last = db.session.scalar(counted.order_by(EmailMessage.handed_at).offset(too_many).limit(1))
            moments.append((last or now) + window)
    return max(moments)


def _handed_over(account_id: int, since: datetime) -> int:
    counted = select(func.count(EmailMessage.id)).where(*_counts(account_id, since))
    return db.session.scalar(counted) or 0


def _counts(account_id: int, since: datetime) -> tuple[ColumnElement[bool], ...]:
    """What lies ahead was written before a clock was set back, and nobody may wait for that."""
    at = EmailMessage.handed_at
    return EmailMessage.account_id == account_id, at > since, at < utcnow() + AHEAD
