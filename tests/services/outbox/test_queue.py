"""Which mail is next, what becomes of forgotten ones, and what a person may do."""

from datetime import timedelta

import pytest
from sqlalchemy import event, update

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Conflict, NotFound
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import queries
from helpdesk.services.ingest.trace import reason_of
from helpdesk.services.outbox import claims, queue
from helpdesk.services.outbox.deliver import drain
from helpdesk.services.outbox.lease import SendLease
from helpdesk.services.sentences import Sentence
from helpdesk.transports.base import UnusableServer
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import outgoing, queue_mail

LATER = timedelta(minutes=5)  # as long as a claim may last


def next_id(account):
    email = queue.next_due(account.id, utcnow())
    return email and email.id


def test_a_person_overtakes_what_a_machine_has_to_say(account, ticket):
    queue_mail(account, ticket=ticket, purpose="ticket_created")
    answer = queue_mail(account, ticket=ticket)
    link = queue_mail(account, purpose="sign_in_link")
    assert next_id(account) == link.id
    with transaction():
        queue.cancel(link.id, actor=None)
    assert next_id(account) == answer.id


def test_what_is_not_due_or_of_another_account_stays(account):
    queue_mail(account, due_at=utcnow() + LATER)
    queue_mail(factories.make_account("billing@desk.example"))
    assert next_id(account) is None


def test_an_answer_that_waits_holds_the_next_one_of_its_ticket_back_and_nothing_else(account, ticket):
    first = queue_mail(account, ticket=ticket, due_at=utcnow() + LATER)
    held = queue_mail(account, ticket=ticket)
    assert next_id(account) is None
    other = queue_mail(account, ticket=factories.make_ticket(account))
    assert next_id(account) == other.id
    with transaction():
        queue.cancel(other.id, actor=None)
        queue.cancel(first.id, actor=None)
    assert next_id(account) == held.id


def test_an_answer_that_reached_somebody_holds_nothing_back(account, ticket):
    recipients = {"to": ["a@x.example"], "cc": ["b@x.example"], "accepted": ["a@x.example"]}
    queue_mail(account, ticket=ticket, due_at=utcnow() + LATER, recipients=recipients)
    held = queue_mail(account, ticket=ticket)
    assert next_id(account) == held.id


def test_accounts_with_work_are_those_with_due_mail_expired_claims_or_expired_leases(context):
    past, future = utcnow() - LATER, utcnow() + LATER
    accounts = [factories.make_account(f"a{n}@desk.example") for n in range(6)]
    queue_mail(accounts[0])
    queue_mail(accounts[1], due_at=future)
    queue_mail(accounts[2], state=EmailState.SENDING, claimed_until=past)
    queue_mail(accounts[3], state=EmailState.SENDING, claimed_until=future)
    with transaction():
        db.session.get(EmailAccount, accounts[4].id).send_lease_until = past
    assert queue.accounts_due() == [accounts[0].id, accounts[2].id, accounts[4].id]


def take_over(account):
    with transaction():
        queue.take_over_expired(account.id, utcnow())
    return outgoing()[-1]


def kill_in_the_middle(email):
    with transaction():
        email = db.session.get(EmailMessage, email.id)
        email.state, email.claimed_until = EmailState.SENDING, utcnow() - LATER
        email.attempts += 1


def test_the_mail_of_a_killed_worker_goes_once_more_and_then_a_person_decides(account, ticket):
    email = queue_mail(account, ticket=ticket)
    kill_in_the_middle(email)
    again = take_over(account)
    assert (again.state, again.uncertain_count) == ("queued", 1)
    kill_in_the_middle(email)
    assert take_over(account).state == "uncertain"
    assert "email.uncertain" in [event.type for event in queries.history(ticket)]


def test_a_claim_that_lives_is_left_alone(account):
    queue_mail(account, state=EmailState.SENDING, claimed_until=utcnow() + LATER)
    assert take_over(account).state == "sending"


def test_a_mail_that_kills_whoever_makes_it_is_given_up(account):
    email = queue_mail(account, purpose="ticket_created", raw_sha256=None)
    states = []
    for _ in range(5):
        kill_in_the_middle(email)
        states.append(take_over(account).state)
    assert states == ["queued"] * 4 + ["failed"]


