"""Answers and notes in Markdown: on pages, in mails, in the search, with the pictures of their text."""

import io
import re
from email import message_from_bytes, policy

import pytest

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.mail.types import MailFile
from helpdesk.models import Attachment, Comment, EmailAccount, EmailMessage, ScheduledReply, Upload, User
from helpdesk.models.tickets import TextFormat
from helpdesk.services import attachments, queries
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.web.conftest import browser, send
from tests.web.test_writing import KEY, let_time_pass, look

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
TEXT = (
    "Please try **this**:\n\n- one\n- two\n\n> It does not print.\n\nSee https://x.example/a_b_c <b>now</b>"
)


@pytest.fixture
def agent(app, team):
    return browser(app, team["agent"])


def write(client, team, body=TEXT, kind="reply", action="/answer", form_id=KEY, **fields):
    return send(client, f"/tickets/{team['ticket']}{action}", kind=kind, body=body, form_id=form_id, **fields)


def mail_of(app):
    with app.app_context():
        (email,) = db.session.query(EmailMessage).filter_by(purpose="reply").all()
        return message_from_bytes(storage.read(email.raw_sha256), policy=policy.default)


def picture(name="screen.png", data=PNG):
    return (io.BytesIO(data), name)


def test_an_answer_is_shown_as_it_was_meant_to_team_and_customer_and_in_the_mail(app, agent, team):
    write(agent, team)
    assert "<strong>this</strong>" in agent.get(f"/tickets/{team['ticket']}").text  # while it waits
    let_time_pass(app)
    comment = look(app, Comment)[-1]
    assert (comment.format, comment.source) == (TextFormat.MARKDOWN, TEXT)
    assert comment.text == (
        "Please try this:\n\n- one\n- two\n\n> It does not print.\n\nSee https://x.example/a_b_c <b>now</b>"
    )
    customer = browser(app, team["customer"])
    for page in (
        agent.get(f"/tickets/{team['ticket']}").text,
        customer.get(f"/my/tickets/{team['ticket']}").text,
    ):
        assert "<p>Please try <strong>this</strong>:</p>\n<ul>\n<li>one</li>" in page
        assert 'href="https://x.example/a_b_c"' in page
        assert "&lt;b&gt;now&lt;/b&gt;" in page
    mail = mail_of(app)
    assert comment.text in mail.get_body(["plain"]).get_content().replace("\r\n", "\n")
    html = mail.get_body(["html"]).get_content()
    assert re.search(r"<strong[^>]*>this</strong>", html)
    assert re.search(r"<blockquote style=", html)


def test_a_note_is_markdown_too_and_found_by_its_words(app, agent, team):
    write(agent, team, kind="note", body="The **spool**er hangs, `restart` it")
    page = agent.get(f"/tickets/{team['ticket']}").text
    assert "<code>restart</code>" in page
    assert look(app, Comment)[-1].text == "The **spool**er hangs, restart it"
    assert "Printer shows error 49" in agent.get("/tickets?q=restart").text


def test_words_that_came_as_plain_text_stay_as_they_came(app, agent, team):
    send(
        browser(app, team["customer"]),
        f"/my/tickets/{team['ticket']}/answer",
        body="**No** _thanks_",
        form_id=KEY,
    )
    comment = look(app, Comment)[-1]
    assert (comment.format, comment.source, comment.text) == (TextFormat.PLAIN, "", "**No** _thanks_")
    assert "<p>**No** _thanks_</p>" in agent.get(f"/tickets/{team['ticket']}").text


