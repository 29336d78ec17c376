"""Services many people send through: what the button fills in, and what the page says they must know."""

import re

import pytest

from helpdesk.database import db
from helpdesk.models import EmailAccount
from helpdesk.transports.base import Security
from helpdesk.web.mail_providers import PROVIDERS, SES_REGIONS, provider_of
from tests.web.conftest import browser, send

TYPED = {
    "email": "support@fjord.example", "incoming_host": "mail.fjord.example", "incoming_port": "993", "protocol": "imap",
    "incoming_security": "tls", "outgoing_host": "mail.fjord.example", "outgoing_port": "465", "outgoing_security": "tls",
    "same_login": "y", "do": "fill",
}  # fmt: skip


def value_of(page, name):
    field = re.search(rf'<input[^>]* name="{name}"[^>]*>', page)[0]
    return re.search(r' value="([^"]*)"', field)[1]


@pytest.mark.parametrize("key, host, user, words", [
    ("sendgrid", "smtp.sendgrid.net", "apikey", "the word apikey"), ("mailgun-eu", "smtp.eu.mailgun.org", "", "is not taken"),
    ("postmark", "smtp.postmarkapp.com", "", "access key is the user"),
    ("ses-eu-central-1", "email-smtp.eu-central-1.amazonaws.com", "", "not the access keys of AWS"),
])  # fmt: skip
def test_a_service_that_only_sends_leaves_the_mailbox_as_it_is(app, desk, key, host, user, words):
    page = send(browser(app, desk["admin"]), "/admin/accounts/new", **TYPED, provider=key).text
    assert [value_of(page, name) for name in ("incoming_host", "outgoing_host", "outgoing_port", "outgoing_username")] == [
        "mail.fjord.example", host, "587", user,
    ]  # fmt: skip
    assert re.search(r'<option selected value="starttls">', page) and words in page
    assert not re.search(r'name="same_login"[^>]*checked', page)


def test_services_stand_in_groups_one_for_each_region_of_ses(app, desk):
    page = browser(app, desk["admin"]).get("/admin/accounts/new").text
    groups = re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', page, flags=re.S)
    assert [(name, options.count("<option")) for name, options in groups] == [
        ("Mailboxes", 4), ("Only for sending", 5), ("Amazon SES, by region", len(SES_REGIONS)),
    ]  # fmt: skip


@pytest.mark.parametrize("email, host", [
    ("a@outlook.com", "smtp-mail.outlook.com"), ("a@HOTMAIL.de", "smtp-mail.outlook.com"), ("a@gmail.com", "smtp.gmail.com"),
    ("a@yahoo.de", "smtp.mail.yahoo.com"),
])  # fmt: skip
def test_an_address_alone_says_which_servers(email, host):
    assert provider_of("", email).outgoing[0] == host


def test_every_server_is_reached_encrypted_and_every_key_is_one_of_its_own():
    assert len({provider.key for provider in PROVIDERS}) == len(PROVIDERS)
    for provider in PROVIDERS:
        for host, port, security in filter(None, (provider.incoming, provider.outgoing)):
            assert (port, Security(security)) in {
                (993, Security.TLS),
                (465, Security.TLS),
                (587, Security.STARTTLS),
            }, host


def test_an_account_may_write_its_mail_into_files_and_says_that_nobody_gets_it(app, desk):
    admin, page = browser(app, desk["admin"]), f"/admin/accounts/{desk['account']}"
    fields = TYPED | {
        "do": "save",
        "outgoing_host": "",
        "outgoing_protocol": "file",
        "poll_frequency_s": "300",
    }
    taken = {
        "incoming_folder": "INBOX",
        "after_taking": "seen",
        "first_fetch_days": "7",
        "delete_after_days": "14",
    }
    assert (
        "Please enter a server" in send(admin, page, **(fields | taken | {"outgoing_protocol": "smtp"})).text
    )
    assert send(admin, page, **fields, **taken).status_code == 303
    assert "Its mail reaches nobody" in admin.get(page).text
    with app.app_context():
        assert db.session.get(EmailAccount, desk["account"]).outgoing_protocol == "file"