def test_all_that_waits_for_a_server_waits_together_and_fails_after_five_days(account, ticket):
    queue_mail(account, ticket=ticket, created_at=utcnow() - timedelta(days=6))
    queue_mail(account)
    until = utcnow() + LATER
    with transaction():
        db.session.get(EmailAccount, account.id).sending_failing_since = utcnow() - timedelta(days=6)
        queue.put_off(
            account.id,
            until,
            2,
            reason=Sentence("The server %(host)s cannot be reached.", host="mx"),
            detail="refused",
        )
    old, new = outgoing()
    assert (old.state, str(reason_of(old)), old.detail) == (
        "failed",
        "The server mx cannot be reached.",
        "refused",
    )
    assert (new.state, new.due_at, new.attempts) == ("queued", until, 0)
    assert queue.offline_until(account.id) == (until, 2)
    with transaction():
        queue.try_now(account.id)
    assert next_id(account) == new.id
    assert queue.offline_until(account.id) is None


@pytest.mark.parametrize("state", [EmailState.FAILED, EmailState.UNCERTAIN, EmailState.CANCELLED])
def test_a_person_sends_it_again_with_the_same_bytes(account, ticket, agent, state):
    email = queue_mail(account, ticket=ticket, state=state, attempts=7, uncertain_count=2)
    sha256 = email.raw_sha256
    with transaction():
        again = queue.retry(email.id, actor=agent)
    assert (again.state, again.attempts, again.uncertain_count) == ("queued", 0, 0)
    assert again.raw_sha256 == sha256
    assert next_id(account) == email.id
    event = next(e for e in queries.history(ticket) if e.type == "email.retried")
    assert event.actor_id == agent.id


def test_sending_again_does_not_wait_for_a_server_that_was_away(account):
    queue_mail(account)
    waiting = queue_mail(account)
    with transaction():
        queue.put_off(account.id, utcnow() + LATER, 3, reason=Sentence("Away."), detail="")
    with transaction():
        queue.retry(waiting.id, actor=None)
    assert queue.offline_until(account.id) is None
    assert [email.due_at <= utcnow() for email in outgoing()] == [True, True]


def test_sending_again_spares_who_has_it_and_tries_who_was_refused(account):
    recipients = {"to": ["a@x.example"], "accepted": ["a@x.example"], "refused": ["b@x.example"]}
    email = queue_mail(account, state=EmailState.FAILED, recipients=recipients)
    with transaction():
        again = queue.retry(email.id, actor=None)
    assert again.recipients == {"to": ["a@x.example"], "accepted": ["a@x.example"]}


@pytest.mark.parametrize("act", [queue.retry, queue.cancel])
@pytest.mark.parametrize("state", [EmailState.SENDING, EmailState.SENT])
def test_what_is_on_its_way_can_be_neither_repeated_nor_stopped(account, act, state):
    email = queue_mail(account, state=state)
    with pytest.raises(Conflict), transaction():
        act(email.id, actor=None)
    assert outgoing()[0].state is state


def test_a_cancelled_mail_is_never_due(account, ticket, agent):
    email = queue_mail(account, ticket=ticket)
    with transaction():
        queue.cancel(email.id, actor=agent)
    assert next_id(account) is None
    assert "email.cancelled" in [event.type for event in queries.history(ticket)]


def test_an_incoming_mail_is_no_outgoing_one(account):
    email = queue_mail(account, direction=Direction.IN)
    for act in (queue.retry, queue.cancel):
        with pytest.raises(NotFound), transaction():
            act(email.id, actor=None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sending_reads_no_mail_that_was_sent_long_ago(account):
    """However many there are: each statement finds what it wants by an index, and not by the account alone."""
    with transaction() as session:
        values = {"send_connections": 2, "sends_per_hour": 100}
        session.execute(update(EmailAccount).where(EmailAccount.id == account.id).values(**values))
    for _ in range(3):
        queue_mail(account)
    account_id, asked = account.id, []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if "email_message" in statement and statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    drain(account_id, sender=FakeSender(UnusableServer("Away.")))
    claims.count_due(account_id, utcnow(), at_most=2)
    with transaction():
        SendLease(account_id).extend_more()
    queue.accounts_due()
    event.remove(db.engine, "before_cursor_execute", note)
    with db.engine.connect() as connection:
        plans = [
            (row[3], statement)
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    slow = [plan for plan in plans if plan[0].endswith(("SCAN email_message", "(account_id=?)"))]
    assert (len(asked) > 5, slow) == (True, [])


def test_a_clock_that_was_ahead_keeps_no_mail_from_leaving(account):
    """What was put off by it waits no longer than by any clock, and holds up nothing new."""
    account_id = account.id
    queue_mail(account, due_at=utcnow() + timedelta(days=3650))
    assert queue.accounts_due() == [account_id]
    queue_mail(account)
    with transaction():
        until = utcnow() + timedelta(hours=2)
        queue.put_off(account_id, until, 1, reason=Sentence("Away."), detail="")
    queue_mail(account)
    sender = FakeSender()
    drain(account_id, sender=sender)
    assert len(sender.sent) == 3
