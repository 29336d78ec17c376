"""What is read of an account's mail and what happens there to taken mail, chosen in the browser without JavaScript."""

import secrets

import pytest
from imapclient import IMAPClient
from sqlalchemy import select

from helpdesk.database import db
from helpdesk.models import EmailAccount
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.services import fetch
from tests import factories
from tests.servers.fixtures import authority, dovecot  # noqa: F401
from tests.web.conftest import browser, send
from tests.web.test_setup import FORM

GERMAN = {"Accept-Language": "de"}


@pytest.fixture
def ada(app):
    app.config["MAIL_ALLOWED_NETWORKS"] = OWN_NETWORKS
    with app.app_context():
        user_id = factories.make_admin().id
    return browser(app, user_id)


def stored(app):
    with app.app_context():
        return db.session.scalars(select(EmailAccount).where(EmailAccount.source == "web")).one_or_none()


def save(client, path="/admin/accounts/new", **fields):
    return send(client, path, **FORM | fields)


def at(dovecot, user, **fields):  # noqa: F811
    server = {"incoming_port": str(dovecot.port), "incoming_security": "plain"}
    return server | {"incoming_username": user, "incoming_password": dovecot.password} | fields


@pytest.fixture
def user():
    """Somebody who has no folders yet."""
    return f"u{secrets.token_hex(4)}"


def test_the_servers_own_folders_are_offered(app, ada, dovecot, user):  # noqa: F811
    with IMAPClient("127.0.0.1", dovecot.port, ssl=False, timeout=10) as client:
        client.login(user, dovecot.password)
        for name in ("Ablage/Grüße", "Say <hello>"):
            client.create_folder(name)
    asked = save(ada, do="folders", outgoing_host="", **at(dovecot, user))
    assert asked.status_code == 200 and stored(app) is None
    for name in ("Ablage/Grüße", "Say &lt;hello&gt;"):
        assert f'name="other_folders" type="checkbox" value="{name}"' in asked.text
    assert 'name="other_folders" type="checkbox" value="INBOX"' not in asked.text
    chosen = at(dovecot, user, other_folders=["Ablage/Grüße"])
    assert save(ada, **chosen).status_code == 303
    account = stored(app)
    assert (account.folders, account.incoming_protocol) == (["INBOX", "Ablage/Grüße"], "imap")
    page = ada.get(f"/admin/accounts/{account.id}").text
    assert 'checked class="check__box" id="other_folders-0"' in page and "Say &lt;hello" not in page


def test_folders_are_asked_for_during_set_up_too(app, ada, dovecot, user):  # noqa: F811
    with IMAPClient("127.0.0.1", dovecot.port, ssl=False, timeout=10) as client:
        client.login(user, dovecot.password)
        client.create_folder("Forms")
    asked = save(ada, "/setup/mail", do="folders", **at(dovecot, user))
    assert asked.status_code == 200 and 'type="checkbox" value="Forms"' in asked.text


def test_a_server_that_refuses_says_so_at_its_field(app, ada, dovecot):  # noqa: F811
    refused = save(ada, do="folders", **at(dovecot, "folders", incoming_password="wrong"))
    assert refused.status_code == 422
    assert "refuses user name or password" in refused.text


def test_pop3_is_chosen_and_has_no_folders(app, ada, dovecot):  # noqa: F811
    server = at(dovecot, "popper", protocol="pop3", incoming_port=str(dovecot.pop3_port))
    assert "without folders" in save(ada, do="folders", **server).text
    assert "Receiving works" in save(ada, do="test", **server).text
    choice = {"after_taking": "delete", "delete_after_days": "3"}
    assert save(ada, **server | choice).status_code == 303
    account = stored(app)
    assert (account.incoming_protocol, account.after_taking, account.delete_after_days) == (
        "pop3",
        "delete",
        3,
    )
    page = ada.get(f"/admin/accounts/{account.id}").text
    assert '<option selected value="pop3">' in page and '<option selected value="delete">' in page


