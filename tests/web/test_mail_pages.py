"""What the team sees of the mail behind a message: why it is where it is, and what really came."""

import re

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Comment, EmailAccount, EmailMessage
from helpdesk.services import queries
from helpdesk.services.ingest import process, store
from tests.factories import OTHER_CUSTOMER, make_mail
from tests.web.conftest import browser

WAY = (
    "from laptop (dsl-17.isp.example [192.0.2.7]) by out.customer.example with ESMTPSA id 1; Mon, 2 Feb 2026 10:00:00 +0100",
    "from out.customer.example ([198.51.100.3]) by mx.desk.example with ESMTPS id 2 for <support@desk.example>;\r\n"
    " Mon, 2 Feb 2026 09:00:04 +0000 (UTC)",
)


@pytest.fixture
def came(app, team):
    """The ids of a ticket's number and of the message a mail that named it and another became."""
    head = "".join(f"Received: {line}\r\n" for line in reversed(WAY)).encode()
    subject = f"Re: [TKT-2026-{team['other_ticket']:05d}] =?utf-8?q?Tonerk=C3=BCche?="
    raw = head + make_mail(
        subject="Re: SUBJECT", text="Words of his.\n\nOn Monday you wrote:\n> old words\n"
    ).replace(b"Re: SUBJECT", subject.encode())
    with app.app_context():
        account = db.session.get(EmailAccount, team["account"])
        email_id = store.store_raw(account, raw)
        process.drain()
        email = db.session.get(EmailMessage, email_id)
        ticket = db.session.get(Comment, email.comment_id).ticket
        return {"number": ticket.number, "comment": email.comment_id, "email": email_id}


def test_why_a_mail_is_here_is_said_in_one_look(app, team, came):
    page = f"/tickets/{came['number']}/comments/{came['comment']}/why"
    agent = browser(app, team["agent"])
    assert page in agent.get(f"/tickets/{came['number']}").text
    text = agent.get(page).text
    found, decided, followed = (
        text.index(f"<h3>{head}</h3>") for head in ("What was found", "What decided", "What followed")
    )
    assert found < text.index(f"Its subject names #{team['other_ticket']}.") < decided
    assert decided < text.index("The sender does not take part there: a new ticket.") < followed
    assert followed < text.index("Opened TKT-")
    named = re.search(r'Its subject names #\d+\. <a href="([^"]+)"', text)
    assert named[1] == f"/tickets/{team['other_ticket']}"
    assert "Mail log" not in text
    admin = browser(app, team["admin"])
    assert f"/admin/mail/{came['email']}" in admin.get(page).text
    assert "What decided" in admin.get(f"/admin/mail/{came['email']}").text
    german = admin.get(page, headers={"Accept-Language": "de"}).text
    assert "Der Betreff" in german or "Betreff" in german
    assert "What decided" not in german


def test_evidence_says_whether_it_counted(app, team, came):
    with app.app_context(), transaction():
        email = db.session.get(EmailMessage, came["email"])
        ticket_id = queries.by_number(team["other_ticket"]).id
        email.trace = [
            {"step": "thread", "text": "It answers a mail that is on a ticket already.", "counted": False, "ticket_id": ticket_id},
            {"step": "spam", "text": "Old words %(who)s </li>.", "counted": True},
            {"step": "never heard of", "text": "Something new.", "params": {}},
            {"step": "outcome", "text": "opened"},
        ]  # fmt: skip
    text = browser(app, team["agent"]).get(f"/tickets/{came['number']}/comments/{came['comment']}/why").text
    lines = [
        " ".join(re.sub(r"<[^>]+>", " ", line).split())
        for line in re.findall(r'<li class="story__line.*?</li>', text, re.S)
    ]
    tag = f"TKT-{utcnow().year}-{team['other_ticket']:05d}"
    assert lines == [
        f"It answers a mail that is on a ticket already. {tag} did not count",
        "Old words %(who)s &lt;/li&gt;. counted",
        "Something new.",
    ]


def test_the_original_shows_its_way_its_header_its_text_and_its_source(app, team, came):
    agent = browser(app, team["agent"])
    text = agent.get(f"/tickets/{came['number']}/comments/{came['comment']}/original").text
    assert text.index("out.customer.example</strong>") < text.index("mx.desk.example</strong>")
    assert "after 4 seconds" in text
    assert "Tonerküche" in text  # decoded in the header
    assert "=?utf-8?q?Tonerk=C3=BCche?=" in text  # and as it came in the source
    assert "&gt; old words" in text
    raw = agent.get(f"/tickets/{came['number']}/comments/{came['comment']}/source")
    assert raw.data.startswith(b"Received: from out.customer.example")
    assert raw.headers["Content-Disposition"].startswith("attachment")


def test_a_large_original_is_cut_on_the_page_and_whole_in_the_file(app, team):
    raw = make_mail(sender=OTHER_CUSTOMER, files=[("a.bin", "application/octet-stream", b"\x00" * 900_000)])
    with app.app_context():
        email_id = store.store_raw(db.session.get(EmailAccount, team["account"]), raw)
        process.drain()
        comment = db.session.get(EmailMessage, email_id).comment_id
        number = db.session.get(Comment, comment).ticket.number
    agent = browser(app, team["agent"])
    page = agent.get(f"/tickets/{number}/comments/{comment}/original")
    assert "the first 200 kB of 1.2 MB" in page.text
    assert len(page.data) < 260_000
    assert agent.get(f"/tickets/{number}/comments/{comment}/source").data == raw


@pytest.mark.parametrize("page", ["why", "original", "source"])
@pytest.mark.parametrize(
    "person, status", [("customer", 403), ("other_customer", 403), ("other_agent", 404), ("admin", 200)]
)
def test_only_who_works_on_the_ticket_sees_the_mail_behind_it(app, team, came, page, person, status):
    got = browser(app, team[person]).get(f"/tickets/{came['number']}/comments/{came['comment']}/{page}")
    assert got.status_code == status


def test_a_message_is_asked_for_on_its_own_ticket_only(app, team, came):
    for page in ("why", "original", "source"):
        got = browser(app, team["admin"]).get(
            f"/tickets/{team['other_ticket']}/comments/{came['comment']}/{page}"
        )
        assert got.status_code == 404


def test_what_is_no_longer_kept_is_said(app, team, came):
    with app.app_context(), transaction():
        email = db.session.get(EmailMessage, came["email"])
        email.raw_sha256, email.trace = None, []
    agent = browser(app, team["agent"])
    assert (
        "Its source is no longer kept."
        in agent.get(f"/tickets/{came['number']}/comments/{came['comment']}/original").text
    )
    assert "no longer kept" in agent.get(f"/tickets/{came['number']}/comments/{came['comment']}/why").text
    assert agent.get(f"/tickets/{came['number']}/comments/{came['comment']}/source").status_code == 404


def test_a_message_of_the_browser_has_no_mail_behind_it(app, desk):
    agent = browser(app, desk["agent"])
    assert f"/comments/{desk['comment']}/why" not in agent.get(f"/tickets/{desk['ticket']}").text
    for page in ("why", "original"):
        assert (
            "written in the browser"
            in agent.get(f"/tickets/{desk['ticket']}/comments/{desk['comment']}/{page}").text
        )
    with app.app_context():
        assert (
            db.session.scalar(select(EmailMessage.id).where(EmailMessage.comment_id == desk["comment"]))
            is None
        )
