"""Mailed one-time links: found in the mail as a person would, used once, ended, useless for anything else."""

import re
import time
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.models import EmailMessage, LoginToken, User, UserAddress
from helpdesk.models.mail import Direction
from helpdesk.services import links
from helpdesk.services.links import Purpose
from helpdesk.web.auth.links import ANSWER_AFTER_S
from tests.factories import ADMIN, AGENT, CUSTOMER, PASSWORD, STRANGER
from tests.web.conftest import browser, csrf_of, send, sign_in

PATHS = {Purpose.SIGN_IN: "/sign-in/link", Purpose.INVITATION: "/invitation", Purpose.PASSWORD: "/password"}


def link_mails(app):
    with app.app_context():
        rows = select(EmailMessage).where(
            EmailMessage.direction == Direction.OUT, EmailMessage.ticket_id.is_(None)
        )
        return [
            (row.recipients["to"], message_from_bytes(storage.read(row.raw_sha256), policy=policy.default))
            for row in db.session.scalars(rows.order_by(EmailMessage.id))
        ]


def link_in(mail):
    text = mail.get_body(("plain",)).get_content()
    return re.search(r"https?://\S+?(/(?:sign-in/link|invitation|password)/[\w-]+)", text)[1]


def issue(app, user_id, purpose):
    with app.app_context(), transaction():
        user = db.session.get(User, user_id)
        return links.issue(purpose, user, user.addresses[0])


def test_customer_signs_in_by_mail(app, client, team):
    page = send(client, "/sign-in/link", "/sign-in", email=f" {CUSTOMER.upper()} ")
    assert page.status_code == 200
    ((recipients, mail),) = link_mails(app)
    assert recipients == [CUSTOMER]
    path = link_in(mail)
    assert "Press the button" in client.get(path).text
    assert send(client, path, path).location == "/my/tickets"
    assert "Printer shows error 49" in client.get("/my/tickets").text
    with app.app_context():
        address = db.session.scalar(select(UserAddress).where(UserAddress.address == CUSTOMER))
        assert address.verified_at is not None


def test_opening_a_link_does_not_use_it_up(app, client, team):
    path = f"/sign-in/link/{issue(app, team['customer'], Purpose.SIGN_IN)}"
    for _scanner in range(3):
        assert app.test_client().get(path).status_code == 200
        app.test_client().head(path)
    assert send(client, path, path).status_code == 303


def test_link_works_once(app, client, team):
    path = f"/sign-in/link/{issue(app, team['customer'], Purpose.SIGN_IN)}"
    send(client, path, path)
    second = app.test_client()
    response = second.post(path, data={"csrf_token": csrf_of(second)})
    assert response.status_code == 404
    assert "already used" in response.text
    assert "/sign-in/link" in response.text  # the way to a new one
    assert second.get("/my/tickets").status_code == 303


@pytest.mark.parametrize("purpose", list(PATHS))
def test_link_ends(app, client, team, purpose):
    path = f"{PATHS[purpose]}/{issue(app, team['agent'], purpose)}"
    assert client.get(path).status_code == 200
    with app.app_context(), transaction():
        for row in db.session.query(LoginToken):
            row.expires_at -= timedelta(days=8)
    assert client.get(path).status_code == 404
    assert (
        client.post(path, data={"csrf_token": csrf_of(client), "password": "a new long sentence"}).status_code
        == 404
    )


@pytest.mark.parametrize("purpose", list(PATHS))
@pytest.mark.parametrize("door", list(PATHS))
def test_link_opens_its_own_door_only(app, client, team, purpose, door):
    token = issue(app, team["agent"], purpose)
    expected = 200 if purpose is door else 404
    assert client.get(f"{PATHS[door]}/{token}").status_code == expected
    assert client.get(f"/setup/{token}").status_code == 404


@pytest.mark.parametrize("damage", [
    lambda t: t[:-1], lambda t: t + "A", lambda t: "A" + t[1:] if t[0] != "A" else "B" + t[1:], lambda t: "%00",
    lambda t: t + "%00", lambda t: "null", lambda t: "x" * 5000, lambda t: "[]", lambda t: "%F0%9F%92%A5", lambda t: t.swapcase(),
])  # fmt: skip
def test_damaged_token_is_no_token(app, client, team, damage):
    path = f"/sign-in/link/{damage(issue(app, team['agent'], Purpose.SIGN_IN))}"
    assert client.get(path).status_code == 404
    assert client.post(path, data={"csrf_token": csrf_of(client)}).status_code == 404


def test_every_letter_of_a_token_counts(app, client, team):
    token = issue(app, team["agent"], Purpose.SIGN_IN)
    for at in range(len(token)):
        other = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert client.get(f"/sign-in/link/{other}").status_code == 404


def test_link_of_a_deactivated_person_is_dead(app, client, team):
    path = f"/sign-in/link/{issue(app, team['agent'], Purpose.SIGN_IN)}"
    with app.app_context(), transaction():
        db.session.get(User, team["agent"]).is_active = False
    assert client.get(path).status_code == 404


