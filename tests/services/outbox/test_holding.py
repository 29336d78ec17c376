"""Sending can be stopped for the whole desk or one account: nothing leaves, nothing is lost, nothing counts as a try."""

import pytest

from helpdesk.database import transaction
from helpdesk.models import EmailAccount
from helpdesk.services import settings
from helpdesk.services.outbox import queue
from helpdesk.services.outbox.deliver import drain
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import outgoing, queue_mail


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