def test_a_new_account_says_how_much_it_would_begin_with(app, ada, dovecot, user):  # noqa: F811
    for number in range(3):
        dovecot.deliver(user, factories.make_mail(subject=f"Mail {number}"))
    dovecot.deliver(user, factories.make_mail(), is_seen=True)
    assert "3 mails that lie there would be taken" in save(ada, do="test", **at(dovecot, user)).text
    by_pop3 = at(dovecot, user, protocol="pop3", incoming_port=str(dovecot.pop3_port))
    assert "4 mails that lie there would be taken" in save(ada, do="test", **by_pop3).text
    none = at(dovecot, user, first_fetch_days="0")
    assert "0 mails that lie there would be taken" in save(ada, do="test", **none).text


@pytest.mark.parametrize(
    ("protocol", "host", "port"), [("pop3", "pop.gmail.com", 995), ("imap", "imap.gmail.com", 993)]
)
def test_a_providers_servers_are_those_of_the_protocol(app, ada, protocol, host, port):
    page = save(ada, do="fill", provider="gmail", protocol=protocol, incoming_host="").text
    assert f'value="{host}"' in page and f'value="{port}"' in page


def test_pop3_leaves_what_it_does_not_delete(app, ada):
    assert save(ada, protocol="pop3", incoming_port="995").status_code == 303
    assert stored(app).after_taking == "leave"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"protocol": "pop3"}, "This is a port of the other protocol"),
        ({"incoming_port": "995"}, "Usual are 993 for TLS and 143"),
        ({"protocol": "pop3", "incoming_port": "995", "after_taking": "move"}, "POP3 knows no folders"),
        ({"after_taking": "move"}, "Please name the folder"),
        ({"after_taking": "move", "move_to_folder": "Inbox"}, "would bring it back"),
        ({"after_taking": "move", "move_to_folder": "Done\r\nDELETE INBOX"}, "Line breaks"),
        ({"after_taking": "burn"}, "Not a valid choice"),
        ({"other_folders": ["a\r\nDELETE INBOX"]}, "Line breaks"),
        ({"other_folders": [f"f{n}" for n in range(51)]}, "at most 50"),
        ({"delete_after_days": "-1"}, "Use 0 to 3650 days"),
        ({"first_fetch_days": "many"}, "valid integer"),
        ({"protocol": "maildir"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_typed_is_lost(app, ada, fields, words):
    answer = save(ada, **{"from_name": "Kept words"} | fields)
    assert (answer.status_code, stored(app)) == (422, None)
    assert words in answer.text and "Kept words" in answer.text


def test_why_a_look_failed_is_said_in_the_readers_language(app, ada):
    assert save(ada, incoming_host="127.0.0.1", incoming_port="1").status_code == 303
    account_id = stored(app).id
    with app.app_context():
        assert fetch.fetch_account(account_id).error == "127.0.0.1 refuses connections on port 1."
    for path in (f"/admin/accounts/{account_id}", "/admin/accounts", "/admin/health"):
        assert "127.0.0.1 lehnt Verbindungen auf Port 1 ab." in ada.get(path, headers=GERMAN).text
        assert "127.0.0.1 refuses connections on port 1." in ada.get(path).text
    tried = send(ada, f"/admin/accounts/{account_id}/test")
    assert "Receiving: 127.0.0.1 refuses connections on port 1." in tried.text


def test_the_environments_account_shows_what_happens_to_taken_mail(app, ada):
    with app.app_context():
        account_id = factories.make_account(source="env", after_taking="move", move_to_folder="Done").id
    assert "<dd>Move it to a folder: Done</dd>" in ada.get(f"/admin/accounts/{account_id}").text


def test_moving_is_stored_and_shown(app, ada):
    assert save(ada, after_taking="move", move_to_folder="Done", first_fetch_days="30").status_code == 303
    account = stored(app)
    assert (account.after_taking, account.move_to_folder, account.first_fetch_days) == ("move", "Done", 30)
    page = ada.get(f"/admin/accounts/{account.id}").text
    assert '<option selected value="move">' in page and 'value="Done"' in page and 'value="30"' in page
