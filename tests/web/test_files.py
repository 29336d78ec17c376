"""Files and designed mails: never run by a browser of ours, whatever they are called or claim to be."""

import re
from urllib.parse import unquote

import pytest

from helpdesk.database import db, transaction
from helpdesk.mail.authentication import Verdict
from helpdesk.models import Attachment, Comment, EmailMessage
from helpdesk.web.security import FILE_POLICY, MAIL_POLICY, MAIL_POLICY_WITH_PICTURES
from tests.web.conftest import browser, send

HOSTILE = [
    'a"b.html', "a;b.svg", "x\r\nSet-Cookie: a=b", "\u200b.htaccess", "\u202egnp.exe", "../../etc/passwd", "nul\x00.txt",
    "C:\\autoexec.bat", "ü ä.pdf", "x" * 250 + ".txt", "", " ", "'; filename=evil.html", "%0d%0aX: y.txt", "日本.png", "a/b.txt", "\\\\",
]  # fmt: skip
TYPES = [
    "text/html",
    "image/svg+xml",
    "application/pdf",
    "TEXT/HTML",
    "application/xml",
    "image/png\r\nX: y",
    "",
    "text/javascript",
]


def change(app, desk, **values):
    with app.app_context(), transaction():
        for name, value in values.items():
            setattr(db.session.query(Attachment).filter_by(token=desk["file"]).one(), name, value)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_in_their_place(app, desk, name):
    change(
        app,
        desk,
        filename=name.replace("\x00", "")
        if "postgres" in str(app.config["SQLALCHEMY_DATABASE_URI"])
        else name,
    )
    response = browser(app, desk["agent"]).get(f"/files/{desk['file']}/whatever")
    assert response.status_code == 200
    header = response.headers["Content-Disposition"]
    assert header.startswith("attachment; filename")
    assert header.isascii() and header.isprintable()
    assert "Set-Cookie" not in response.headers or "a=b" not in response.headers["Set-Cookie"]
    shown = re.search(r"filename\*=UTF-8''([^;]+)", header)
    assert all(letter.isprintable() for letter in unquote(shown[1]) if shown) if shown else True


@pytest.mark.parametrize("kind", TYPES)
def test_types_a_browser_would_run_become_unknown(app, desk, kind):
    change(app, desk, content_type=kind)
    response = browser(app, desk["customer"]).get(f"/files/{desk['file']}/x.html")
    assert response.data == b"a line"
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Security-Policy"] == FILE_POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("token", ["0" * 32, "1", "null", "x" * 500, "%00"])
def test_unknown_file_is_not_found(app, desk, token):
    assert browser(app, desk["admin"]).get(f"/files/{token}/log.txt").status_code == 404


def test_designed_mail_is_cleaned_and_sandboxed(app, desk):
    with app.app_context(), transaction():
        picture = db.session.query(Attachment).filter_by(token=desk["file"]).one()
        picture.content_id, picture.is_inline = "logo@x", True
        db.session.get(Comment, desk["comment"]).html = (
            '<p onclick="x()">Hello</p><script>alert(1)</script><img src="cid:logo@x"><img src="https://spy.example/p.gif">'
            '<a href="javascript:x()">a</a><form action="/sign-out"><input></form>'
        )
    response = browser(app, desk["agent"]).get(f"/comments/{desk['comment']}/html")
    assert response.headers["Content-Security-Policy"] == MAIL_POLICY
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    for bad in ("onclick", "<script", "javascript:", "<form", ' src="https://spy'):
        assert bad not in response.text
    assert f'src="/files/{desk["file"]}/log.txt"' in response.text


def test_pictures_of_the_web_are_let_in_by_who_asks_and_for_whom_only(app, desk):
    with app.app_context(), transaction():
        comment = db.session.get(Comment, desk["comment"])
        comment.html, comment.remote_pictures = '<img src="https://shop.example/a.png">', 1
        mail = db.session.get(EmailMessage, desk["email"])
        mail.comment_id = comment.id
    agent, admin = browser(app, desk["agent"]), browser(app, desk["admin"])
    address = f"/comments/{desk['comment']}/html"

    def lets_in(client, asked=""):
        response = client.get(address + asked)
        assert response.headers["Referrer-Policy"] == "no-referrer"
        allowed = {MAIL_POLICY: False, MAIL_POLICY_WITH_PICTURES: True}[
            response.headers["Content-Security-Policy"]
        ]
        assert (' src="https://shop.example/a.png"' in response.text) == allowed
        return allowed

    assert not lets_in(agent)
    assert lets_in(agent, "?pictures=once")
    assert not lets_in(agent)
    choice = f"/tickets/{desk['ticket']}/comments/{desk['comment']}/pictures"
    assert send(agent, choice).status_code == send(agent, choice).status_code == 303
    assert lets_in(agent)
    assert not lets_in(admin)  # each decides for himself
    with app.app_context(), transaction():
        db.session.get(EmailMessage, desk["email"]).dmarc = Verdict.FAIL
    assert not lets_in(agent)  # somebody else may have written it
    with app.app_context(), transaction():
        db.session.get(EmailMessage, desk["email"]).dmarc = Verdict.PASS
    assert lets_in(agent)
    send(agent, choice, stop="yes")
    assert not lets_in(agent)


def test_nothing_is_remembered_of_who_cannot_be_told(app, desk):
    with app.app_context(), transaction():
        comment = db.session.get(Comment, desk["comment"])
        comment.html, comment.remote_pictures, comment.is_unverified = "<img>", 1, True
    agent = browser(app, desk["agent"])
    assert "Always for this sender" not in agent.get(f"/tickets/{desk['ticket']}").text
    before = desk.rows()["picture_permission"]
    send(agent, f"/tickets/{desk['ticket']}/comments/{desk['comment']}/pictures")
    assert desk.rows()["picture_permission"] == before == []


@pytest.mark.parametrize(
    "dest, status", [("iframe", 200), ("document", 404), ("script", 404), ("image", 404)]
)
def test_designed_mail_opens_in_a_frame_only(app, desk, dest, status):
    client = browser(app, desk["agent"])
    assert (
        client.get(f"/comments/{desk['comment']}/html", headers={"Sec-Fetch-Dest": dest}).status_code
        == status
    )
