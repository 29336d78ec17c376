"""How each mail account is doing, in numbers: what `email-monitor` prints and a page may show. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from helpdesk.database import db, utcnow
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import accounts

DAY = timedelta(days=1)
RECENT_POLLS = 5
WORKING_IN = (EmailState.RECEIVED, EmailState.PROCESSING)
WAITING_OUT = (EmailState.QUEUED, EmailState.SENDING)
FOR_A_PERSON = (EmailState.FAILED, EmailState.HELD, EmailState.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Report:
    """`state` is `healthy`, `failing`, `paused` (switched off) or `new` (never looked at).

    `received`, `sent`: within 24 hours. `waiting_in`: taken and not yet worked off; `waiting_out`: not yet sent, the
    oldest of them queued at `oldest_waiting_at`. `for_a_person`: failed, held or uncertain, either way. `sends_by`:
    smtp, or what keeps mail from leaving: maildir (the practice mailbox), console, dummy.
    """

    account: EmailAccount
    state: str
    next_fetch_at: datetime | None
    received: int = 0
    sent: int = 0
    waiting_in: int = 0
    waiting_out: int = 0
    oldest_waiting_at: datetime | None = None
    for_a_person: int = 0
    sends_by: str = "smtp"
    polls: list[EmailPollLog] = field(default_factory=list)


def reports(looked_at: Iterable[EmailAccount], now: datetime | None = None) -> list[Report]:
    """A report on each of the accounts, with its latest looks at the server, newest first."""
    now = now or utcnow()
    chosen = list(looked_at)
    waiting = _waiting([account.id for account in chosen])
    recent = _recent([account.id for account in chosen], now)
    return [_report(account, waiting[account.id], recent[account.id]) for account in chosen]


Waiting = dict[tuple[Direction, EmailState], tuple[int, datetime]]


def _report(account: EmailAccount, waiting: Waiting, recent: dict[Direction, int]) -> Report:
    def count(*states: EmailState) -> int:
        return sum(number for (_, state), (number, _) in waiting.items() if state in states)

    return Report(
        account,
        _state(account),
        _next_fetch(account),
        received=recent.get(Direction.IN, 0),
        sent=recent.get(Direction.OUT, 0),
        waiting_in=count(*WORKING_IN),
        waiting_out=count(*WAITING_OUT),
        oldest_waiting_at=min((at for (_, s), (_, at) in waiting.items() if s in WAITING_OUT), default=None),
        for_a_person=count(*FOR_A_PERSON),
        sends_by=accounts.outgoing_protocol(account),
        polls=_polls(account.id),
    )


def _state(account: EmailAccount) -> str:
    if not (account.is_active and account.is_fetching):
        return "paused"
    if account.consecutive_failures:
        return "failing"
    return "healthy" if account.last_success_at else "new"


def _next_fetch(account: EmailAccount) -> datetime | None:
    if not (account.is_active and account.is_fetching):
        return None
    if account.fetch_again_at is not None or account.last_fetch_at is None:
        return account.fetch_again_at
    return account.last_fetch_at + timedelta(seconds=account.poll_frequency_s)


def _waiting(account_ids: list[int]) -> defaultdict[int, Waiting]:
    mail = EmailMessage
    unfinished = (*WORKING_IN, *WAITING_OUT, *FOR_A_PERSON)
    rows = (
        select(mail.account_id, mail.direction, mail.state, func.count(), func.min(mail.created_at))
        .where(mail.account_id.in_(account_ids), mail.state.in_(unfinished))
        .group_by(mail.account_id, mail.direction, mail.state)
    )
    found: defaultdict[int, Waiting] = defaultdict(dict)
    for account_id, direction, state, count, oldest in db.session.execute(rows):
        found[account_id][direction, state] = (count, oldest)
    return found


def _recent(account_ids: list[int], now: datetime) -> defaultdict[int, dict[Direction, int]]:
    """Mails received, and mails sent, within 24 hours."""
    mail = EmailMessage
    rows = (
        select(mail.account_id, mail.direction, func.count())
        .where(
            mail.account_id.in_(account_ids),
            ((mail.direction == Direction.IN) & (mail.created_at > now - DAY))
            | ((mail.state == EmailState.SENT) & (mail.finished_at > now - DAY)),
        )
        .group_by(mail.account_id, mail.direction)
    )
    found: defaultdict[int, dict[Direction, int]] = defaultdict(dict)
    for account_id, direction, count in db.session.execute(rows):
        found[account_id][direction] = count
    return found


@dataclass(frozen=True, slots=True)
class Looks:
    """What the looks at a server within 24 hours gave; `known`: mails that had been taken before."""

    count: int = 0
    failed: int = 0
    found: int = 0
    taken: int = 0
    known: int = 0


def looks(account_ids: list[int], now: datetime | None = None) -> dict[int, Looks]:
    """By account; one that was not looked at is left out."""
    log = EmailPollLog
    rows = (
        select(
            log.account_id,
            func.count(),
            func.count(case((log.error != "", 1))),
            func.sum(log.found),
            func.sum(log.taken),
            func.sum(log.known),
        )
        .where(log.account_id.in_(account_ids), log.started_at > (now or utcnow()) - DAY)
        .group_by(log.account_id)
    )
    return {account_id: Looks(*map(int, numbers)) for account_id, *numbers in db.session.execute(rows)}


def seconds(poll: EmailPollLog) -> float | None:
    """How long a look took; None for one that has not ended."""
    return (
        None if poll.finished_at is None else round((poll.finished_at - poll.started_at).total_seconds(), 1)
    )


def warning_of(poll: EmailPollLog) -> str:
    """What the server refused besides, in English."""
    return poll.warning % poll.warning_params if poll.warning_params else poll.warning


def _polls(account_id: int) -> list[EmailPollLog]:
    rows = select(EmailPollLog).where(EmailPollLog.account_id == account_id)
    return list(db.session.scalars(rows.order_by(EmailPollLog.id.desc()).limit(RECENT_POLLS)))
