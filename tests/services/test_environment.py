"""The first account, described by the environment."""

import pytest
from sqlalchemy import select

from helpdesk.database import db
from helpdesk.errors import ConfigError
from helpdesk.models import EmailAccount
from helpdesk.services import accounts, environment
from tests import factories

DESCRIBED = {
    "SUPPORT_EMAIL": "Support@Desk.example",
    "IMAP_HOST": "imap.desk.example",
    "IMAP_PASSWORD": "imap secret",
    "SMTP_HOST": "smtp.desk.example",
    "SMTP_USERNAME": "support",
    "SMTP_PASSWORD": "smtp secret",
    "SMTP_FROM": "Help <help@desk.example>",
}


def sync(app, **settings):
    app.config.update(settings)
    environment.sync_account()
    return db.session.scalars(select(EmailAccount)).all()


def test_without_servers_there_is_no_account(context):
    assert sync(context) == []


def test_the_account_is_made_once_and_kept_up_to_date(context):
    (account,) = sync(context, **DESCRIBED)
    assert (account.source, account.address, account.is_fetching) == ("env", "support@desk.example", True)
    assert (account.incoming_port, account.incoming_security) == (993, "tls")
    assert (account.outgoing_port, account.outgoing_security) == (587, "starttls")
    assert (account.from_name, account.from_email) == ("Help", "help@desk.example")
    assert "secret" not in account.incoming_password + account.outgoing_password
    assert accounts.incoming_server(account).password == "imap secret"
    assert accounts.incoming_server(account).username == "Support@Desk.example"
    (again,) = sync(context, IMAP_HOST="imap2.desk.example", EMAIL_TO_TICKET_CHECK_INTERVAL=60)
    assert (again.id, again.incoming_host, again.poll_frequency_s) == (account.id, "imap2.desk.example", 60)


def test_what_happens_to_taken_mail_is_described_too(context):
    (account,) = sync(context, **DESCRIBED)
    assert (account.after_taking, account.move_to_folder) == ("seen", "")
    with pytest.raises(ConfigError, match="IMAP_MOVE_TO"):
        sync(context, IMAP_TAKEN_MAIL="move")
    (account,) = sync(context, IMAP_MOVE_TO="Done")
    assert (account.after_taking, account.move_to_folder) == ("move", "Done")


def test_a_second_look_writes_nothing(context):
    sync(context, **DESCRIBED)
    from helpdesk.models import Event

    before = db.session.query(Event).count()
    sync(context)
    assert db.session.query(Event).count() == before


@pytest.mark.parametrize(
    ("settings", "incoming", "outgoing"),
    [
        ({}, "tls", "starttls"),
        ({"IMAP_USE_SSL": False, "SMTP_USE_TLS": False}, "starttls", "starttls"),
        ({"SMTP_PORT": 465}, "tls", "tls"),
        (
            {
                "IMAP_USE_SSL": False,
                "IMAP_HOST": "127.0.0.1",
                "SMTP_HOST": "localhost",
                "SMTP_USE_TLS": False,
            },
            "plain",
            "plain",
        ),
        ({"IMAP_USE_SSL": False, "IMAP_ALLOW_PLAINTEXT": True}, "plain", "starttls"),
        ({"SMTP_USE_TLS": False, "SMTP_ALLOW_PLAINTEXT": True}, "tls", "plain"),
    ],
)
def test_false_still_means_encrypted_unless_the_server_is_this_machine(context, settings, incoming, outgoing):
    (account,) = sync(context, **(DESCRIBED | settings))
    assert (account.incoming_security, account.outgoing_security) == (incoming, outgoing)


def test_an_account_made_in_the_browser_is_taken_over_not_doubled(context):
    known = factories.make_account("support@desk.example")
    (account,) = sync(context, **DESCRIBED)
    assert (account.id, account.source) == (known.id, "env")


def test_taking_the_description_away_stops_fetching_and_keeps_the_tickets(context):
    (account,) = sync(context, **DESCRIBED)
    factories.make_ticket(account)
    (account,) = sync(context, IMAP_HOST=None, SMTP_HOST=None)
    assert not account.is_fetching


def test_fetching_can_be_switched_off(context):
    (account,) = sync(context, **(DESCRIBED | {"EMAIL_TO_TICKET_ENABLED": False}))
    assert not account.is_fetching


def test_servers_without_an_address_are_named(context):
    with pytest.raises(ConfigError, match="SUPPORT_EMAIL"):
        sync(context, **(DESCRIBED | {"SUPPORT_EMAIL": None}))
