"""Administration: people come, change and go; mails that wait are seen, tried again, put away."""

import re

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, Event, Grant, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.policy.status import Role
from tests import factories
from tests.factories import AGENT, CUSTOMER
from tests.web.conftest import browser, send


@pytest.fixture
def admin(app, desk):
    return browser(app, desk["admin"])


def load(app, model, key):
    with app.app_context():
        return db.session.get(model, key)


def test_admin_starts_at_the_accounts(admin):
    assert admin.get("/admin").location == "/admin/accounts"


@pytest.mark.parametrize("values, words", [
    ({"last_success_at": utcnow()}, "well"), ({}, "not fetched yet"), ({"is_fetching": False}, "sends only"),
    ({"is_active": False}, "switched off"), ({"incoming_security": "plain"}, "not encrypted"),
    ({"consecutive_failures": 3, "last_error": "The server refused the login.", "last_error_detail": "<b>NO</b> bad"}, "refused the login"),
])  # fmt: skip
def test_health_of_an_account_is_told_in_words(app, admin, values, words):
    with app.app_context():
        factories.make_account("health@desk.example", **values)
    text = admin.get("/admin/accounts").text
    assert words in text
    assert "<b>NO</b>" not in text


def test_fetch_now_ends_the_waiting(app, desk, admin):
    with app.app_context(), transaction():
        db.session.get(EmailAccount, desk["account"]).fetch_again_at = utcnow()
    assert send(admin, f"/admin/accounts/{desk['account']}/fetch").location == "/admin/accounts"
    assert load(app, EmailAccount, desk["account"]).fetch_again_at is None


def test_deactivation_closes_every_door(app, desk, admin):
    agent = browser(app, desk["agent"])
    assert send(admin, f"/admin/people/{desk['agent']}/deactivate").status_code == 303
    assert agent.get("/profile").status_code == 303
    assert load(app, User, desk["agent"]).is_active is False
    assert "deactivated" in admin.get("/admin/people").text
    send(admin, f"/admin/people/{desk['agent']}/reactivate")
    assert load(app, User, desk["agent"]).is_active is True
    assert agent.get("/profile").status_code == 303  # the old session stays ended


def test_nobody_deactivates_himself(app, desk, admin):
    send(admin, f"/admin/people/{desk['admin']}/deactivate")
    assert load(app, User, desk["admin"]).is_active is True


def test_last_admin_stays_one(app, desk, admin):
    response = send(admin, f"/admin/people/{desk['admin']}", role="agent")
    assert response.status_code == 422
    assert "last administrator" in response.text
    assert load(app, User, desk["admin"]).role is Role.ADMIN


def test_grants_are_exactly_what_was_ticked(app, desk, admin):
    with app.app_context():
        second = factories.make_account("billing@desk.example").id
    for ticked in ([second], [], [desk["account"], second]):
        assert send(admin, f"/admin/people/{desk['agent']}", role="agent", grants=ticked).status_code == 303
        with app.app_context():
            user = db.session.get(User, desk["agent"])
            assert sorted(g.account_id for g in user.grants) == sorted(ticked)
    assert send(admin, f"/admin/people/{desk['agent']}", role="agent", grants=[9999]).status_code == 422


CONNECTION = {
    "do": "save", "incoming_host": "imap.example.com", "incoming_port": "993", "incoming_security": "tls",
    "incoming_folder": "INBOX", "outgoing_host": "smtp.example.com", "outgoing_port": "587",
    "outgoing_security": "starttls", "same_login": "y", "incoming_password": "secret",
}  # fmt: skip


def test_only_what_the_team_shares_is_given_to_everybody(app, desk, admin):
    app.config["EMAIL_TO_TICKET_CHECK_INTERVAL"] = 90
    granted, ids = {}, {}
    for kind in ("shared", "department", "individual"):
        address = f"{kind}@desk.example"
        fields = CONNECTION | {"email": address, "kind": kind}
        assert send(admin, "/admin/accounts/new", **fields).status_code == 303
        with app.app_context():
            account = db.session.scalars(select(EmailAccount).where(EmailAccount.email == address)).one()
            assert (account.kind, account.poll_frequency_s) == (kind, 90)
            grants = db.session.scalars(select(Grant.user_id).where(Grant.account_id == account.id))
            granted[kind], ids[kind] = set(grants), account.id
    assert granted == {
        "shared": {desk["agent"], desk["other_agent"]},
        "department": set(),
        "individual": set(),
    }
    boxes = re.findall(r'<input[^>]*name="grants"[^>]*>', admin.get("/admin/people").text)
    ticked = {int(re.search(r'value="(\d+)"', box)[1]) for box in boxes if "checked" in box}
    assert ids["shared"] in ticked and not ticked & {ids["department"], ids["individual"]}
    page = f"/admin/accounts/{ids['individual']}"
    assert send(admin, page, **(CONNECTION | {"email": "individual@desk.example"})).status_code == 303
    assert load(app, EmailAccount, ids["individual"]).kind == "individual"


