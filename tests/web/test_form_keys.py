"""A form's key makes one act of a form sent twice. Used for anything else it stops the form and loses nothing."""

import pytest
from sqlalchemy import func, select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Comment, ScheduledReply
from helpdesk.services import scheduled_delivery
from tests.web.conftest import browser, send

KEY = "a-form-key-of-the-tests"


def said(app, text):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Comment).where(Comment.text == text))


def let_undo_time_end(app):
    with app.app_context():
        with transaction():
            db.session.query(ScheduledReply).update({"due_at": utcnow()})
        scheduled_delivery.deliver_due()
        db.session.remove()


@pytest.mark.parametrize(("first", "second"), [("note", "reply"), ("reply", "note")])
def test_one_form_sent_as_a_note_and_as_an_answer_loses_neither(app, team, first, second):
    """Back in the browser, and the other kind chosen: the page has the same key."""
    nora, path = browser(app, team["agent"]), f"/tickets/{team['ticket']}/answer"
    assert send(nora, path, kind=first, body="The first words", form_id=KEY).status_code == 303
    refused = send(nora, path, kind=second, body="The second words", form_id=KEY)
    assert refused.status_code == 422
    assert "The second words" in refused.text
    let_undo_time_end(app)
    assert (said(app, "The first words"), said(app, "The second words")) == (1, 0)
    again = send(nora, path, kind="note", body="The first words", form_id=KEY)
    assert again.status_code == (303 if first == "note" else 422)
    assert said(app, "The first words") == 1


def test_a_key_somebody_used_elsewhere_gives_the_words_back(app, team):
    tickets, jonas = (team["ticket"], team["other_ticket"]), browser(app, team["customer"])
    ada, nora = browser(app, team["admin"]), browser(app, team["agent"])
    assert (
        send(ada, f"/tickets/{tickets[0]}/answer", kind="note", body="Mine", form_id=KEY).status_code == 303
    )
    new = {"account": str(team["account"]), "subject": "New", "category": "Support", "form_key": KEY}
    attempts = [
        (ada, f"/tickets/{tickets[1]}/answer", {"kind": "note", "body": "On another ticket", "form_id": KEY}),
        (nora, f"/tickets/{tickets[0]}/answer", {"kind": "note", "body": "By a colleague", "form_id": KEY}),
        (nora, f"/tickets/{tickets[1]}/answer", {"kind": "reply", "body": "An answer", "form_id": KEY}),
        (jonas, f"/my/tickets/{tickets[0]}/answer", {"body": "By the customer", "form_id": KEY}),
        (jonas, "/my/tickets/new", new | {"text": "A new matter"}),
    ]
    for client, path, fields in attempts:
        words = fields.get("body") or fields["text"]
        response = send(client, path, **fields)
        assert (response.status_code, words in response.text, said(app, words)) == (422, True, 0), words


def test_the_key_of_somebody_elses_new_ticket_opens_nothing_and_shows_nothing(app, team):
    jonas, ada = browser(app, team["customer"]), browser(app, team["admin"])
    own = {
        "account": str(team["account"]),
        "subject": "Mine",
        "category": "Support",
        "text": "x",
        "form_key": KEY,
    }
    assert send(jonas, "/my/tickets/new", **own).status_code == 303
    fields = own | {
        "requester": "new@customer.example",
        "assignee": "0",
        "priority": "medium",
        "text": "As told",
    }
    response = send(ada, "/tickets/new", **fields)
    assert (response.status_code, "As told" in response.text) == (422, True)
