"""Tells the admins by mail when an account's fetching has stalled, or it cannot send, and when either is over.

One mail for all accounts that fell silent together, one when an account is well again, and never more than one alarm
for an account within six hours, however often it comes and goes. The mail takes an account that works: the broken one
may be unable to send as well; of one that cannot send nothing is told through itself. Each account is claimed before it is told, so two schedulers tell once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from helpdesk import storage
from helpdesk.database import claim, db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.status import Role
from helpdesk.services import access, events, glance, settings, templates
from helpdesk.services.fetch_health import ALARM_AFTER
from helpdesk.services.glance import AccountLine
from helpdesk.services.outbox import queue, writing

logger = logging.getLogger(__name__)
HICCUP = timedelta(minutes=3)  # so long nobody is bothered by a server that cannot be used
PATIENCE = timedelta(minutes=15)  # how long it may fail before somebody is called
SILENCE = timedelta(hours=6)  # between two alarms for one account
STUCK_RUNS = 3  # so many that never ended count as stalled though nothing says failure
LEAST_STUCK = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Told:
    """The addresses of the accounts an alarm, or the end of one, was told about: of fetching, and of sending."""

    stalled: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    unable: tuple[str, ...] = ()
    able: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """What an alarm is about: its two mails, its two events, and the columns that say it was told."""

    begins: str
    ends: str
    sent: str
    ended: str
    is_alarming: InstrumentedAttribute[bool]
    alarmed_at: InstrumentedAttribute[datetime | None]


FETCHING = Matter(
    "fetch_stalled", "fetch_recovered", "account.alarm_sent", "account.alarm_ended",
    EmailAccount.is_alarming, EmailAccount.alarmed_at,
)  # fmt: skip
SENDING = Matter(
    "sending_stalled", "sending_recovered", "account.sending_alarm_sent", "account.sending_alarm_ended",
    EmailAccount.is_sending_alarming, EmailAccount.sending_alarmed_at,
)  # fmt: skip


def failing(user: User) -> list[EmailAccount]:
    """The accounts of this person that failed several times in a row, for the bar above every page."""
    ids = access.account_ids(user) & {line.id for line in glance.accounts() if _is_failing(line)}
    rows = select(EmailAccount).where(EmailAccount.id.in_(ids)).order_by(EmailAccount.id)
    return list(db.session.scalars(rows)) if ids else []


def _is_failing(line: AccountLine) -> bool:
    return line.is_active and line.is_fetching and line.consecutive_failures >= ALARM_AFTER


def is_stalled(account: EmailAccount, now: datetime) -> bool:
    """Whether somebody should be called: failing for a while, or run after run that never comes to an end."""
    if not (account.is_active and account.is_fetching):
        return False
    if account.consecutive_failures >= ALARM_AFTER:
        return now - (account.failing_since or now) >= PATIENCE
    return not account.consecutive_failures and _hangs(account, now)


def _is_well(account: EmailAccount, now: datetime) -> bool:
    """What was paused meanwhile is no recovery."""
    fetches = account.is_active and account.is_fetching
    return fetches and not account.consecutive_failures and not is_stalled(account, now)


def _hangs(account: EmailAccount, now: datetime) -> bool:
    """Counted from the first run since the last success, so that a desk that was switched off wakes in peace."""
    since = account.last_success_at or account.start_at
    runs = select(func.count(EmailPollLog.id), func.min(EmailPollLog.started_at)).where(
        EmailPollLog.account_id == account.id, EmailPollLog.started_at > since
    )
    count, first = db.session.execute(runs).one()
    return count >= STUCK_RUNS and now - first >= LEAST_STUCK


def unable(user: User, now: datetime | None = None) -> list[EmailAccount]:
    """The accounts of this person that have not been able to send for a while, for the bar above every page."""
    before = (now or utcnow()) - HICCUP
    troubled = {line.id for line in glance.accounts() if _has_not_sent_since(line, before)}
    ids = access.account_ids(user) & troubled
    rows = select(EmailAccount).where(EmailAccount.id.in_(ids)).order_by(EmailAccount.id)
    return list(db.session.scalars(rows)) if ids else []


def _has_not_sent_since(account: EmailAccount | AccountLine, moment: datetime) -> bool:
    since = account.sending_failing_since
    return account.is_active and account.is_sending and since is not None and since <= moment


def cannot_send(account: EmailAccount, now: datetime) -> bool:
    """Whether somebody should be called: it has failed for a while, and mail waits for it."""
    if settings.is_holding() or not _has_not_sent_since(account, now - PATIENCE):
        return False
    out = (EmailMessage.account_id == account.id, EmailMessage.direction == Direction.OUT)
    waits = select(EmailMessage.id).where(*out, EmailMessage.state == EmailState.QUEUED)
    return db.session.scalar(waits.limit(1)) is not None


def _sends_again(account: EmailAccount) -> bool:
    return account.is_active and account.is_sending and account.sending_failing_since is None


def check(now: datetime | None = None) -> Told:
    """Look at every account and tell what is new. Opens its own transactions."""
    now = now or utcnow()
    accounts = db.session.scalars(select(EmailAccount).order_by(EmailAccount.id)).all()
    stalled = [a.id for a in accounts if not a.is_alarming and is_stalled(a, now)]
    well = [a.id for a in accounts if a.is_alarming and _is_well(a, now)]
    unable = [a.id for a in accounts if not a.is_sending_alarming and cannot_send(a, now)]
    able = [a.id for a in accounts if a.is_sending_alarming and _sends_again(a)]
    db.session.rollback()
    return Told(
        _tell(FETCHING, stalled, now),
        _tell(FETCHING, well, now, is_over=True),
        _tell(SENDING, unable, now),
        _tell(SENDING, able, now, is_over=True),
    )


def _tell(
    matter: Matter, account_ids: Sequence[int], now: datetime, *, is_over: bool = False
) -> tuple[str, ...]:
    if not account_ids:
        return ()
    with transaction():
        settings.instance_id()
        taken = [id_ for id_ in account_ids if _claim(matter, id_, now, is_over=is_over)]
        accounts = [db.session.get_one(EmailAccount, account_id) for account_id in taken]
        for account in accounts:
            db.session.refresh(account)
            type_ = matter.ended if is_over else matter.sent
            events.record(type_, actor=None, account_id=account.id, failures=account.consecutive_failures)
        if accounts:
            _write(matter.ends if is_over else matter.begins, accounts)
        return tuple(account.email for account in accounts)


def _claim(matter: Matter, account_id: int, now: datetime, *, is_over: bool) -> bool:
    """Whoever sets the mark tells. An account that was told about lately only shows on the pages."""
    this, mark = EmailAccount.id == account_id, matter.is_alarming
    if is_over:
        return claim(EmailAccount, this, mark, **{mark.key: False})
    at = matter.alarmed_at
    lately = or_(at.is_(None), at < now - SILENCE)
    return claim(EmailAccount, this, ~mark, lately, **{mark.key: True, at.key: now})


def _write(template: str, accounts: Sequence[EmailAccount]) -> None:
    sender = _sender({account.id for account in accounts})
    if sender is not None and template == SENDING.begins and sender in accounts:
        sender = None  # it would arrive when it is over
    if sender is None:
        logger.error("no mail account can send the alarm about %s", ", ".join(a.email for a in accounts))
        return
    for admin in _admins():
        rendered = templates.render(
            template, language=admin.language, desk_name=settings.desk_name(), accounts=accounts,
            url=writing.site_url("/admin/health"), is_own=sender.id in {account.id for account in accounts},
        )  # fmt: skip
        letter = writing.write(writing.Envelope(sender, [admin.email]), rendered, automatic=writing.GENERATED)
        queue.add(
            sender, purpose=template, to=[admin.email], subject=letter.subject, message_id=letter.message_id,
            blob=storage.stage(letter.raw),
        )  # fmt: skip


def _admins() -> list[User]:
    rows = select(User).where(User.role == Role.ADMIN, User.is_active).order_by(User.id)
    return [admin for admin in db.session.scalars(rows) if admin.email]


def _sender(troubled: set[int]) -> EmailAccount | None:
    """An account that can send: a well one first, and rather one whose server is not known to be away."""
    rows = select(EmailAccount).where(EmailAccount.is_active, EmailAccount.is_sending)
    able = [account for account in db.session.scalars(rows.order_by(EmailAccount.id)) if account.outgoing_host
            or account.outgoing_protocol != "smtp"]  # fmt: skip
    return min(
        able,
        key=lambda account: (_seems_away(account), account.id in troubled, account.id),
        default=None,
    )


def _seems_away(account: EmailAccount) -> bool:
    return account.sending_failing_since is not None or queue.offline_until(account.id) is not None