def test_invitation_form_offers_every_account(admin, desk):
    boxes = re.findall(r'<input[^>]*name="grants"[^>]*>', admin.get("/admin/people").text)
    assert len(boxes) == 1
    assert "checked" in boxes[0] and f'value="{desk["account"]}"' in boxes[0]


@pytest.mark.parametrize("fields, words", [
    ({"email": AGENT}, "in the team already"), ({"email": "nobody"}, "not an e-mail address"), ({"email": ""}, "enter an address"),
    ({"email": "x@y.example", "role": "owner"}, "valid choice"),
])  # fmt: skip
def test_bad_invitations_are_refused_with_the_words_kept(app, admin, fields, words):
    response = send(admin, "/admin/people", **({"name": "Lena Wolf", "role": "agent"} | fields))
    assert response.status_code == 422
    assert words in response.text and "Lena Wolf" in response.text


def test_customer_can_be_taken_into_the_team(app, desk, admin):
    assert send(admin, "/admin/people", email=CUSTOMER, name="", role="agent").status_code == 303
    assert load(app, User, desk["customer"]).role is Role.AGENT


def test_customer_is_no_agent_by_a_forged_form(app, desk, admin):
    assert send(admin, f"/admin/people/{desk['customer']}", role="admin").status_code == 422
    assert load(app, User, desk["customer"]).role is Role.CUSTOMER


def test_acts_on_people_are_events(app, desk, admin):
    send(admin, f"/admin/people/{desk['agent']}/deactivate")
    with app.app_context():
        event = db.session.scalar(select(Event).where(Event.type == "user.deactivated"))
        assert (event.actor_id, event.data) == (desk["admin"], {"user_id": desk["agent"]})


def test_waiting_mail_is_listed_with_its_reason_and_can_be_downloaded(desk, admin):
    text = admin.get("/admin/mail").text
    assert "It was odd." in text
    response = admin.get(f"/admin/mail/{desk['email']}/raw")
    assert response.data == b"From: x@y.example\n\nwords"
    assert response.headers["Content-Disposition"] == f"attachment; filename=mail-{desk['email']}.eml"
    assert response.headers["Content-Type"] == "application/octet-stream"


def test_waiting_mail_is_tried_again_or_put_away(app, desk, admin):
    assert send(admin, f"/admin/mail/{desk['email']}/retry").status_code == 303
    assert load(app, EmailMessage, desk["email"]).state is EmailState.RECEIVED
    with app.app_context(), transaction():
        mail = db.session.get(EmailMessage, desk["email"])
        mail.state, mail.tray = EmailState.HELD, Tray.HELD
    send(admin, f"/admin/mail/{desk['email']}/put-away")
    assert load(app, EmailMessage, desk["email"]).state is EmailState.DISCARDED
    response = send(admin, f"/admin/mail/{desk['email']}/put-away")
    assert "dealt with already" in admin.get(response.location).text


def test_our_own_failed_mail_is_retried_but_never_shown(app, desk, admin):
    with app.app_context(), transaction():
        raw = db.session.get(EmailMessage, desk["email"]).raw_sha256
        mail = EmailMessage(
            account_id=desk["account"], direction=Direction.OUT, state=EmailState.FAILED, purpose="sign_in_link",
            recipients={"to": [CUSTOMER]}, raw_sha256=raw, created_at=utcnow(), reason="550 <script>no</script>",
        )  # fmt: skip
        db.session.add(mail)
        db.session.flush()
        mail_id = mail.id
    text = admin.get("/admin/mail").text
    assert CUSTOMER in text and "<script>no" not in text
    assert admin.get(f"/admin/mail/{mail_id}/raw").status_code == 404
    send(admin, f"/admin/mail/{mail_id}/put-away")
    assert load(app, EmailMessage, mail_id).state is EmailState.CANCELLED
    send(admin, f"/admin/mail/{mail_id}/retry")
    assert load(app, EmailMessage, mail_id).state is EmailState.QUEUED
