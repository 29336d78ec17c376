"""Several connections of one account whose server fails one of them: what another has in hand stays in its hand."""

import threading

import pytest
from sqlalchemy import event

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.services.outbox import claims, queue
from helpdesk.services.outbox import lease as leases
from helpdesk.services.outbox.deliver import drain
from helpdesk.services.sentences import Sentence
from tests.fakes import FakeSender
from tests.services.outbox.mails import queue_mail

only_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
A = "a@one.example"


def put_off(account_id):
    queue.put_off(account_id, utcnow().replace(year=2099), 1, reason=Sentence("Away."), detail="")


def fail_due(account_id):
    queue.fail_due(account_id, utcnow(), Sentence("Off."))


@only_postgres
@pytest.mark.parametrize("clear", [put_off, fail_due])
def test_what_another_connection_is_taking_stays_its_own(context, account, clear):
    account_id, mail_id = account.id, queue_mail(account, to=(A,)).id

    def other_drain():
        with context.app_context(), transaction():
            clear(account_id)

    thread = threading.Thread(target=other_drain)
    with transaction():
        lease = leases.take_free(account_id)
        claims.take_next(lease, lease.standing(), utcnow())
        thread.start()
        thread.join(2)
    thread.join()
    email = db.session.get(EmailMessage, mail_id)
    assert (email.state, email.claim) == ("sending", lease.token)


@only_postgres
def test_a_mail_left_by_a_dead_worker_is_freed_once(context, account):
    account_id = account.id
    mail_id = queue_mail(account, to=(A,), state="sending", claim="dead", attempts=1).id

    def other_drain():
        with context.app_context(), transaction():
            queue.take_over_expired(account_id, utcnow())

    thread = threading.Thread(target=other_drain)
    with transaction():
        queue.take_over_expired(account_id, utcnow())
        db.session.flush()
        lease = leases.take_free(account_id)
        assert claims.take_next(lease, lease.standing(), utcnow()) is not None
        thread.start()
        thread.join(2)
    thread.join()
    email = db.session.get(EmailMessage, mail_id)
    assert (email.state, email.claim, email.uncertain_count) == ("sending", lease.token, 1)


@only_postgres
def test_an_accounts_row_is_held_before_its_mails(account):
    """As the thread does that renews a lease and the claims that hang on it: in two orders they would deadlock."""
    for _ in range(2):
        queue_mail(account, to=(A,))
    with transaction() as session:
        session.get(EmailAccount, account.id).sends_per_minute = 100
    account_id, taken = account.id, []

    def note(_connection, _cursor, statement, *_):
        if "email_account" in statement and "FOR NO KEY UPDATE" in statement:
            taken.append("account")
        elif statement.startswith("UPDATE email_message SET state"):
            taken.append("mail")

    event.listen(db.engine, "before_cursor_execute", note)
    drain(account_id, sender=FakeSender())
    event.remove(db.engine, "before_cursor_execute", note)
    before = [taken[at - 1] for at, what in enumerate(taken) if what == "mail"]
    assert before == ["account"] * 4, "two claims and two verdicts"
