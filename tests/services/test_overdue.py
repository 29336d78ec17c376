"""A due date that has passed is told once, to those who can do something about it."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import current_app

from helpdesk.database import db, transaction, utcnow
from helpdesk.jobs import schedule, tasks
from helpdesk.models import Event, Ticket
from helpdesk.policy.status import ACTIVE, Status
from helpdesk.services import overdue
from helpdesk.services.tickets import changing
from tests import factories
from tests.services.outbox.mails import outgoing
from tests.services.outbox.told_mails import send_gathered, text_of, to_whom


@pytest.fixture
def ticket(account, nora):
    """Nora's ticket, opened by hand by Tom, due yesterday."""
    tom = factories.make_agent(factories.OTHER_AGENT, "Tom Hale", accounts=[account])
    ticket = factories.make_ticket(account)
    with transaction():
        ticket.assignee, ticket.created_by = nora, tom
        ticket.due_at = utcnow() - timedelta(days=1)
        ticket.status = Status.OPEN
    return ticket


def told():
    return sorted(email.recipients["to"][0] for email in outgoing(purpose="notification"))


def facts():
    db.session.rollback()
    return db.session.query(Event).filter_by(type="ticket.overdue").count()


def test_assignee_and_creator_are_told_by_a_mail_that_names_the_date(account, ticket):
    (found,) = overdue.tell()
    assert set(found.to) == {factories.AGENT, factories.OTHER_AGENT}
    mails = send_gathered(account.id)
    assert sorted(to_whom(mail) for mail in mails) == [factories.AGENT, factories.OTHER_AGENT]
    for mail in mails:
        assert "This ticket is overdue." in text_of(mail)
        assert ", overdue" in text_of(mail)
    creators = next(mail for mail in mails if to_whom(mail) == factories.OTHER_AGENT)
    assert "because you opened the ticket" in text_of(creators)


def test_the_date_is_written_in_the_readers_language_and_zone(account, ticket, nora):
    with transaction():
        nora.language, nora.timezone = "de", "Europe/Berlin"
        db.session.merge(ticket).due_at = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    overdue.tell()
    mail = next(mail for mail in send_gathered(account.id) if to_whom(mail) == factories.AGENT)
    assert "Fällig: Mi. 4. März 2026, 00:30, überfällig" in text_of(mail)


def test_each_due_date_is_told_once_and_moving_it_arms_it_again(account, ticket, nora):
    assert [len(overdue.tell()) for _ in range(3)] == [1, 0, 0]
    with transaction():
        changing.set_due(ticket, utcnow() + timedelta(hours=1), actor=nora)
    assert overdue.tell() == []
    with transaction():
        changing.set_due(ticket, utcnow() - timedelta(hours=1), actor=nora)
    assert (len(overdue.tell()), facts()) == (1, 2)


@pytest.mark.parametrize("status", Status)
def test_only_what_is_still_to_be_worked_on_is_overdue(ticket, status):
    with transaction():
        db.session.merge(ticket).status = status
    assert len(overdue.preview()) == len(overdue.tell()) == (status in ACTIVE)


def test_what_is_due_later_or_never_or_was_put_away_is_not_told(ticket):
    for values in ({"due_at": utcnow() + timedelta(minutes=1)}, {"due_at": None}, {"disposition": "trash"}):
        with transaction():
            for name, value in values.items():
                setattr(db.session.get(Ticket, ticket.id), name, value)
        assert overdue.preview() == overdue.tell() == []


def test_a_ticket_of_nobody_is_marked_and_mailed_to_nobody(account):
    ticket = factories.make_ticket(account)
    with transaction():
        ticket.due_at = utcnow() - timedelta(days=1)
    (found,) = overdue.tell()
    assert (found.to, told(), facts()) == ((), [], 1)


def test_what_was_finished_before_the_mail_left_is_not_told(account, ticket):
    overdue.tell()
    with transaction():
        db.session.merge(ticket).status = Status.RESOLVED
    assert send_gathered(account.id) == []


def test_a_preview_changes_nothing(ticket):
    assert (
        [found.number for found in overdue.preview()] == [found.number for found in overdue.preview()] != []
    )
    assert (told(), facts()) == ([], 0)


def test_four_processes_at_once_tell_it_once(app, ticket):
    start, counts = threading.Barrier(4), []
    db.session.rollback()

    def run():
        with app.app_context():
            start.wait()
            counts.append(len(overdue.tell()))
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (sorted(counts), facts(), len(told())) == ([0, 0, 0, 1], 1, 2)


def test_the_timetable_tells_it_without_anybody(ticket):
    assert schedule.Periodic("periodic-overdue", "tell_overdue", 300) in schedule.timetable(
        current_app.config
    )
    tasks.tell_overdue()
    assert told() == [factories.AGENT, factories.OTHER_AGENT]


def test_the_command_says_what_it_would_do_and_then_does_it_without_redis(app, ticket):
    app.config["REDIS_URL"] = "unix:///tmp/there-is-no-store-here.sock"
    number, runner = ticket.number, app.test_cli_runner()
    dry = runner.invoke(args=["send-overdue-notifications", "--dry-run"])
    assert dry.exit_code == 0
    for words in (f"{number:05d}", factories.AGENT, factories.OTHER_AGENT, "Overdue: 1  Mails: 2", "Dry run"):
        assert words in dry.output
    assert told() == []
    assert "Overdue: 1  Mails: 2" in runner.invoke(args=["send-overdue-notifications"]).output
    assert "Overdue: 0  Mails: 0" in runner.invoke(args=["send-overdue-notifications"]).output
    assert told() == [factories.AGENT, factories.OTHER_AGENT]
