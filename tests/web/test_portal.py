"""The customers' pages: their own tickets and only those; and files, for everybody who may see them."""

import io

import pytest

from helpdesk.database import db, transaction
from helpdesk.mail.types import MailFile
from helpdesk.models import Attachment, Comment, Ticket
from helpdesk.policy.status import Status
from helpdesk.services import attachments, people
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests.factories import AGENT, CUSTOMER, OTHER_AGENT, OTHER_CUSTOMER
from tests.web.conftest import send, sign_in

KEY = "a-form-key-of-the-tests"


@pytest.fixture
def talked(app, team):
    """The customer's ticket with a note, an answer with a file, and a designed mail."""
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=team["ticket"]).one()
        agent = people.find_user(AGENT)
        files = attachments.stage(
            [MailFile("photo.png", "image/png", b"\x89PNG"), MailFile("evil.html", "text/html", b"<script>")]
        )
        with transaction():
            comments.add_note(ticket, Words("canary-of-the-team"), actor=agent)
            comments.add_reply(ticket, Words("Try 4.2.", files=files), actor=agent)
            html = '<p onclick="x()">It <b>works</b></p><script>alert(1)</script><img src="https://evil.example/x">'
            words = Words("It works", html=html, is_from_email=True)
            comment = comments.add_incoming(
                ticket, words, address=ticket.requester_address, actor=ticket.requester
            )
        tokens = {a.filename: a.token for a in db.session.query(Attachment)}
        return team | {"tokens": tokens, "designed": comment.id}


def test_a_customer_sees_his_own_tickets_and_no_others(client, talked):
    sign_in(client, CUSTOMER)
    page = client.get("/my/tickets").text
    assert "Printer shows error 49" in page
    assert "Invoice" not in page
    assert client.get(f"/my/tickets/{talked['other_ticket']}").status_code == 404


def test_his_ticket_shows_everything_but_the_notes(client, talked):
    sign_in(client, CUSTOMER)
    page = client.get(f"/my/tickets/{talked['ticket']}").text
    assert "Try 4.2." in page
    assert "photo.png" in page
    assert "canary-of-the-team" not in page
    assert "canary-of-the-team" not in client.get("/my/tickets").text


def reply(client, team, body="One more thing", **fields):
    path = f"/my/tickets/{team['ticket']}/answer"
    return send(client, path, body=body, form_id=KEY, **fields)


def test_he_answers_with_a_file_and_once(app, client, team):
    sign_in(client, CUSTOMER)
    assert reply(client, team, attachments=(io.BytesIO(b"log"), "log.txt")).status_code == 303
    assert reply(client, team).status_code == 303
    page = client.get(f"/my/tickets/{team['ticket']}").text
    assert page.count("One more thing") == 1
    assert "log.txt" in page
    with app.app_context():
        said = db.session.query(Comment).order_by(Comment.id).all()[-1]
        assert (said.kind, said.author_email, said.is_from_email) == ("incoming", CUSTOMER, False)


def test_his_answer_opens_a_resolved_ticket(app, client, team):
    with app.app_context(), transaction():
        changing.set_status(
            db.session.query(Ticket).filter_by(number=team["ticket"]).one(), Status.CLOSED, actor=None
        )
    sign_in(client, CUSTOMER)
    reply(client, team)
    with app.app_context():
        assert db.session.query(Ticket).filter_by(number=team["ticket"]).one().status is Status.OPEN


def test_an_empty_answer_is_refused_and_typed_words_stay(app, client, team):
    sign_in(client, CUSTOMER)
    assert reply(client, team, body=" ").status_code == 422
    large = "x" * 2000
    app.config["EMAIL_MAX_ATTACHMENT_SIZE"] = 1000
    refused = reply(client, team, body="words to keep", attachments=(io.BytesIO(large.encode()), "large.bin"))
    assert (refused.status_code, "words to keep" in refused.text, "large.bin" in refused.text) == (
        422,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("email", "status"), [(CUSTOMER, 200), (AGENT, 200), (OTHER_CUSTOMER, 404), (OTHER_AGENT, 404)]
)
def test_files_are_for_those_who_see_the_comment(client, talked, email, status):
    sign_in(client, email)
    response = client.get(f"/files/{talked['tokens']['photo.png']}/photo.png")
    assert response.status_code == status
    assert client.get("/files/0000/photo.png").status_code == 404


def test_files_are_downloads_whatever_they_claim_to_be(client, talked):
    sign_in(client, CUSTOMER)
    response = client.get(f"/files/{talked['tokens']['evil.html']}/x.html")
    assert response.headers["Content-Disposition"] == "attachment; filename=evil.html"
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.data == b"<script>"


def test_a_designed_mail_is_cleaned_and_framed(client, talked):
    sign_in(client, AGENT)
    path = f"/comments/{talked['designed']}/html"
    response = client.get(path, headers={"Sec-Fetch-Dest": "iframe"})
    assert "<b>works</b>" in response.text
    for word in ("script", "onclick", ' src="https'):
        assert word not in response.text
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in response.headers["Content-Security-Policy"]
    assert client.get(path, headers={"Sec-Fetch-Dest": "document"}).status_code == 404


@pytest.mark.parametrize(("email", "status"), [(OTHER_CUSTOMER, 403), (OTHER_AGENT, 404)])
def test_a_designed_mail_is_nobody_elses(client, talked, email, status):
    sign_in(client, email)
    assert client.get(f"/comments/{talked['designed']}/html").status_code == status


def test_agents_pages_are_not_for_customers(client, team):
    sign_in(client, CUSTOMER)
    assert client.get("/tickets").status_code == 403
    assert client.get("/tickets/new").status_code == 403
