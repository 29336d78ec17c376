"""The store answers and takes nothing, because it is full or a copy of another: pages work, Send works, rows wait."""

import pytest
from sqlalchemy import select

from helpdesk import queue
from helpdesk.database import db, transaction
from helpdesk.models import EmailMessage
from helpdesk.services import people, sweep
from tests.conftest import make_app
from tests.factories import AGENT
from tests.servers.store import ValkeyServer
from tests.web.conftest import send, sign_in


@pytest.fixture
def store():
    queue._reach.is_away, queue._reach.skip_until = False, 0.0
    server = ValkeyServer().start()
    yield server
    server.remove()


@pytest.fixture
def app(database_url, tmp_path, store):
    app = make_app(tmp_path, database_url, REDIS_URL=store.url)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_signing_in_and_sending_work_while_the_store_refuses(app, team, store, trouble):
    store.client().flushall()  # what making the team woke
    store.refuse(trouble)
    with app.app_context(), transaction():
        people.find_user(AGENT).undo_seconds = 0
    client = app.test_client()
    assert sign_in(client, AGENT).status_code == 303
    words = {"kind": "reply", "body": "Please restart it.", "form_id": "a-form-key-of-this-test"}
    sent = send(client, f"/tickets/{team['ticket']}/answer", **words)
    assert sent.status_code == 303
    assert client.get("/tickets").status_code == client.get("/health").status_code == 200
    with app.app_context():
        (row,) = db.session.scalars(select(EmailMessage).where(EmailMessage.purpose == "reply"))
        assert row.state == "queued"
        assert ("send_account", (team["account"],)) in sweep.sweep()
    assert store.jobs() == 0
    store.accept()
    with app.app_context():
        queue.wake("send_account", team["account"])
    assert store.jobs() == 1
