"""Customers: their own tickets and only those, public words only, one comment per form."""

import html
import io
import re

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Comment, Participant, Ticket, User
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import people, queries
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Words
from tests.factories import STRANGER
from tests.web.conftest import browser, csrf_of, send

CANARY = "canary-of-the-team"
KEY = "k" * 24


@pytest.fixture
def jonas(app, desk):
    return browser(app, desk["customer"])


def said(app, desk):
    with app.app_context():
        rows = db.session.scalars(
            select(Comment)
            .where(Comment.ticket_id == queries.by_number(desk["ticket"]).id)
            .order_by(Comment.id)
        )
        return [(c.kind.value, c.text) for c in rows]


def answer(client, desk, body="It works now.", key=KEY, files=()):
    page = f"/my/tickets/{desk['ticket']}"
    data = {
        "body": body,
        "form_id": key,
        "csrf_token": csrf_of(client, "/profile"),
        "attachments": list(files),
    }
    return client.post(f"{page}/answer", data=data)


def test_list_shows_own_tickets_only(jonas):
    text = jonas.get("/my/tickets").text
    assert "Printer shows error 49" in text
    assert "Invoice twice" not in text


def test_page_shows_public_words_and_nothing_of_the_team(app, desk, jonas):
    with app.app_context(), transaction():
        ticket, nora = queries.by_number(desk["ticket"]), db.session.get(User, desk["agent"])
        comments.add_reply(ticket, Words("Please switch it off and on."), actor=nora)
        comments.add_note(ticket, Words(f"{CANARY} note"), actor=nora)
        stranger = people.address_for(STRANGER)
        comments.add_incoming(
            ticket, Words(f"{CANARY} unreleased", is_released=False), address=stranger, actor=None
        )
        changing.assign(ticket, db.session.get(User, desk["admin"]), actor=nora)
    text = jonas.get(f"/my/tickets/{desk['ticket']}").text
    assert "Please switch it off and on." in text
    for secret in (
        CANARY,
        STRANGER,
        "Ada Lovelace",
        "nora@desk.example",
        "/admin",
        "Internal note",
        "priority",
    ):
        assert secret not in text
    assert CANARY not in jonas.get("/my/tickets").text


def test_person_added_later_sees_nothing_from_before(app, desk):
    with app.app_context(), transaction():
        ticket, maria = queries.by_number(desk["ticket"]), db.session.get(User, desk["other_customer"])
        db.session.add(
            Participant(
                ticket_id=ticket.id,
                address_id=maria.addresses[0].id,
                role="cc",
                since=utcnow(),
                created_at=utcnow(),
            )
        )
        nora = db.session.get(User, desk["agent"])
    with app.app_context(), transaction():
        nora = db.session.get(User, desk["agent"])
        comments.add_reply(queries.by_number(desk["ticket"]), Words("For both of you."), actor=nora)
    text = browser(app, desk["other_customer"]).get(f"/my/tickets/{desk['ticket']}").text
    assert "For both of you." in text
    assert "It does not print." not in text
    assert "log.txt" not in text


def test_answer_becomes_a_comment_and_reopens(app, desk, jonas):
    with app.app_context(), transaction():
        changing.set_status(queries.by_number(desk["ticket"]), Status.RESOLVED, actor=None)
    assert "Open it again" in jonas.get(f"/my/tickets/{desk['ticket']}").text
    response = answer(jonas, desk, files=[(io.BytesIO(b"\x89PNG"), "photo.png")])
    assert response.location == f"/my/tickets/{desk['ticket']}"
    assert said(app, desk)[-1] == (CommentKind.INCOMING.value, "It works now.")
    with app.app_context():
        assert queries.by_number(desk["ticket"]).status is Status.OPEN
    page = jonas.get(response.location).text
    assert "photo.png" in page and "Your answer has arrived." in page


def test_form_sent_twice_is_one_comment(app, desk, jonas):
    before = len(said(app, desk))
    assert [answer(jonas, desk).status_code for _ in range(2)] == [303, 303]
    assert len(said(app, desk)) == before + 1
    answer(jonas, desk, key="another-key-of-a-form")
    assert len(said(app, desk)) == before + 2


def test_empty_answer_says_so(app, desk, jonas):
    before = said(app, desk)
    response = answer(jonas, desk, body="  \r\n ")
    assert response.status_code == 422
    assert "Please write something or attach a file." in response.text
    assert said(app, desk) == before


def test_too_large_file_keeps_the_text(app, desk, jonas):
    app.config["EMAIL_MAX_ATTACHMENT_SIZE"] = 1024 * 1024
    response = answer(
        jonas, desk, body="A <long> story", files=[(io.BytesIO(b"x" * 1024 * 1025), "film.mov")]
    )
    assert response.status_code == 422
    assert "A &lt;long&gt; story" in response.text
    assert "film.mov" in response.text and "choose the refused file again" in response.text


def test_half_a_megabyte_of_text_arrives(app, desk, jonas):
    text = "word " * 120_000
    assert answer(jonas, desk, body=text, files=[(io.BytesIO(b"a"), "a.txt")]).status_code == 303
    assert said(app, desk)[-1][1] == text.strip()


def test_answer_to_a_foreign_ticket_is_refused(app, desk):
    before = said(app, desk)
    assert answer(browser(app, desk["other_customer"]), desk).status_code == 404
    assert answer(browser(app, desk["admin"]), desk).status_code == 403
    assert said(app, desk) == before


def test_extra_fields_of_an_answer_change_nothing(app, desk, jonas):
    send(jonas, f"/my/tickets/{desk['ticket']}/answer", body="Hi", form_id=KEY, kind="note", status="closed",
         priority="urgent", is_released="0", author_id=str(desk["admin"]), assignee="1")  # fmt: skip
    with app.app_context():
        ticket = queries.by_number(desk["ticket"])
        comment = ticket.comments[-1]
        assert (ticket.status, ticket.priority, ticket.assignee_id) == (Status.NEW, "medium", None)
        assert (comment.kind, comment.author_id, comment.is_released) == (
            CommentKind.INCOMING,
            desk["customer"],
            True,
        )


def test_list_is_paged_by_key(app, desk, jonas):
    with app.app_context():
        for n in range(26):
            with transaction():
                base = queries.by_number(desk["ticket"])
                opening.open_ticket(account=base.account, requester=base.requester_address, subject=f"Matter {n}",
                                    words=Words("x"), actor=None)  # fmt: skip
        assert db.session.query(Ticket).count() == 28
    first = jonas.get("/my/tickets").text
    assert "Matter 25" in first and "Printer shows error 49" not in first
    after = html.unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    assert "Printer shows error 49" in jonas.get(after).text
    assert jonas.get("/my/tickets?after=nonsense").status_code == 200
