"""The same form sent twice at the same moment, as a double click does: one thing happens, nobody sees an error."""

import threading

import pytest
from sqlalchemy import func, select

from helpdesk.database import db, transaction
from helpdesk.models import Comment, EmailMessage, Event, Notification, Ticket, User
from helpdesk.policy.status import Priority
from helpdesk.services import bulk, queries
from tests.web.conftest import browser, csrf_of, send

KEY = "a-form-key-of-the-tests"


@pytest.fixture
def at_once(app, team):
    """POST a form from two windows of one person at the same moment; the two status codes."""

    def post(path, person="agent", times=2, **fields):
        clients = [browser(app, team[person]) for _ in range(times)]
        tokens = [csrf_of(client, "/profile") for client in clients]
        start, codes = threading.Barrier(times), []

        def run(client, token):
            start.wait()
            codes.append(client.post(path, data=fields | {"csrf_token": token}).status_code)

        threads = [threading.Thread(target=run, args=pair) for pair in zip(clients, tokens, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return codes

    return post


def count(app, model, *where):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model).where(*where))


def test_note_sent_twice_at_once_is_one(app, team, at_once):
    codes = at_once(f"/tickets/{team['ticket']}/answer", kind="note", body="One note", form_id=KEY)
    assert codes == [303, 303]
    assert count(app, Comment, Comment.text == "One note") == 1


def test_new_ticket_sent_twice_at_once_is_one_ticket_and_one_mail(app, team, at_once):
    before = count(app, Ticket)
    codes = at_once(
        "/tickets/new", requester="new@customer.example", account=str(team["account"]), assignee="0",
        subject="Called in", text="As told on the phone.", priority="medium", category="Support", form_key=KEY,
    )  # fmt: skip
    assert codes == [303, 303]
    assert count(app, Ticket) == before + 1
    assert count(app, EmailMessage, EmailMessage.purpose == "reply") == 1


def test_change_of_many_sent_twice_at_once_happens_once_to_each(app, team, at_once):
    numbers = [str(team["ticket"]), str(team["other_ticket"])]
    codes = at_once(
        "/tickets/bulk", "admin", 4, ticket=numbers, status="resolved", priority="urgent",
        assignee=str(team["agent"]), tag="at once",
    )  # fmt: skip
    assert codes == [303] * 4
    for kind in ("ticket.status_changed", "ticket.priority_changed", "ticket.assigned", "ticket.tagged"):
        assert count(app, Event, Event.type == kind) == 2, kind
    assert count(app, Notification, Notification.user_id == team["agent"]) == 2


def test_taking_back_a_change_of_many_twice_at_once_happens_once(app, team, at_once):
    with app.app_context(), transaction():
        admin = db.session.get(User, team["admin"])
        ticket = queries.by_number(team["ticket"])
        token = bulk.sign(bulk.apply(ticket, bulk.Wish(priority=Priority.URGENT), actor=admin), actor=admin)
    codes = at_once("/tickets/bulk/undo", "admin", 3, undo=token)
    assert codes == [303] * 3
    assert count(app, Event, Event.type == "ticket.priority_changed") == 2


def test_customer_who_closes_and_opens_again_and_again_is_stopped_and_loses_no_word(app, team):
    jonas = browser(app, team["customer"])
    page = f"/my/tickets/{team['ticket']}"
    codes = [
        send(jonas, f"{page}/{act}", body="", form_id=f"key-of-the-try-{number:04}-{act}").status_code
        for number in range(12)
        for act in ("close", "reopen")
    ]
    assert 429 in codes
    assert codes.index(429) >= 10
    refused = send(jonas, f"{page}/close", body="My last word", form_id="another-key-of-the-form")
    assert refused.status_code == 429
    assert "My last word" in refused.text
    assert (
        send(jonas, f"{page}/answer", body="Still heard", form_id="a-further-key-of-the-form").status_code
        == 303
    )
