"""A real store for every test of jobs: one server per test process, emptied between tests, or one of its own."""

import time

import pytest
from flask import Flask

from helpdesk import queue
from tests.servers.store import ValkeyServer


@pytest.fixture(scope="session")
def valkey_server():
    server = ValkeyServer().start()
    yield server
    server.remove()


@pytest.fixture
def store(valkey_server):
    """An empty store that may not be stopped."""
    valkey_server.client().flushall()
    return valkey_server


@pytest.fixture
def own_store():
    """A store the test may stop, kill and start again."""
    server = ValkeyServer().start()
    yield server
    server.remove()


@pytest.fixture(autouse=True)
def _forget_outages():
    queue._reach.is_away, queue._reach.skip_until = False, 0.0


@pytest.fixture
def desk(store):
    """A bare application whose wake-ups go to `store`."""
    app = Flask("desk-of-a-test")
    app.config["REDIS_URL"] = store.url
    return app


def wait_until(condition, within_s=10.0):
    """Return the first true value of `condition()`; fail when there is none in time."""
    ends_at = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < ends_at, "waited too long"
        time.sleep(0.02)
    return value
