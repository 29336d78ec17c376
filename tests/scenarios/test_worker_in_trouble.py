"""The worker pool stopped in the middle of its work, and without a store that takes anything: nothing lost or doubled."""

import os
import time
from collections import Counter

import pytest

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.services import accounts
from helpdesk.services.outbox import queue
from tests import factories
from tests.conftest import make_app
from tests.scenarios.desk import SECRET_KEY, Desk, wait_for
from tests.scenarios.inbox import smtp_settings

pytestmark = pytest.mark.processes
MAILS = 150 if os.environ.get("HELPDESK_TEST_REQUIRE") == "all" else 60
HELD = (
    "SELECT (SELECT count(*) FROM email_message WHERE state IN ('processing', 'sending'))"
    " + (SELECT count(*) FROM email_account WHERE fetch_lease IS NOT NULL OR send_lease IS NOT NULL)"
)
DONE = "SELECT count(*) FROM email_message WHERE direction = '{}' AND state IN ('opened', 'sent')"


@pytest.fixture
def desk(database_url, tmp_path, inbox, sink, store):
    """A desk that has looked at its empty mailbox and is not running yet."""
    desk = Desk(
        tmp_path, database_url=database_url, redis_url=store.url, CLAIM_SECONDS=300,
        **inbox.settings(), **smtp_settings(sink),
    )  # fmt: skip
    desk.flask("poll-emails", "--all-accounts")
    yield desk
    desk.remove()


def done(execute, direction):
    return execute(DONE.format(direction))[0][0]


def recipients(sink):
    return Counter(address for mail in sink.mails() for address in mail.recipients)


def test_a_stop_in_the_middle_ends_with_the_mail_at_hand_and_holds_nothing(desk, inbox, sink, execute):
    for n in range(MAILS):
        inbox.deliver(factories.make_mail(f"p{n}@customer.example", subject=f"Matter {n}"))
    desk.start("scheduler")
    seen_at_stops = []
    for direction in ("in", "in", "out", "out"):
        before = done(execute, direction)
        desk.start("worker")
        wait_for(lambda: done(execute, direction) > before or done(execute, direction) == MAILS, seconds=60,  # noqa: B023
                 what="some work", every=0.02)  # fmt: skip
        began = time.monotonic()
        desk.processes["worker"].terminate()
        code = desk.processes.pop("worker").wait(30)
        assert (code, time.monotonic() - began < 28) == (0, True)
        assert execute(HELD)[0][0] == 0, (
            "whoever comes next must not wait for a claim of a process that is gone"
        )
        seen_at_stops.append((done(execute, "in"), done(execute, "out")))
    assert "Traceback" not in desk.log("worker")
    desk.start("worker")
    wait_for(lambda: done(execute, "out") == MAILS, seconds=120, what="every acknowledgement")
    desk.stop("worker")
    assert recipients(sink) == Counter({f"p{n}@customer.example": 1 for n in range(MAILS)}), seen_at_stops
    assert desk.flask("doctor") == "All is well.\n"
    assert seen_at_stops[0][0] < MAILS, "stopped too late to prove anything"


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_mail_and_answers_flow_again_when_the_store_takes_words_again(
    desk, inbox, sink, store, execute, database_url, tmp_path, trouble
):
    desk.start("worker", "scheduler")
    inbox.deliver(factories.make_mail("p1@customer.example"))
    wait_for(lambda: done(execute, "out") == 1, seconds=90, what="the first acknowledgement")
    store.refuse(trouble)
    inbox.deliver(factories.make_mail("p2@customer.example"))
    app = make_app(tmp_path, database_url, SECRET_KEY=SECRET_KEY, REDIS_URL=store.url)
    with app.app_context():
        (account,) = accounts.all_accounts()
        blob = storage.stage(factories.make_mail(to="p3@customer.example"))
        with transaction():
            queue.add(account, purpose="test", to=["p3@customer.example"], blob=blob)
        db.engine.dispose()
    time.sleep(6)
    assert "p3@customer.example" not in recipients(sink)
    assert all(process.poll() is None for process in desk.processes.values()), "nobody gave up"
    store.accept()
    wait_for(lambda: len(recipients(sink)) == 3, seconds=60, what="what waited")
    assert set(recipients(sink).values()) == {1}
    desk.stop()
    assert desk.flask("doctor") == "All is well.\n"
