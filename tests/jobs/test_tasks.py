"""The tasks themselves, with the real services and a real store: who is woken, and when a run hands over."""

import pytest
from rq.utils import import_attribute

from helpdesk import queue
from helpdesk.database import db
from helpdesk.jobs import budget, tasks
from helpdesk.models import EmailMessage
from helpdesk.services.ingest.store import store_raw
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
