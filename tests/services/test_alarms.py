"""Whoever runs the desk is called when mail stops coming in: once, by a way that works, and once when it is over."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog, Event
from helpdesk.models.mail import Direction
from helpdesk.services import account_ways, alarms, fetch, people
from helpdesk.services.alarms import Told
from helpdesk.services.outbox import deliver
from helpdesk.transports.base import UnusableServer
from tests import factories
from tests.fakes import FakeSender, FakeSource
from tests.servers.ports import free_port
from tests.services.outbox.mails import let_time_pass, queue_mail

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


# sending


def cannot_send(account_id, *, since=SOON):
    """A mail was queued, and the server refused the login for so long."""
    queue_mail(db.session.get(EmailAccount, account_id))
    deliver.drain(account_id, sender=FakeSender(UnusableServer("The password was refused.", detail="535 no")))
    with transaction():
        account = db.session.get(EmailAccount, account_id)
        account.sending_failing_since -= since


def own_mails():
    return [mail for mail in mails() if mail[0].startswith("sending")]


def test_an_account_that_cannot_send_is_told_once_through_another_and_once_when_it_is_over(broken):
    cannot_send(broken, since=timedelta(minutes=1))
    assert alarms.check() == Told()
    cannot_send(broken)
    assert alarms.check() == Told(unable=(BROKEN,))
    assert alarms.check(utcnow() + LATER) == Told()
    assert own_mails() == [("sending_stalled", "well@desk.example", [factories.ADMIN])]
    let_time_pass(minutes=16)
    deliver.drain(broken, sender=FakeSender())
    account = db.session.get(EmailAccount, broken)
    assert (account.sending_failing_since, account.sending_error) == (None, "")
    assert alarms.check() == Told(able=(BROKEN,))
    assert alarms.check() == Told()
    assert [purpose for purpose, _, _ in own_mails()] == ["sending_stalled", "sending_recovered"]
    types = select(Event.type).where(Event.type.like("account.sending%")).order_by(Event.id)
    assert list(db.session.scalars(types)) == ["account.sending_alarm_sent", "account.sending_alarm_ended"]


def test_the_only_account_does_not_tell_by_itself_that_it_cannot_send(context):
    account = factories.make_account(BROKEN)
    admin = factories.make_admin()
    cannot_send(account.id)
    assert alarms.check() == Told(unable=(BROKEN,))
    assert own_mails() == []
    assert [one.email for one in alarms.unable(admin)] == [BROKEN]


def test_who_works_on_the_account_sees_that_nothing_leaves_and_others_do_not(broken):
    agent, other = people.find_user(factories.AGENT), factories.make_agent(factories.OTHER_AGENT)
    cannot_send(broken, since=timedelta(minutes=1))
    assert alarms.unable(agent) == []
    cannot_send(broken)
    assert [account.id for account in alarms.unable(agent)] == [broken]
    assert alarms.unable(other) == []


def test_sending_that_is_paused_or_has_nothing_to_send_calls_nobody(broken):
    cannot_send(broken)
    with transaction():
        db.session.get(EmailAccount, broken).is_sending = False
    assert alarms.check() == Told()
    with transaction():
        db.session.get(EmailAccount, broken).is_sending = True
        db.session.execute(update(EmailMessage).values(state="cancelled"))
    assert alarms.check() == Told()


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
