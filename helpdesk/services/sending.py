"""Stopping and releasing what leaves: for the whole desk, or for one account. What waits stays as it is."""

from __future__ import annotations

from sqlalchemy import func, select

from helpdesk.database import db
from helpdesk.models import EmailAccount, EmailMessage, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.permissions import Action
from helpdesk.queue import wake_after_commit
from helpdesk.services import access, events, settings


def count_waiting(account_id: int | None = None) -> int:
    """How many mails are queued, of one account or of all."""
    rows = select(func.count(EmailMessage.id)).where(
        EmailMessage.direction == Direction.OUT, EmailMessage.state == EmailState.QUEUED
    )
    if account_id is not None:
        rows = rows.where(EmailMessage.account_id == account_id)
    return db.session.scalar(rows) or 0


def hold(*, actor: User) -> int:
    """Within a transaction: let no mail leave the desk. Returns how many wait."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not settings.is_holding():
        settings.put("hold_sending", True)
        events.record("settings.changed", actor=actor, name="hold_sending", before=False, after=True)
    return count_waiting()


def release(*, actor: User) -> int:
    """Within a transaction: send what waits. Returns how many did."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if settings.is_holding():
        settings.put("hold_sending", False)
        events.record("settings.changed", actor=actor, name="hold_sending", before=True, after=False)
        for account_id in db.session.scalars(select(EmailAccount.id)):
            wake_after_commit("send_account", account_id)
    return count_waiting()


def switch_account(account: EmailAccount, *, is_sending: bool, actor: User) -> None:
    """Within a transaction: pause one account's sending, or go on with what waits."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if account.is_sending is is_sending:
        return
    account.is_sending = is_sending
    type_ = "account.sending_resumed" if is_sending else "account.sending_paused"
    events.record(type_, actor=actor, account_id=account.id)
    if is_sending:
        wake_after_commit("send_account", account.id)
