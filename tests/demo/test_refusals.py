"""A demo is connected to nothing, whatever is asked of it."""

import pytest

from config import read_settings
from helpdesk.database import db, transaction
from helpdesk.errors import InvalidInput, TransportError
from helpdesk.models import EmailAccount
from helpdesk.services import accounts, environment, fetch
from tests import factories
from tests.web.conftest import browser, csrf_of


@pytest.fixture
def demo(app):
    app.config["DEMO"] = True
    return app


def test_no_account_with_a_server_can_be_made(demo):
    with demo.app_context(), pytest.raises(InvalidInput, match="demo"), transaction():
        accounts.create(
            "a@b.example", actor=None, incoming_host="imap.b.example", outgoing_host="smtp.b.example"
        )


def test_no_account_can_be_given_a_server(demo):
    with demo.app_context():
        with transaction():
            accounts.create(
                "a@b.example", actor=None, incoming_protocol="maildir", outgoing_protocol="maildir"
            )
        with pytest.raises(InvalidInput, match="demo"), transaction():
            accounts.update(accounts.find("a@b.example"), actor=None, incoming_protocol="imap")


def test_an_account_that_got_a_server_anyhow_is_neither_fetched_nor_sent_through(demo):
    with demo.app_context():
        account_id = factories.make_account().id
        assert "demo" in fetch.fetch_account(account_id).error
        account = db.session.get(EmailAccount, account_id)
        for connect in (accounts.source_of, accounts.sender_of):
            with pytest.raises(TransportError, match="demo"):
                connect(account)


def test_the_form_says_why(demo):
    with demo.app_context():
        admin = factories.make_admin().id
    client = browser(demo, admin)
    fields = {
        "email": "a@b.example", "name": "A", "incoming_host": "imap.b.example", "outgoing_host": "smtp.b.example",
        "incoming_password": "secret", "do": "save", "csrf_token": csrf_of(client, "/admin/accounts/new"),
    }  # fmt: skip
    client.post("/admin/accounts/new", data=fields)
    with demo.app_context():
        assert accounts.all_accounts() == []


def test_the_real_desk_s_settings_are_left_alone():
    real = {
        "DEMO": "true", "DATABASE_URL": "postgresql://real/desk", "REDIS_URL": "redis://real", "SECRET_KEY": "x" * 40,
        "SITE_URL": "https://real.example", "IMAP_HOST": "imap.real.example", "SMTP_HOST": "smtp.real.example",
        "IMAP_PASSWORD": "secret", "EMAIL_BACKEND": "smtp", "SUPPORT_EMAIL": "real@real.example", "PORT": "8123",
    }  # fmt: skip
    settings = read_settings(real, None)
    assert settings["PORT"] == 8123
    assert "real" not in repr({name: value for name, value in settings.items() if name != "DEMO"})
    assert settings["SECRET_KEY"] is None and settings["IMAP_PASSWORD"] is None


def test_the_environment_describes_no_account_to_a_demo(demo):
    demo.config |= read_settings(
        {"DEMO": "true", "IMAP_HOST": "imap.real.example", "SUPPORT_EMAIL": "a@b.example"}, None
    ) | {name: demo.config[name] for name in ("SECRET_KEY", "INSTANCE_PATH", "SITE_URL", "REDIS_URL")}
    with demo.app_context():
        assert environment.described_account() is None
