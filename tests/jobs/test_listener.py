"""The listener: who is listened to, that mail wakes the fetch, and that no server is bothered when things go wrong."""

import secrets
import threading

import pytest
from sqlalchemy import update

from helpdesk import queue
from helpdesk.database import db, transaction, utcnow
from helpdesk.jobs import budget, tasks
from helpdesk.jobs import listener as listener_module
from helpdesk.jobs.listener import Listener, State
from helpdesk.models import EmailAccount
from helpdesk.services import fetch, health, keys, listening, sweep
from helpdesk.services.fetch_lease import FetchLease
from helpdesk.web.admin import health as health_page
from tests import factories
from tests.fakes import FakeSource
from tests.jobs.conftest import wait_until
from tests.servers.fixtures import authority, dovecot  # noqa: F401
from tests.servers.idling_imap import IdlingImap


@pytest.fixture
def server():
    server = IdlingImap().start()
    yield server
    server.stop()


@pytest.fixture
def desk(app, store):
    app.config["REDIS_URL"] = store.url
    with app.app_context():
        yield app


def make_account(server, email="support@desk.example", **values):
    return factories.make_account(
        email, incoming_host="127.0.0.1", incoming_port=server.port, incoming_security="plain",
        incoming_username="u", incoming_password=keys.encrypt("p"), source="env", **values,
    )  # fmt: skip


@pytest.fixture
def listeners(desk):
    """Listeners that run in a thread of this process until the end of the test."""
    threads = []

    def start(**values):
        listener = Listener(desk, **({"look_s": 0.1, "delays_s": (0.1, 0.2, 3600.0)} | values))
        threads.append(threading.Thread(target=listener.run))
        threads[-1].start()
        return listener

    yield start
    budget.request_stop()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def waiting(store):
    return {job.decode() for job in store.client().lrange("rq:queue:fetch", 0, -1)}


def fresh(account):
    db.session.rollback()
    return db.session.get(EmailAccount, account.id, populate_existing=True)


def change(account, **values):
    with transaction():
        db.session.execute(update(EmailAccount).where(EmailAccount.id == account.id).values(**values))


def test_mail_wakes_the_fetch_and_the_wish_is_kept(desk, store, server, listeners):
    account = make_account(server)
    listener = listeners()
    wait_until(lambda: waiting(store) == {f"fetch_account-{account.id}"})  # looks once when it begins
    wait_until(
        lambda: queue.listening(store.url) == {"connecting": 0, "listening": 1, "waiting": 0, "unable": 0}
    )
    store.client().flushall()
    change(account, is_fetch_wanted=False)
    server.tell(b"* 1 EXISTS\r\n")
    wait_until(lambda: waiting(store))
    assert fresh(account).is_fetch_wanted
    assert listener.counts()["listening"] == 1


def test_real_mail_is_told_through_the_whole_listener(desk, store, dovecot, listeners):  # noqa: F811
    user = f"ear{secrets.token_hex(4)}@desk.example"
    dovecot.flags(user)
    address = dovecot.address(user)
    account = factories.make_account(
        incoming_host=address.host, incoming_port=address.port, incoming_security="tls", source="env",
        incoming_username=user, incoming_password=keys.encrypt(address.password), incoming_ca_file=address.ca_file,
    )  # fmt: skip
    listener = listeners()
    wait_until(lambda: listener.counts()["listening"])
    wait_until(lambda: waiting(store))
    store.client().flushall()
    dovecot.deliver(user, factories.make_mail())
    wait_until(lambda: waiting(store) == {f"fetch_account-{account.id}"})


def test_dropped_connection_is_made_again_and_what_came_meanwhile_is_looked_for(
    desk, store, server, listeners
):
    make_account(server)
    listener = listeners()
    wait_until(lambda: listener.counts()["listening"] and waiting(store))
    store.client().flushall()
    server.drop()
    wait_until(lambda: server.waiting and waiting(store))


