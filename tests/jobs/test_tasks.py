"""The tasks themselves, with the real services and a real store: who is woken, and when a run hands over."""

from datetime import timedelta

import pytest
from flask import current_app
from rq.utils import import_attribute
from sqlalchemy import update

from helpdesk import queue
from helpdesk.database import db, transaction, utcnow
from helpdesk.jobs import budget, schedule, tasks
from helpdesk.models import EmailMessage
from helpdesk.policy.status import Status
from helpdesk.services.ingest.store import store_raw
from helpdesk.services.tickets import changing
from tests import factories


@pytest.fixture
def account(app, store):
    app.config["REDIS_URL"] = store.url
    with app.app_context():
        yield factories.make_account()


def waiting(store):
    names = [store.client().lrange(f"rq:queue:{name}", 0, -1) for name in queue.QUEUES]
    return {job_id.decode() for jobs in names for job_id in jobs}


def states():
    db.session.rollback()
    return [row.state.value for row in db.session.query(EmailMessage).order_by(EmailMessage.id)]


@pytest.mark.parametrize("name", sorted(queue.TASKS))
def test_every_task_has_its_function(name):
    assert import_attribute(queue.TASKS[name].function) is getattr(tasks, name)


def test_accounts_whose_time_has_come_are_woken(account, store):
    tasks.fetch_due()
    assert waiting(store) == {f"fetch_account-{account.id}"}


def test_sweep_wakes_what_a_lost_job_forgot(account, store):
    store_raw(account, factories.make_mail())
    store.client().flushall()
    tasks.sweep()
    assert waiting(store) >= {"process_incoming", f"fetch_account-{account.id}"}


def test_received_mail_is_processed_and_nothing_is_woken_twice(account, store):
    store_raw(account, factories.make_mail())
    store.client().flushall()
    tasks.process_incoming()
    assert states()[0] == "opened"
    assert "process_incoming" not in waiting(store)


def test_process_that_is_to_stop_leaves_its_work_to_a_successor(account, store):
    store_raw(account, factories.make_mail())
    store.client().flushall()
    budget.request_stop()
    tasks.process_incoming()
    assert states() == ["received"]
    assert waiting(store) == {"process_incoming"}


def test_redis_away_does_not_stop_a_task(account, app):
    app.config["REDIS_URL"] = "unix:///tmp/there-is-no-store-here.sock"
    store_raw(account, factories.make_mail())
    tasks.sweep()
    tasks.process_incoming()
    assert states()[0] == "opened"


def test_old_bytes_are_cleared_away_by_the_timetable(account, store):
    store_raw(account, factories.make_mail())
    tasks.process_incoming()
    with transaction() as session:
        session.execute(update(EmailMessage).values(created_at=utcnow() - timedelta(days=366)))
    tasks.clean_up()
    assert [row.raw_sha256 for row in db.session.query(EmailMessage)] == [None, None]
    assert schedule.Periodic("periodic-clean-up", "clean_up", 86400) in schedule.timetable(current_app.config)


def test_resolved_tickets_are_closed_by_the_timetable(account, store):
    ticket = factories.make_ticket(account)
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=None)
        ticket.resolved_at = utcnow() - timedelta(days=8)
    tasks.close_resolved()
    assert ticket.status is Status.CLOSED
    entry = schedule.Periodic("periodic-close-resolved", "close_resolved", 3600)
    assert entry in schedule.timetable(current_app.config)
