"""The machine's clock is set back by an hour: what was written before must not make anything wait for an hour."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.services import fetch, sweep
from helpdesk.services.ingest import claims, process, store
from helpdesk.services.outbox import deliver
from tests import factories
from tests.factories import make_mail
from tests.fakes import FakeSender, FakeSource

HOUR = timedelta(hours=1)


@pytest.fixture
def account(context):
    return factories.make_account(start_at=utcnow() - timedelta(minutes=1))


def set_back(account_id, **moments):
    """As if these moments, now usual ones, had been written before the clock lost an hour."""
    ahead = {name: moment + HOUR for name, moment in moments.items()}
    with transaction() as session:
        session.execute(update(EmailAccount).where(EmailAccount.id == account_id).values(**ahead))


def test_an_account_is_looked_at_again_soon(account):
    source = FakeSource(make_mail())
    set_back(account.id, last_fetch_at=utcnow())
    assert fetch.due_accounts() == [account.id]
    set_back(account.id, last_fetch_at=utcnow(), fetch_again_at=utcnow() + timedelta(minutes=1))
    assert ("fetch_account", (account.id,)) in sweep.sweep()
    assert fetch.fetch_account(account.id, source=source).taken == 1


@pytest.mark.parametrize("lease", ["fetch_lease", "send_lease"])
def test_a_lease_of_a_dead_process_ends(context, account, lease):
    ends = utcnow() + timedelta(seconds=context.config["CLAIM_SECONDS"])
    account_id, source, sender = account.id, FakeSource(make_mail()), FakeSender()
    with transaction() as session:
        session.execute(update(EmailAccount).values({lease: "of a dead process"}))
    set_back(account_id, **{f"{lease}_until": ends})
    assert fetch.fetch_account(account_id, source=source).taken == 1
    process.drain()
    deliver.drain(account_id, sender=sender)
    assert len(sender.sent) == 1


def test_a_lease_of_a_living_process_is_left_alone_by_a_machine_a_little_behind(context, account):
    ends = utcnow() + timedelta(seconds=context.config["CLAIM_SECONDS"] + 90)
    with transaction() as session:
        session.execute(update(EmailAccount).values(fetch_lease="alive", fetch_lease_until=ends))
    assert "going on" in fetch.fetch_account(account.id, source=FakeSource(make_mail())).note
    assert fetch.due_accounts() == []


def test_mail_in_work_or_waiting_is_taken_up(account):
    ids = [store.store_raw(account, make_mail(f"p{n}@customer.example")) for n in range(2)]
    held = claims.take(1, tried_first=False)
    with transaction() as session:
        dead, waiting = (session.get(EmailMessage, email_id) for email_id in ids)
        assert dead.id in held.email_ids
        dead.claimed_until += HOUR
        waiting.due_at, waiting.attempts = utcnow() + HOUR + timedelta(minutes=1), 1
    assert process.is_waiting()
    db.session.rollback()
    assert process.drain().created == 2


def test_an_answer_in_the_hands_of_a_dead_process_is_taken_up(account):
    account_id, sender = account.id, FakeSender()
    store.store_raw(account, make_mail())
    process.drain()
    with transaction() as session:
        ends = utcnow() + HOUR + timedelta(minutes=1)
        session.execute(
            update(EmailMessage)
            .where(EmailMessage.direction == "out")
            .values(state="sending", claim="of a dead process", claimed_until=ends)
        )
    assert ("send_account", (account_id,)) in sweep.sweep()
    db.session.rollback()
    deliver.drain(account_id, sender=sender)
    assert len(sender.sent) == 1