def test_refused_login_is_tried_three_times_and_then_rests(desk, server, listeners):
    server.answers[b"LOGIN"] = b"TAG NO [AUTHENTICATIONFAILED] no\r\n"
    make_account(server)
    listener = listeners()
    wait_until(lambda: server.count(b"LOGIN") == 3 and listener.counts()["waiting"])
    ear = next(iter(listener.ears.values()))
    assert (ear.failures, ear.state) == (3, State.WAITING)
    assert ear._delay(0.0) >= 3600 > ear._delay(61.0)


def test_account_that_fails_is_left_alone_until_fetching_goes_well(desk, server, listeners):
    account = make_account(server, consecutive_failures=1)
    listener = listeners()
    wait_until(lambda: listener.counts()["waiting"])
    assert server.commands == []
    change(account, consecutive_failures=0, last_success_at=utcnow())
    wait_until(lambda: listener.counts()["listening"])


def test_listener_follows_what_becomes_of_the_accounts(desk, server, listeners):
    listener = listeners(most=1)
    account = make_account(server)
    wait_until(lambda: listener.counts()["listening"])
    make_account(server, "second@desk.example")
    deaf = IdlingImap(has_idle=False).start()
    change(account, incoming_port=deaf.port)
    wait_until(lambda: listener.counts() == {"connecting": 0, "listening": 0, "waiting": 0, "unable": 1})
    change(account, is_fetching=False)
    wait_until(lambda: listener.counts()["listening"] == 1 and len(listener.ears) == 1)
    deaf.stop()


def test_accounts_connect_a_few_at_a_time_and_all_are_listened_to(desk, server, listeners):
    for number in range(listener_module.AT_ONCE + 3):
        make_account(server, f"a{number}@desk.example")
    greeting, server.greeting = server.greeting, b""  # nobody gets further than the connection
    listener = listeners()
    wait_until(lambda: len(server.connections) == listener_module.AT_ONCE)
    wait_until(lambda: len(listener.ears) == listener_module.AT_ONCE + 3)
    assert len(server.connections) == listener_module.AT_ONCE
    server.greeting = greeting
    for connection in list(server.connections):
        connection.sendall(greeting)
    wait_until(lambda: listener.counts()["listening"] == listener_module.AT_ONCE + 3)


def test_only_fetched_imap_accounts_are_listened_to(desk, server):
    account = make_account(server)
    make_account(server, "paused@desk.example", is_fetching=False)
    make_account(server, "off@desk.example", is_active=False)
    factories.make_account("practice@desk.example", incoming_protocol="maildir")
    factories.make_account("sends@desk.example", incoming_host="")
    assert [target.account_id for target in listening.targets()] == [account.id]
    desk.config["DEMO"] = True
    assert listening.targets() == []


def test_wish_during_a_fetch_makes_it_look_again(desk, store):
    account = factories.make_account()
    source = FakeSource()
    lease = FetchLease(account.id)
    with transaction():
        assert lease.take(is_fetch_wanted=False)
        fetch.want(account.id)
    tasks.fetch_account(account.id)  # who was woken finds the account busy and leaves
    assert fresh(account).is_fetch_wanted
    with transaction():
        lease.release()
    assert not fetch.fetch_account(account.id, source=source).more

    ask = source.uids_after

    def uids_after(last_uid):
        source.uids_after = ask
        with transaction():
            fetch.want(account.id)
        return ask(last_uid)

    source.uids_after = uids_after
    assert fetch.fetch_account(account.id, source=source).more
    assert not fetch.fetch_account(account.id, source=source).more


def test_wish_makes_an_account_due_that_was_just_fetched(desk):
    account = factories.make_account(poll_frequency_s=3600)
    fetch.fetch_account(account.id, source=FakeSource())
    assert fetch.due_accounts() == []
    with transaction():
        fetch.want(account.id)
    assert fetch.due_accounts() == [account.id]
    assert ("fetch_account", (account.id,)) in sweep.sweep()


def test_health_page_tells_how_many_are_listened_to(desk, store):
    with desk.test_request_context():
        assert "does not run" in health_page._listener(health.details()).text
        queue.tell_listening(store.client(), {"listening": 3, "unable": 1, "waiting": 0, "connecting": 2})
        part = health_page._listener(health.details())
    assert part.text.startswith("It listens to 3 accounts. 1 is on a server")
    assert part.text.endswith("2 could not be reached and are tried again.")
