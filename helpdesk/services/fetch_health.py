"""How fetching goes: a poll log row for each look at an account, and the account's health and back-off.

After three failures in a row an account is looked at once in five minutes at most, so that a wrong password locks no
mailbox; one success makes it well again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import func, literal, select, update
from sqlalchemy.exc import OperationalError

from helpdesk.database import UtcDateTime, db, utcnow
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount, EmailPollLog
from helpdesk.services import events
from helpdesk.services.fetch_lease import FetchLease
from helpdesk.services.ingest.trace import Sentence, kept

logger = logging.getLogger(__name__)
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 5, 10, 15))
ALARM_AFTER = 3


def delay_after(failures: int) -> timedelta:
    """How long to leave the server alone after `failures` (1 or more) in a row."""
    return DELAYS[min(failures, len(DELAYS)) - 1]


def begin(account_id: int, now: datetime) -> int:
    """Within a transaction: open the poll log row of a run; one that never ends shows a process that died."""
    log = EmailPollLog(account_id=account_id, started_at=now)
    db.session.add(log)
    db.session.flush()
    return log.id


def in_words(error: Exception) -> tuple[Sentence, str]:
    """A sentence for a person and the details for whoever looks closer."""
    if isinstance(error, HelpdeskError):
        return Sentence(error.template, **error.params), str(getattr(error, "detail", ""))
    if isinstance(error, OperationalError):
        return database_in_words(error), f"{type(error).__name__}: {error.orig}"
    words = Sentence("The desk itself failed while fetching; the log tells more.")
    return words, f"{type(error).__name__}: {error}"


def database_in_words(error: OperationalError) -> Sentence:
    """What keeps the database from taking a mail, for who must mend it."""
    words = str(error.orig).lower()
    if "full" in words or "no space left" in words:
        return Sentence("The disk of the desk is full: no mail is taken until there is room again.")
    if "locked" in words or "lock timeout" in words:
        return Sentence("The desk's database was busy for too long; the mail is taken the next time.")
    return Sentence("The desk's database cannot be used just now; the mail stays on the server.")


def succeed(
    lease: FetchLease,
    log_id: int,
    *,
    found: int,
    taken: int,
    known: int,
    warning: HelpdeskError | None = None,
) -> None:
    """Within a transaction: the run is over and went well, but for what `warning` says of mails that were taken."""
    failures = _failures(lease.account_id)
    values = {
        "consecutive_failures": 0,
        "last_error": "",
        "last_error_detail": "",
        "fetch_again_at": None,
        "failing_since": None,
    }
    is_ours = lease.release(last_success_at=utcnow(), **values)
    words = {"warning": warning.template, "warning_params": warning.params} if warning else {}
    _close_log(log_id, found=found, taken=taken, known=known, **words)
    if is_ours and failures >= ALARM_AFTER:
        events.record("account.fetch_recovered", actor=None, account_id=lease.account_id, failures=failures)


def fail(lease: FetchLease, log_id: int, error: Exception, *, found: int, taken: int, known: int) -> None:
    """Within a transaction: the run ended with `error`; the account waits before it is looked at again."""
    sentence, detail = in_words(error)
    failures = _failures(lease.account_id) + 1
    is_ours = lease.release(
        consecutive_failures=failures,
        last_error=str(sentence),
        last_error_told=kept(sentence),
        last_error_detail=detail,
        failing_since=func.coalesce(EmailAccount.failing_since, literal(utcnow(), UtcDateTime())),
        fetch_again_at=utcnow() + delay_after(failures),
    )
    _close_log(log_id, found=found, taken=taken, known=known, error=str(sentence),
               error_told=kept(sentence), error_detail=detail)  # fmt: skip
    if is_ours and failures == ALARM_AFTER:
        events.record("account.fetch_failed", actor=None, account_id=lease.account_id, failures=failures)


def give_up(log_id: int, sentence: Sentence, *, found: int, taken: int, known: int) -> None:
    """Within a transaction: another run has taken over; only the log is ours to write."""
    _close_log(log_id, found=found, taken=taken, known=known, error=str(sentence), error_told=kept(sentence))


def _failures(account_id: int) -> int:
    return (
        db.session.scalar(select(EmailAccount.consecutive_failures).where(EmailAccount.id == account_id)) or 0
    )


def _close_log(log_id: int, **values: object) -> None:
    statement = update(EmailPollLog).where(EmailPollLog.id == log_id)
    db.session.execute(statement.values(finished_at=utcnow(), **values))
