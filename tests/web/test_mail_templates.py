"""The desk's own mails: what people read in them, as text and as HTML."""

from datetime import timedelta

import pytest
from flask import Flask
from flask_babel import Babel

import helpdesk.web.filters as filters
from helpdesk.database import utcnow
from helpdesk.policy.status import Priority, Status

TICKET = {
    "subject": "[TKT-2026-00042] Printer <b>",
    "ticket_subject": "Printer <b>",
    "tag": "TKT-2026-00042",
    "desk_name": "Fjord & Office",
    "url": "https://desk.example/tickets/42",
}
LINK = {
    "name": "Jonas",
    "desk_name": "Fjord & Office",
    "url": "https://desk.example/x/1",
    "lifetime": timedelta(hours=1),
}
MAILS = {
    "reply": TICKET | {"text": "Hello,\n\nplease <try> again.", "agent_name": "Nora Keller", "files": ["a.pdf"]},
    "ticket_created": TICKET | {"status": "Open"},
    "ticket_assigned": TICKET
    | {
        "actor_name": "Tom Hale", "assignee_name": "Nora Keller", "requester_name": "Jonas Berg", "status": Status.NEW,
        "priority": Priority.HIGH, "category": "Billing", "due_at": utcnow(),
    },
    "sign_in_link": LINK,
    "invitation": LINK,
    "password_link": LINK,
    "test": {"desk_name": "Fjord & Office", "account_email": "support@fjord.example", "url": "https://desk.example"},
}  # fmt: skip


@pytest.fixture(scope="module")
def render():
    app = Flask("helpdesk")
    app.config["SERVER_NAME"] = "desk.example"
    Babel(app)
    filters.init_app(app)

    def fill(name):
        with app.test_request_context():
            return [
                app.jinja_env.get_template(f"emails/{name}/{part}").render(**MAILS[name]).strip()
                for part in ("subject.txt", "body.txt", "body.html")
            ]

    return fill


@pytest.mark.parametrize("name", MAILS)
def test_every_mail_says_the_same_in_text_and_html(render, name):
    subject, text, html = render(name)
    assert subject and "\n" not in subject
    assert MAILS[name]["url"] in text and MAILS[name]["url"] in html
    assert "Fjord & Office" in text and "Fjord &amp; Office" in html
    assert "\n\n\n" not in text
    assert "<b>" not in html


@pytest.mark.parametrize("name", MAILS)
def test_the_frame_comes_last_and_mail_programs_leave_it_out_of_answers(render, name):
    message, _, frame = render(name)[1].partition("\n-- \n")
    assert message.strip() and frame.strip()


def test_acknowledgement_says_number_subject_and_status(render):
    subject, text, html = render("ticket_created")
    assert subject == "[TKT-2026-00042] Printer <b>"
    assert "Number: TKT-2026-00042\nSubject: Printer <b>\nStatus: Open" in text
    assert "keep the number in the subject" in text
    assert "Printer &lt;b&gt;" in html and "View ticket" in html


def test_reply_is_the_agents_words_first(render):
    _, text, html = render("reply")
    assert text.startswith("Hello,\n\nplease <try> again.")
    assert "<p>please &lt;try&gt; again.</p>" in html
    assert "a.pdf" in text


def test_assignment_says_who_what_and_by_when(render):
    _, text, _ = render("ticket_assigned")
    for words in (
        "Tom Hale assigned",
        "From: Jonas Berg",
        "Status: New",
        "Priority: High",
        "Category: Billing",
        "Due: ",
    ):
        assert words in text


def test_links_say_how_long_they_work(render):
    assert "for 1 hour." in render("sign_in_link")[1]
