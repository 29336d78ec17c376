"""Real servers and a real browser around a desk of real processes."""

import sqlite3

import psycopg
import pytest

from tests import factories
from tests.scenarios.desk import Desk
from tests.scenarios.inbox import Inbox, smtp_settings
from tests.servers.fixtures import authority, dovecot, imap_server, pymap, sink, smtp_sink  # noqa: F401
from tests.servers.store import ValkeyServer


@pytest.fixture
def inbox(imap_server):  # noqa: F811
    """An empty mailbox of its own for support@desk.example."""
    return Inbox(imap_server, factories.SUPPORT)


@pytest.fixture
def store():
    store = ValkeyServer().start()
    yield store
    store.remove()


@pytest.fixture
def running_desk(database_url, tmp_path, inbox, sink, store):  # noqa: F811
    """Web, worker and scheduler, with the agent Nora, reading support@desk.example; old mail lies there already."""
    inbox.deliver(factories.make_mail(subject="long ago"), is_seen=True)
    desk = Desk(
        tmp_path, database_url=database_url, redis_url=store.url, **inbox.settings(), **smtp_settings(sink)
    )
    desk.flask("poll-emails", "--all-accounts")
    password = f"{factories.PASSWORD}\n".encode()
    desk.flask("create-user", factories.AGENT, "--role", "agent", "--name", "Nora Keller", "--password-stdin",
               stdin=password)  # fmt: skip
    desk.start().wait_until_answering()
    yield desk
    desk.stop()
    desk.remove()


@pytest.fixture
def page(chromium, running_desk):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def execute(database_url):
    """Run SQL beside the desk, on its own connection."""

    def run(statement):
        if database_url.startswith("sqlite"):
            with sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=10) as connection:
                rows = connection.execute(statement).fetchall()
            connection.close()
            return rows
        with psycopg.connect(database_url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return run
