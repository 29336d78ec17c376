"""How much an account sends within a minute and an hour, and over how many connections at once."""

import threading
from datetime import timedelta

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import PermanentError, TransientError
from helpdesk.models import EmailAccount
from helpdesk.services.outbox import queue, rates
from helpdesk.services.outbox.deliver import drain
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import let_time_pass, outgoing, queue_mail

A, B = "a@one.example", "b@two.example"


def limited(account, **values):
    with transaction() as session:
        for name, value in values.items():
            setattr(session.get(EmailAccount, account.id), name, value)
    return account.id


def queue_many(account, count, **values):
    for number in range(count):
        queue_mail(account, to=(f"p{number}@one.example",), **values)


def waiting():
    return [(email.attempts, email.handed_at) for email in outgoing() if email.state == "queued"]


# how many


def test_what_is_over_the_limit_waits_untried_and_leaves_when_the_minute_is_over(account):
    account_id = limited(account, sends_per_minute=3)
    queue_many(account, 5)
    sender = FakeSender()
    assert drain(account_id, sender=sender) is False  # nothing that could go now: no worker runs in circles
    assert drain(account_id, sender=sender) is False
    assert len(sender.sent) == 3
    assert waiting() == [(0, None)] * 2
    free_at = rates.free_at(account_id, urgency=1, now=utcnow())
    assert outgoing()[0].handed_at + timedelta(minutes=1) == free_at
    let_time_pass(seconds=61)
    drain(account_id, sender=sender)
    assert len(sender.sent) == 5
    assert queue.accounts_due() == []


def test_both_limits_count(account):
    account_id = limited(account, sends_per_minute=2, sends_per_hour=3)
    queue_many(account, 5)
    sender = FakeSender()
    for _ in range(4):
        drain(account_id, sender=sender)
        let_time_pass(seconds=61)
    assert len(sender.sent) == 3
    let_time_pass(minutes=60)
    drain(account_id, sender=sender)
    assert len(sender.sent) == 5


def test_a_persons_answer_and_a_link_overtake_notifications_within_the_same_minute(account, ticket):
    account_id = limited(account, sends_per_minute=20)
    queue_many(account, 30, purpose="ticket_assigned")
    sender = FakeSender()
    drain(account_id, sender=sender)
    assert len(sender.sent) == 16, "a fifth is kept for people"
    queue_many(account, 5)
    queue_mail(account, purpose="sign_in_link", to=(A,))
    drain(account_id, sender=sender)
    assert [mail.recipients[0] for mail in sender.sent[16:18]] == [A, "p0@one.example"]
    assert len(sender.sent) == 19, "and the last place for a link"
    queue_mail(account, purpose="sign_in_link", to=(B,))
    drain(account_id, sender=sender)
    assert sender.sent[-1].recipients == (B,)
    assert len(sender.sent) == 20


@pytest.mark.parametrize("limit", [1, 2, 5, 19, 20, 100, 10_000])
def test_every_kind_of_mail_has_a_place_and_the_urgent_the_last_one(limit):
    shares = [rates.share(limit, urgency) for urgency in (5, 1, 0)]
    assert shares == sorted(shares)
    assert shares[0] >= 1
    assert shares[-1] == limit


def test_what_no_server_took_does_not_count(account):
    account_id = limited(account, sends_per_minute=1)
    queue_many(account, 4)
    later, no = TransientError("Later.", detail="450 later"), PermanentError("No.", detail="550 no")
    sender = FakeSender(later, no, None)
    drain(account_id, sender=sender)
    assert (len(sender.attempts), len(sender.sent)) == (3, 1)


def test_what_may_have_been_taken_counts(account):
    account_id = limited(account, sends_per_minute=1)
    queue_many(account, 2)
    sender = FakeSender(RuntimeError("nobody knows"))
    drain(account_id, sender=sender)
    assert len(sender.attempts) == 1


def test_a_clock_that_was_set_back_makes_nothing_wait(account):
    account_id = limited(account, sends_per_hour=1)
    queue_mail(account, state="sent", handed_at=utcnow() + timedelta(hours=1))
    queue_many(account, 1)
    sender = FakeSender()
    drain(account_id, sender=sender)
    assert len(sender.sent) == 1


# how many at once


@pytest.fixture
def real(sink, context):
    return factories.make_account(
        outgoing_port=sink.port, outgoing_security="plain", is_acknowledging=False, send_connections=3
    )


def test_as_many_connections_work_at_once_as_are_set(real, sink):
    sink.together = 3
    queue_many(real, 3)
    account_id = real.id
    assert drain(account_id) is False
    assert (len(sink.mails()), sink.connections) == (3, 3)
    assert {email.state for email in outgoing()} == {"sent"}


def test_together_they_keep_the_order_of_a_ticket_and_the_limit(real, sink):
    account_id = limited(real, sends_per_minute=8)
    tickets = [factories.make_ticket(real) for _ in range(3)]
    expected = {ticket.id: [] for ticket in tickets}
    for number in range(12):
        ticket = tickets[number % 3]
        queue_mail(real, ticket=ticket, to=(f"{ticket.id}-{number}@one.example",))
        expected[ticket.id].append(number)
    assert drain(account_id) is False
    taken = [mail.recipients[0].partition("@")[0].split("-") for mail in sink.mails()]
    assert len(taken) == 8
    for ticket_id, numbers in expected.items():
        arrived = [int(number) for id_, number in taken if int(id_) == ticket_id]
        assert arrived == numbers[: len(arrived)]


def test_two_processes_together_keep_the_limit_and_send_nothing_twice(app, real, sink):
    account_id = limited(real, sends_per_minute=5)
    queue_many(real, 12)
    start = threading.Barrier(2)

    def run():
        with app.app_context():
            start.wait()
            drain(account_id)

    threads = [threading.Thread(target=run) for _ in range(2)]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    recipients = [mail.recipients for mail in sink.mails()]
    assert len(recipients) == len(set(recipients)) == 5
    assert sink.connections <= 3


def test_a_server_that_is_down_fails_once_however_many_connections_try(real, sink):
    account_id = real.id
    queue_many(real, 6)
    sink.stop()
    drain(account_id)
    emails = outgoing()
    assert {(email.state, email.attempts, email.payload["failures"]) for email in emails} == {
        ("queued", 0, 1)
    }
    assert len({email.due_at for email in emails}) == 1


def test_a_server_that_takes_fewer_connections_still_gets_all_there_is(real, sink):
    account_id = real.id
    sink.most = 1
    queue_many(real, 12)
    drain(account_id)
    let_time_pass(minutes=2)  # for the last, if nobody sent any more when its connection was turned away
    drain(account_id)
    assert {(email.state, email.attempts) for email in outgoing()} == {("sent", 1)}
    assert len(sink.mails()) == 12
    assert db.session.get(EmailAccount, account_id).sending_failing_since is None


def test_a_connection_too_many_does_not_try_again_at_once(real, sink):
    """While another one waits for a slow server it would be turned away again and again."""
    account_id = real.id
    queue_mail(real, state="sending", claim="another", claimed_until=utcnow() + timedelta(minutes=1))
    queue_mail(real)
    sink.most = 0
    assert drain(account_id) is False
    assert sink.connections == 1
    assert [(email.state, email.attempts) for email in outgoing()] == [("sending", 0), ("queued", 0)]