def test_answer_is_the_same_whether_or_not_somebody_is_known(app, team):
    answers = []
    for email in (CUSTOMER, "jonas@elsewhere.example"):
        page = send(app.test_client(), "/sign-in/link", "/sign-in", email=email)
        answers.append((page.status_code, page.text.replace(email, "…")))
    assert answers[0] == answers[1]
    assert len(link_mails(app)) == 1


def test_a_stranger_waits_as_long_as_making_a_mail_may_take(client, team):
    began = time.monotonic()
    send(client, "/sign-in/link", "/sign-in", email=STRANGER)
    assert time.monotonic() - began >= ANSWER_AFTER_S


def test_at_most_three_links_an_hour_reach_an_address(app, team):
    for _ in range(5):
        send(app.test_client(), "/sign-in/link", "/sign-in", email=CUSTOMER)
    assert len(link_mails(app)) == 3


def test_customer_chooses_a_password_by_mail(app, client, team):
    with app.app_context(), transaction():
        db.session.get(User, team["customer"]).password_hash = None
    assert sign_in(client, CUSTOMER).status_code == 422
    send(client, "/password", "/password", email=CUSTOMER)
    path = link_in(link_mails(app)[0][1])
    assert send(client, path, path, password="a new long sentence").location == "/my/tickets"
    assert sign_in(app.test_client(), CUSTOMER, "a new long sentence").location == "/my/tickets"


def test_link_leads_on_to_the_page_that_was_asked_for(app, client, team):
    page = f"/my/tickets/{team['ticket']}"
    to_sign_in = client.get(page).location
    assert to_sign_in.startswith("/sign-in?next=")
    send(client, to_sign_in.replace("/sign-in", "/sign-in/link"), "/sign-in", email=CUSTOMER)
    text = link_mails(app)[0][1].get_body(("plain",)).get_content()
    path = re.search(r"https?://[^/\s]+(/sign-in/link/\S+)", text)[1]
    button = client.get(path).text
    assert f'name="next" value="{page}"' in button
    assert send(client, path, path, next=page).location == page


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/a\r\nBcc: x@evil.example", "/\\evil"]
)
def test_mailed_link_leads_nowhere_else(app, client, team, target):
    client.post("/sign-in/link", query_string={"next": target},
                data={"email": CUSTOMER, "csrf_token": csrf_of(client)})  # fmt: skip
    ((_, mail),) = link_mails(app)
    assert "evil" not in mail.as_string()


def test_forgotten_password_is_replaced_by_mail(app, client, team):
    elsewhere = browser(app, team["agent"])
    send(client, "/password", "/password", email=AGENT)
    path = link_in(link_mails(app)[0][1])
    weak = send(client, path, path, password="short")
    assert (weak.status_code, client.get(path).status_code) == (422, 200)
    assert send(client, path, path, password="a new long sentence").location == "/tickets"
    assert client.get(path).status_code == 404
    assert elsewhere.get("/profile").status_code == 303
    assert sign_in(app.test_client(), AGENT).status_code == 422
    assert sign_in(app.test_client(), AGENT, "a new long sentence").status_code == 303


def test_next_after_a_link_stays_here(app, client, team):
    for target, expected in (("/my/tickets/1", "/my/tickets/1"), ("//evil.example", "/my/tickets")):
        path = f"/sign-in/link/{issue(app, team['customer'], Purpose.SIGN_IN)}"
        assert send(client, path, path, next=target).location == expected


def test_invitation_makes_a_colleague(app, client, team):
    admin = browser(app, team["admin"])
    response = send(
        admin, "/admin/people", email="lena@desk.example", name="Lena", role="agent", grants=[team["account"]]
    )
    assert response.status_code == 303
    ((recipients, mail),) = link_mails(app)
    assert recipients == ["lena@desk.example"]
    path = link_in(mail)
    assert 'value="Lena"' in client.get(path).text
    made = send(client, path, path, name="Lena Wolf", password=PASSWORD, role="admin", email=ADMIN)
    assert made.status_code == 303
    assert "Lena Wolf" in client.get("/profile").text
    assert client.get("/admin/people").status_code == 403
    with app.app_context():
        user = db.session.scalar(select(User).where(User.name == "Lena Wolf"))
        assert [grant.account_id for grant in user.grants] == [team["account"]]


def test_two_at_once_use_a_link_once(app, team):
    import threading

    path = f"/sign-in/link/{issue(app, team['customer'], Purpose.SIGN_IN)}"
    clients = [app.test_client() for _ in range(4)]
    tokens = [csrf_of(client) for client in clients]
    found = []
    threads = [
        threading.Thread(
            target=lambda c=c, t=t: found.append(c.post(path, data={"csrf_token": t}).status_code)
        )
        for c, t in zip(clients, tokens, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [303, 404, 404, 404]