def test_a_pasted_picture_goes_inline_and_is_shown_to_whoever_may_read_the_words(app, agent, team):
    saved = agent.post(
        f"/tickets/{team['ticket']}/draft",
        data={"csrf_token": csrf(agent), "kind": "reply", "body": "Look:", "form_id": KEY, "revision_reply": "0",
              "pictures": picture("my [screen].png")},
        headers={"Accept": "application/json"},
    ).json  # fmt: skip
    (mark,) = saved["pictures"]
    (upload,) = look(app, Upload)
    assert mark == f"![my screen .png](upload:{upload.token})"
    assert upload.is_picture
    assert "file__name" not in saved["files"]
    assert agent.get(f"/uploads/{upload.token}").data == PNG
    assert browser(app, team["admin"]).get(f"/uploads/{upload.token}").status_code == 404
    write(agent, team, body=f"Look: {mark}")
    let_time_pass(app)
    mail = mail_of(app)
    html = mail.get_body(["html"]).get_content()
    (part,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert part.get_content_disposition() == "inline"
    assert f'src="cid:{part["Content-ID"].strip("<>")}"' in html
    assert "Look: [my screen .png]" in mail.get_body(["plain"]).get_content()
    (file,) = look(app, Attachment)
    for person in ("agent", "admin", "customer"):
        client = browser(app, team[person])
        page = client.get(f"/tickets/{team['ticket']}", follow_redirects=True).text
        assert f'<img src="/pictures/{file.token}"' in page
        assert "my [screen].png</span>" not in page
        shown = client.get(f"/pictures/{file.token}")
        assert (shown.data, shown.content_type) == (PNG, "image/png")
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    for person in ("other_customer", "other_agent"):
        assert browser(app, team[person]).get(f"/pictures/{file.token}").status_code == 404
    assert app.test_client().get(f"/pictures/{file.token}").status_code in (302, 303, 401)


def csrf(client):
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/profile").text)[1]


def test_a_picture_taken_out_of_the_text_is_not_sent_and_an_attached_one_is(app, agent, team):
    write(
        agent,
        team,
        action="/draft",
        body="Look:",
        revision_reply="0",
        pictures=picture(),
        attachments=picture("kept.png"),
    )
    kept = next(upload for upload in look(app, Upload) if not upload.is_picture)
    write(agent, team, body="No picture any more", file=kept.token, revision_reply="1")
    let_time_pass(app)
    assert [part.get_filename() for part in mail_of(app).iter_attachments()] == ["kept.png"]
    assert [file.filename for file in look(app, Attachment)] == ["kept.png"]
    assert look(app, Upload) == []


@pytest.mark.parametrize("kind", ["reply", "note"])
def test_without_scripts_a_picture_stands_at_the_end_of_the_text(app, agent, team, kind):
    write(agent, team, kind=kind, body="Look:", pictures=picture())
    let_time_pass(app)
    comment, (file,) = look(app, Comment)[-1], look(app, Attachment)
    assert re.fullmatch(r"Look:\n\n!\[screen.png\]\(upload:[0-9a-f]{32}\)", comment.source)
    assert f'<img src="/pictures/{file.token}"' in agent.get(f"/tickets/{team['ticket']}").text


def test_what_is_no_picture_is_attached_and_never_shown(app, agent, team):
    write(agent, team, body="Look:", kind="note", pictures=picture("drawing.png", SVG))
    (file,) = look(app, Attachment)
    assert not file.is_inline
    assert look(app, Comment)[-1].source == "Look:"
    assert agent.get(f"/pictures/{file.token}").status_code == 404


def test_undo_gives_the_picture_back_with_the_text(app, agent, team):
    write(agent, team, body="Look:", pictures=picture())
    (reply,), (upload,) = look(app, ScheduledReply), look(app, Upload)
    assert f'<img src="/uploads/{upload.token}"' in agent.get(f"/tickets/{team['ticket']}").text
    send(agent, f"/tickets/{team['ticket']}/replies/{reply.id}/undo")
    assert f"upload:{upload.token}" in agent.get(f"/tickets/{team['ticket']}").text
    assert [one.draft_id is not None for one in look(app, Upload)] == [True]


def test_a_picture_of_another_persons_draft_is_nothing_in_mine(app, agent, team):
    write(agent, team, action="/draft", body="Look:", revision_reply="0", pictures=picture())
    (upload,) = look(app, Upload)
    admin = browser(app, team["admin"])
    write(admin, team, kind="note", body=f"![stolen](upload:{upload.token})", form_id=KEY + "2")
    assert look(app, Attachment) == []
    assert "<p>[stolen]</p>" in admin.get(f"/tickets/{team['ticket']}").text


def test_the_first_mail_of_a_ticket_an_agent_opens_is_markdown(app, agent, team):
    send(
        agent, "/tickets/new", requester=factories.CUSTOMER, account=str(team["account"]), subject="Hello",
        text="It is **done**", priority="medium", category="Support", form_key=KEY * 2, assignee="0",
    )  # fmt: skip
    comment = look(app, Comment)[-1]
    assert (comment.text, comment.source) == ("It is done", "It is **done**")


def test_the_agent_signs_first_and_the_account_after_him(app, agent, team):
    with app.app_context(), transaction():
        db.session.get(EmailAccount, team["account"]).signature = "Desk **GmbH**"
    saved = send(
        agent,
        "/profile",
        name="Nora",
        language="",
        timezone="",
        undo_seconds="0",
        signature="Yours\n**Nora**",
    )
    assert saved.status_code == 303
    page = agent.get(f"/tickets/{team['ticket']}").text
    assert re.search(r"Yours<br>\s*<strong>Nora</strong>.*Desk \*\*GmbH\*\*", page, re.DOTALL)
    write(agent, team, body="Done.")
    mail = mail_of(app)
    assert "Done.\n\nYours\nNora\n\nDesk **GmbH**" in mail.get_body(["plain"]).get_content().replace(
        "\r\n", "\n"
    )
    assert re.search(
        r"<strong[^>]*>Nora</strong>.*Desk \*\*GmbH\*\*", mail.get_body(["html"]).get_content(), re.DOTALL
    )
    assert "Yours" not in look(app, Comment)[-1].text
    assert (
        send(
            agent, "/profile", name="N", language="", timezone="", undo_seconds="", signature="x" * 2001
        ).status_code
        == 422
    )


def test_a_customer_has_no_signature(app, team):
    customer = browser(app, team["customer"])
    send(customer, "/profile", name="Jonas", language="", timezone="", signature="mine")
    with app.app_context():
        assert db.session.get(User, team["customer"]).signature == ""


def test_the_preview_is_a_plain_form_that_loses_nothing(app, agent, team):
    shown = write(
        agent,
        team,
        action="/preview",
        body="It is **done**",
        cc="new@customer.example",
        revision_reply="0",
        pictures=picture(),
    )
    assert shown.status_code == 200
    assert re.search(
        r'data-preview-words><p>It is <strong>done</strong></p>\s*<p><img src="/uploads/[0-9a-f]{32}"',
        shown.text,
    )
    assert "It is **done**\n\n![screen.png](upload:" in shown.text
    assert 'value="new@customer.example"' in shown.text
    asked = agent.post(
        f"/tickets/{team['ticket']}/preview",
        data={"csrf_token": csrf(agent), "body": "*x* <script>", "kind": "note"},
        headers={"Accept": "application/json"},
    )
    assert asked.json == {"html": "<p><em>x</em> &lt;script&gt;</p>"}
    first = send(
        agent, "/tickets/new/preview", requester="who@customer.example", subject="Hello", text="**so**"
    )
    assert "<p><strong>so</strong></p>" in first.text
    assert '<form method="post" action="/tickets/new"' in first.text  # the next button opens it
    assert 'value="who@customer.example"' in first.text


def test_an_account_has_its_own_limit_at_upload_and_at_sending(app, agent, team):
    with app.app_context(), transaction():
        db.session.get(EmailAccount, team["account"]).max_mail_mb = 1
    fits, large = b"x" * 600_000, b"x" * 800_000  # in base64 more than a megabyte
    refused = write(
        agent,
        team,
        action="/draft",
        body="Kept words",
        revision_reply="0",
        attachments=(io.BytesIO(large), "a.log"),
    )
    assert refused.status_code == 422
    assert "at most 0.7 MB fit into it" in refused.text
    assert "Kept words" in refused.text
    sent = write(
        agent, team, body="Kept words", attachments=[(io.BytesIO(fits), "a.log"), (io.BytesIO(fits), "b.log")]
    )
    assert "The mail is too large: at most 1 MB with all its files." in sent.text
    assert "Kept words" in sent.text
    assert (
        write(
            agent, team, body="Fits", revision_reply="1", attachments=(io.BytesIO(fits), "a.log")
        ).status_code
        == 303
    )


def test_our_picture_that_comes_back_quoted_is_no_file_of_the_answer(app, agent, team):
    write(agent, team, body="Look:", pictures=picture())
    let_time_pass(app)
    (ours,) = look(app, Attachment)
    with app.app_context():
        ticket = queries.by_number(team["ticket"])
        jonas, address = ticket.requester, ticket.requester_address
        files = [
            MailFile("screen.png", "image/png", PNG, ours.content_id, is_inline=True),
            MailFile("hidden.exe", "application/x-dosexec", b"MZ", ours.content_id, is_inline=True),
        ]
        staged = attachments.stage(files)
        with transaction():
            comments.add_incoming(
                ticket, Words("Thanks", files=staged, is_from_email=True), address=address, actor=jonas
            )
    page = agent.get(f"/tickets/{team['ticket']}").text
    assert "hidden.exe</span>" in page
    assert "screen.png</span>" not in page
    assert page.count('<img src="/pictures/') == 1
