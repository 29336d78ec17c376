"""What an account does with tickets and says to people, as admins set it; pausing it; trying it out."""

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog, Event
from helpdesk.models.trays import SpamCheck
from helpdesk.policy.status import Status
from tests import factories
from tests.web.conftest import browser, send

WAYS = {
    "name": "Support", "default_assignee_id": "0", "default_category": "Bug", "default_priority": "high",
    "reply_status": "open", "reopen_days": "3", "signature": "Fjord Office\r\nHarbour 4",
    "acknowledgement_text": "Dear {{customer_name}}, {{ticket_number}}.", "is_acknowledging": "y",
    "kind": "department", "poll_frequency_s": "60", "max_mails_per_poll": "20",
    "takes_plus_addresses": "y", "shows_reply_line": "y", "trusted_authserv_id": "mx.desk.example, mx2.desk.example",
    "spam_check": "score", "spam_score": "4.5", "acknowledges_when": "always", "quoted_history": "full", "max_mail_mb": "10",
}  # fmt: skip


@pytest.fixture
def admin(app, desk):
    return browser(app, desk["admin"])


def load(app, desk):
    with app.app_context():
        return db.session.get(EmailAccount, desk["account"])


def test_everything_is_saved_and_shown_again(app, desk, admin):
    page = f"/admin/accounts/{desk['account']}/ways"
    assert send(admin, page, **(WAYS | {"default_assignee_id": str(desk["agent"])})).status_code == 303
    account = load(app, desk)
    assert (account.default_assignee_id, account.reply_status, account.reopen_days) == (
        desk["agent"],
        Status.OPEN,
        3,
    )
    assert account.signature == "Fjord Office\nHarbour 4"
    assert account.is_offered is False and account.shows_reply_line is True
    assert (account.takes_plus_addresses, account.trusted_authserv_id) == (
        True,
        "mx.desk.example mx2.desk.example",
    )
    assert (account.kind, account.poll_frequency_s, account.max_mails_per_poll) == ("department", 60, 20)
    assert (account.quoted_history, account.max_mail_mb) == ("full", 10)
    assert (account.spam_check, account.spam_score) == (SpamCheck.SCORE, 4.5)
    assert "of a department" in admin.get("/admin/accounts").text
    text = admin.get(page).text
    assert "Harbour 4" in text and "{{customer_name}}, {{ticket_number}}." in text
    with app.app_context():
        event = db.session.scalars(select(Event).where(Event.type == "account.changed")).one()
        assert "signature" in event.data["fields"] and "Harbour" not in str(event.data)


