"""Mail is a ticket within moments of its delivery, through real processes, and after what may happen to the listener."""

import time

import pytest

from tests import factories
from tests.scenarios.desk import Desk, wait_for


@pytest.fixture
def desk(database_url, tmp_path, inbox, store):
    """Nobody looks for mail by himself within an hour."""
    desk = Desk(
        tmp_path, database_url=database_url, redis_url=store.url, EMAIL_TO_TICKET_CHECK_INTERVAL=3600,
        SWEEP_INTERVAL=3600, **inbox.settings(),
    )  # fmt: skip
    desk.flask("poll-emails", "--all-accounts")
    desk.start("worker", "listener")
    yield desk
    desk.stop("listener", seconds=15)
    desk.stop()
    desk.remove()


@pytest.mark.processes
def test_delivered_mail_is_a_ticket_within_moments(desk, inbox, execute, store):
    def arrives(number):
        wait_for(lambda: "account=1 listening" in desk.log("listener"), seconds=60, what="listening")
        began_at = time.monotonic()
        inbox.deliver(
            factories.make_mail(subject=f"Matter {number}", message_id=f"<m{number}@customer.example>")
        )
        wait_for(lambda: execute("SELECT count(*) FROM ticket")[0][0] == number, seconds=60, every=0.02)
        print(f"delivery to ticket: {time.monotonic() - began_at:.2f} s")

    for number in (1, 2, 3):
        arrives(number)
    desk.kill("listener")
    inbox.deliver(factories.make_mail(subject="While nobody listened", message_id="<m4@customer.example>"))
    desk.start("listener")
    wait_for(lambda: execute("SELECT count(*) FROM ticket")[0][0] == 4, seconds=60)
