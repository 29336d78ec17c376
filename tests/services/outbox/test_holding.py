"""Sending can be stopped for the whole desk or one account: nothing leaves, nothing is lost, nothing counts as a try."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from helpdesk.database import transaction, utcnow
from helpdesk.models import EmailAccount
from helpdesk.services import settings
from helpdesk.services.outbox import queue
from helpdesk.services.outbox.deliver import drain
from helpdesk.transports.base import UnusableServer
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import let_time_pass, outgoing, queue_mail


def hold_desk(account, on):
    with transaction():
        settings.put("hold_sending", on)


def hold_account(account, on):
    with transaction() as session:
        session.get(EmailAccount, account.id).is_sending = not on


@pytest.mark.parametrize("hold", [hold_desk, hold_account])
def test_held_mail_waits_untouched_and_leaves_when_released(account, hold):
    queue_mail(account)
    hold(account, True)
    sender = FakeSender()
    assert drain(account.id, sender=sender) is False  # nothing that could go now: no worker runs in circles
    assert sender.sent == []
    assert queue.accounts_due() == []
    assert [(email.state.value, email.attempts) for email in outgoing()] == [("queued", 0)]
    hold(account, False)
    assert queue.accounts_due() == [account.id]
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1


class Holding(FakeSender):
    """An admin stops all sending while the first mail is on its way."""

    def __init__(self, account):
        super().__init__()
        self.account = account

    def send(self, *args):
        answer = super().send(*args)
        hold_desk(self.account, True)
        return answer


def test_stopping_works_between_two_mails_of_one_run(account):
    for _ in range(3):
        queue_mail(account)
    sender = Holding(account)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1
    assert [email.state.value for email in outgoing()] == ["sent", "queued", "queued"]


def test_one_accounts_pause_leaves_the_others_alone(account):
    other = factories.make_account("billing@desk.example")
    queue_mail(account)
    queue_mail(other)
    hold_account(account, True)
    assert queue.accounts_due() == [other.id]


def test_what_was_held_for_long_is_not_given_up_at_the_servers_first_failure(account):
    a_week_ago = utcnow() - timedelta(days=7)
    queue_mail(account, created_at=a_week_ago, due_at=a_week_ago)
    away = UnusableServer("The server is away.")
    drain(account.id, sender=FakeSender(away))
    (email,) = outgoing()
    assert (email.state, email.attempts) == ("queued", 0)
    with transaction() as session:
        values = {"sending_failing_since": utcnow() - timedelta(days=6)}
        session.execute(update(EmailAccount).where(EmailAccount.id == account.id).values(**values))
    let_time_pass(hours=1)
    drain(account.id, sender=FakeSender(away))
    (email,) = outgoing()
    assert email.state == "failed"