@pytest.mark.parametrize("field, value, words", [
    ("acknowledgement_text", "Dear {{name}}", "{{name}}"), ("acknowledgement_text", "{{config.SECRET_KEY}}", "Nobody fills in"),
    ("acknowledgement_text", "x" * 5001, "at most 5000"), ("signature", "x" * 5001, "at most 5000"), ("name", "", "enter a name"), ("max_mail_mb", "0", "1 to 500 MB"),
    ("trusted_authserv_id", "mx desk.example;", "not the name of a mail server"), ("reopen_days", "-1", "0 to 3650"), ("poll_frequency_s", "1", "5 to 86400"), ("max_mails_per_poll", "0", "1 to 1000"),
    ("kind", "nobody", "valid choice"), ("reply_status", "new", "valid choice"), ("default_priority", "huge", "valid choice"),
    ("acknowledges_when", "sometimes", "valid choice"), ("closed_text", "{{opens}}", "{{opens_at}}"),
    ("acknowledgement_text", "{{opens_at}}", "Nobody fills in"), ("business_hours-tue", "nine to five", "no span of time"),
    ("default_assignee_id", "999", "valid choice"), ("spam_check", "much", "valid choice"), ("spam_score", "nan", "Use a number"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_the_rest_kept(app, desk, admin, field, value, words):
    response = send(admin, f"/admin/accounts/{desk['account']}/ways", **(WAYS | {field: value}))
    assert response.status_code == 422
    assert words in response.text
    assert load(app, desk).signature == ""
    if field != "signature":
        assert "Harbour 4" in response.text


def test_hours_of_its_own_are_kept_only_while_the_account_wants_them(app, desk, admin):
    page = f"/admin/accounts/{desk['account']}/ways"
    assert 'value="09:00-17:00"' in admin.get(page).text  # the desk's, to begin with
    week = {"business_hours-mon": "8-12, 14-18", "business_hours-holidays": "25.12. Christmas\r\n2026-12-31"}
    words = {"acknowledges_when": "closed", "closed_text": "Closed until {{opens_at}}."}
    assert send(admin, page, **(WAYS | week | words), has_own_hours="y").status_code == 303
    account = load(app, desk)
    assert account.business_hours["mon"] == "08:00-12:00, 14:00-18:00"
    assert account.business_hours["holidays"] == ["12-25 Christmas", "2026-12-31"]
    assert (account.acknowledges_when, account.closed_text) == ("closed", "Closed until {{opens_at}}.")
    text = admin.get(page).text
    assert "08:00-12:00, 14:00-18:00" in text and "12-25 Christmas" in text and "Mon–Fri 09:00-17:00" in text
    assert send(admin, page, **WAYS, **week).status_code == 303
    assert load(app, desk).business_hours == {}


def test_only_who_has_access_can_be_chosen(app, desk, admin):
    text = admin.get(f"/admin/accounts/{desk['account']}/ways").text
    assert "Nora Keller" in text and "Tom Hale" not in text
    fields = WAYS | {"default_assignee_id": str(desk["other_agent"])}
    assert send(admin, f"/admin/accounts/{desk['account']}/ways", **fields).status_code == 422


def test_the_environments_account_can_be_given_words_but_not_paused(app, desk, admin):
    with app.app_context():
        account_id = factories.make_account("env@desk.example", source="env").id
    assert "poll_frequency_s" not in admin.get(f"/admin/accounts/{account_id}/ways").text
    assert send(admin, f"/admin/accounts/{account_id}/ways", **WAYS).status_code == 303
    with app.app_context():  # the environment says how often
        assert db.session.get_one(EmailAccount, account_id).poll_frequency_s == 300
    response = send(admin, f"/admin/accounts/{account_id}/fetching/pause")
    assert "EMAIL_TO_TICKET_ENABLED" in admin.get(response.location).text


def test_the_latest_looks_at_the_server_are_told(app, desk, admin):
    values = {"account_id": desk["account"], "started_at": utcnow(), "finished_at": utcnow()}
    with app.app_context(), transaction() as session:
        session.add(EmailPollLog(**values, found=7, taken=5, known=2))
        session.add(EmailPollLog(**values, error="The server <refused> the login."))
    text = admin.get(f"/admin/accounts/{desk['account']}").text
    assert "7 new, 5 taken, 2 known already" in text
    assert "The server &lt;refused&gt; the login." in text


def test_fetching_and_sending_are_paused_and_go_on(app, desk, admin):
    page = f"/admin/accounts/{desk['account']}"
    send(admin, f"{page}/fetching/pause")
    send(admin, f"{page}/sending/pause")
    account = load(app, desk)
    assert (account.is_fetching, account.is_sending) == (False, False)
    assert "sending is paused" in admin.get(page).text
    send(admin, f"{page}/fetching/resume")
    send(admin, f"{page}/sending/resume")
    account = load(app, desk)
    assert (account.is_fetching, account.is_sending) == (True, True)


def test_a_test_mail_leads_to_its_own_page(app, desk, admin):
    response = send(admin, f"/admin/accounts/{desk['account']}/test-mail", email="me@desk.example")
    with app.app_context():
        mail = db.session.scalars(select(EmailMessage).where(EmailMessage.purpose == "test")).one()
        assert response.location == f"/admin/mail/{mail.id}"
        assert mail.recipients["to"] == ["me@desk.example"]
    text = admin.get(response.location).text
    assert "It waits for its turn." in text
    response = send(admin, f"/admin/accounts/{desk['account']}/test-mail", email="")
    assert "enter an address" in admin.get(response.location).text
