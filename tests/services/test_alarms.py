"""Whoever runs the desk is called when mail stops coming in: once, by a way that works, and once when it is over."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog, Event
from helpdesk.models.mail import Direction
from helpdesk.services import account_ways, alarms, fetch, people
from helpdesk.services.alarms import Told
from tests import factories
from tests.fakes import FakeSource
from tests.servers.ports import free_port

BROKEN = "broken@desk.example"
SOON, LATER = timedelta(minutes=16), timedelta(hours=7)


def mails():
    rows = select(EmailMessage).where(EmailMessage.direction == Direction.OUT).order_by(EmailMessage.id)
    return [(mail.purpose, mail.account.email, mail.recipients["to"]) for mail in db.session.scalars(rows)]


def fail(account_id, times=3, source=None):
    """Fetch from a server that is not there; the port is closed for real."""
    for _ in range(times):
        assert fetch.fetch_account(account_id, source=source, force=True).error


@pytest.fixture
def broken(context):
    """The id of an account whose server is dead; it is the first one, and there is an admin and a second account."""
    account = factories.make_account(BROKEN, incoming_port=free_port(), incoming_security="plain")
    factories.make_account("well@desk.example")
    factories.make_admin()
    factories.make_agent(accounts=[account])
    return account.id


def test_a_dead_server_is_told_once_through_an_account_that_works(broken):
    fail(broken)
    assert alarms.check() == Told()  # a hiccup calls nobody
    soon = utcnow() + SOON
    assert alarms.check(soon) == Told(stalled=(BROKEN,))
    assert mails() == [("fetch_stalled", "well@desk.example", [factories.ADMIN])]
    fail(broken, 2)
    assert alarms.check(soon + LATER) == Told()
    assert len(mails()) == 1


def test_the_end_is_told_once(broken):
    fail(broken)
    alarms.check(utcnow() + SOON)
    fetch.fetch_account(broken, source=FakeSource(), force=True)
    assert alarms.check() == Told(recovered=(BROKEN,))
    assert alarms.check() == Told()
    assert [purpose for purpose, _, _ in mails()] == ["fetch_stalled", "fetch_recovered"]
    types = select(Event.type).where(Event.type.like("account.alarm%")).order_by(Event.id)
    assert list(db.session.scalars(types)) == ["account.alarm_sent", "account.alarm_ended"]


def test_an_account_that_comes_and_goes_is_no_storm(broken):
    for _ in range(4):
        fail(broken)
        alarms.check(utcnow() + SOON)
        fetch.fetch_account(broken, source=FakeSource(), force=True)
        alarms.check()
    assert [purpose for purpose, _, _ in mails()] == ["fetch_stalled", "fetch_recovered"]
    fail(broken)
    assert alarms.check(utcnow() + LATER) == Told(stalled=(BROKEN,))


def test_two_that_fall_silent_together_are_one_mail(broken):
    other = factories.make_account(
        "also@desk.example", incoming_port=free_port(), incoming_security="plain"
    ).id
    fail(broken)
    fail(other)
    assert alarms.check(utcnow() + SOON).stalled == (BROKEN, "also@desk.example")
    assert len(mails()) == 1


def test_runs_that_never_end_count_as_stalled(broken):
    began = utcnow()
    with transaction():
        db.session.get(EmailAccount, broken).start_at = began
        for minutes in (1, 10, 20):
            db.session.add(EmailPollLog(account_id=broken, started_at=began + timedelta(minutes=minutes)))
    assert alarms.check(began + timedelta(minutes=25)) == Told()
    assert alarms.check(began + timedelta(minutes=40)) == Told(stalled=(BROKEN,))


def test_a_desk_that_was_switched_off_for_a_week_wakes_in_peace(broken):
    with transaction():
        account = db.session.get(EmailAccount, broken)
        account.last_success_at = account.last_fetch_at = utcnow() - timedelta(days=7)
    assert alarms.check() == Told()


def test_pausing_an_account_ends_its_alarm_without_a_word(broken):
    fail(broken)
    alarms.check(utcnow() + SOON)
    with transaction():
        account = db.session.get(EmailAccount, broken)
        admin = people.find_user(factories.ADMIN)
        account_ways.pause_fetching(account, is_fetching=False, actor=admin)
    assert alarms.check(utcnow() + SOON) == Told()
    with transaction():
        account_ways.pause_fetching(account, is_fetching=True, actor=admin)
    assert alarms.check(utcnow() + SOON) == Told()
    assert len(mails()) == 1


def test_the_only_account_is_better_than_none(context):
    account = factories.make_account(BROKEN, incoming_port=free_port(), incoming_security="plain").id
    factories.make_admin()
    fail(account)
    alarms.check(utcnow() + SOON)
    assert mails() == [("fetch_stalled", BROKEN, [factories.ADMIN])]


def test_the_command_tells_what_it_told(app):
    runner = app.test_cli_runner()
    assert "Nothing new to tell." in runner.invoke(args=["send-alarms"]).output
    with app.app_context():
        account = factories.make_account(BROKEN, incoming_port=free_port(), incoming_security="plain")
        factories.make_admin()
        fail(account.id)
        with transaction():
            db.session.get(EmailAccount, account.id).failing_since = utcnow() - SOON
    assert f"no mail comes in from {BROKEN}" in runner.invoke(args=["send-alarms"]).output
