"""The first minutes: the link once, the first admin, a mail account whose typed words survive everything."""

import re
import socket
from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, User
from helpdesk.policy.status import Role
from helpdesk.services import accounts, fetch, keys, setup
from tests import factories
from tests.factories import ADMIN, PASSWORD
from tests.web.conftest import browser, csrf_of, send

SECRET = "planted-pa55word-of-the-mail-server"
ME = {"name": "Ada Lovelace", "email": ADMIN, "password": PASSWORD}
FORM = {
    "email": "help@shop.example", "provider": "", "name": "", "from_name": "Shop help", "incoming_host": "127.0.0.1",
    "incoming_port": "993", "incoming_security": "tls", "incoming_username": "", "incoming_password": SECRET,
    "incoming_folder": "INBOX", "outgoing_host": "127.0.0.1", "outgoing_port": "587", "outgoing_security": "starttls",
    "same_login": "y", "outgoing_username": "", "outgoing_password": "", "is_fetching": "y", "is_acknowledging": "y",
}  # fmt: skip


@pytest.fixture
def link(app):
    with app.app_context():
        return setup.setup_link().removeprefix(app.config["SITE_URL"])


@pytest.fixture
def ada(app):
    with app.app_context():
        user_id = factories.make_admin().id
    return browser(app, user_id)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def stored(app):
    with app.app_context():
        return db.session.scalar(select(EmailAccount).where(EmailAccount.source == "web"))


def test_whole_way_with_the_practice_mailbox(app, client, link):
    assert "set-up link" in client.get("/", follow_redirects=True).text
    assert send(client, link, link, **ME).location == "/setup/mail"
    assert client.get("/setup/mail").status_code == 200  # signed in at once
    assert 'href="/admin/accounts/new"' in client.get("/tickets").text
    assert send(client, "/setup/practice").location == "/setup/done"
    assert accounts.PRACTICE_ADDRESS in client.get("/setup/done").text
    with app.app_context():
        assert [u.role for u in db.session.scalars(select(User))] == [Role.ADMIN]


def test_each_account_has_its_own_time_between_two_fetches(app, ada):
    def save(path, **fields):
        return send(ada, path, **FORM | fields)

    assert '<option selected value="300">5 minutes</option>' in ada.get("/admin/accounts/new").text
    assert save("/admin/accounts/new", poll_frequency_s="7").status_code == 422
    assert stored(app) is None
    assert save("/admin/accounts/new", poll_frequency_s="900").status_code == 303
    path = f"/admin/accounts/{stored(app).id}"
    assert '<option selected value="900">15 minutes</option>' in ada.get(path).text
    with app.app_context(), transaction() as session:
        account = session.get(EmailAccount, stored(app).id)
        account.poll_frequency_s, account.last_fetch_at = 90, utcnow() - timedelta(seconds=80)
    assert '<option selected value="90">90 seconds</option>' in ada.get(path).text
    with app.app_context():
        assert fetch.due_accounts() == []
    assert save(path, poll_frequency_s="60").status_code == 303
    with app.app_context():
        assert fetch.due_accounts() == [stored(app).id]


def test_link_makes_one_admin_only(app, client, link):
    send(client, link, link, **ME)
    other = app.test_client()
    response = other.post(link, data=ME | {"email": "eve@desk.example", "csrf_token": csrf_of(other)})
    assert response.status_code == 404
    assert "set up already" in response.text
    with app.app_context():
        assert db.session.query(User).count() == 1


def test_link_survives_bad_input_and_keeps_what_was_typed(app, client, link):
    for field, value, words in [
        ("password", "short", "at least 12"),
        ("email", "no address", "not an e-mail address"),
        ("email", "", "enter an address"),
    ]:
        response = send(client, link, link, **(ME | {field: value}))
        assert response.status_code == 422
        assert words in response.text and "Ada Lovelace" in response.text
        assert PASSWORD not in response.text
    assert send(client, link, link, **ME).status_code == 303


@pytest.mark.parametrize("token", ["x", "null", "a" * 3000, "%00"])
def test_wrong_link_is_refused(client, link, token):
    assert client.get(f"/setup/{token}").status_code == 404


def test_only_the_newest_link_works(app, client, link):
    with app.app_context():
        setup.setup_link()
    assert client.get(link).status_code == 404


def test_account_is_saved_with_its_password_encrypted(app, ada):
    assert send(ada, "/setup/mail", **FORM).location == "/setup/done"
    account = stored(app)
    assert (account.email, account.from_name, account.incoming_port) == (
        "help@shop.example",
        "Shop help",
        993,
    )
    assert account.incoming_username == account.outgoing_username == "help@shop.example"
    assert SECRET not in account.incoming_password
    with app.app_context():
        assert keys.decrypt(account.incoming_password) == keys.decrypt(account.outgoing_password) == SECRET


def test_test_button_says_what_is_wrong_and_loses_nothing(app, ada):
    fields = FORM | {"do": "test", "incoming_port": closed_port(), "outgoing_port": closed_port()}
    response = send(ada, "/setup/mail", **fields)
    assert response.status_code == 200
    assert (
        "does not work yet" in response.text and "Receiving:" in response.text and "Sending:" in response.text
    )
    assert 'value="help@shop.example"' in response.text and "Shop help" in response.text
    assert SECRET not in response.text
    assert stored(app) is None
    kept = re.search(r'name="kept_passwords"[^>]*value="([^"]+)"', response.text)[1]
    assert (
        send(ada, "/setup/mail", **(FORM | {"incoming_password": "", "kept_passwords": kept})).status_code
        == 303
    )
    with app.app_context():
        assert keys.decrypt(stored(app).incoming_password) == SECRET


def test_kept_password_is_nobody_elses(app, ada):
    response = send(ada, "/setup/mail", **(FORM | {"do": "fill"}))
    kept = re.search(r'name="kept_passwords"[^>]*value="([^"]+)"', response.text)[1]
    with app.app_context():
        eve = browser(app, factories.make_admin("eve@desk.example", "Eve").id)
    send(eve, "/setup/mail", **(FORM | {"incoming_password": "", "kept_passwords": kept}))
    assert stored(app).incoming_password == ""


@pytest.mark.parametrize("junk", ["x", "gAAAA", "{}", "\x00", "a" * 30_000])
def test_damaged_kept_password_breaks_nothing(app, ada, junk):
    response = send(ada, "/setup/mail", **(FORM | {"kept_passwords": junk}))
    assert response.status_code in {303, 422}


@pytest.mark.parametrize("email, provider, host", [
    ("shop@gmail.com", "", "imap.gmail.com"), ("info@shop.example", "microsoft", "outlook.office365.com"),
    ("shop@yahoo.de", "", "imap.mail.yahoo.com"),
])  # fmt: skip
def test_known_providers_fill_in_their_servers(ada, email, provider, host):
    fields = FORM | {
        "do": "fill",
        "email": email,
        "provider": provider,
        "incoming_host": "",
        "outgoing_host": "",
    }
    response = send(ada, "/setup/mail", **fields)
    assert response.status_code == 200
    assert f'value="{host}"' in response.text


@pytest.mark.parametrize("field, value, words", [
    ("email", "nobody", "not an e-mail address"), ("incoming_host", "", "Please enter a server."),
    ("incoming_port", "70000", "Use a port"), ("outgoing_port", "x", "valid integer"), ("incoming_folder", "a\r\nDELETE INBOX", "Line breaks"),
    ("incoming_security", "telepathy", "valid choice"),
])  # fmt: skip
def test_bad_values_are_refused_with_the_rest_kept(app, ada, field, value, words):
    response = send(ada, "/admin/accounts/new", **(FORM | {field: value}))
    assert response.status_code == 422
    assert words in response.text
    assert "Shop help" in response.text and SECRET not in response.text
    assert stored(app) is None


def test_browser_lets_the_fill_button_pass_with_empty_fields(ada):
    assert re.search(r'<button[^>]*value="fill"[^>]* formnovalidate', ada.get("/setup/mail").text)


def test_edit_keeps_the_password_nobody_typed(app, ada):
    send(ada, "/setup/mail", **FORM)
    page = f"/admin/accounts/{stored(app).id}"
    assert SECRET not in ada.get(page).text
    assert send(ada, page, **(FORM | {"incoming_password": "", "from_name": "New"})).status_code == 303
    with app.app_context():
        assert (stored(app).from_name, keys.decrypt(stored(app).incoming_password)) == ("New", SECRET)


@pytest.mark.parametrize("wish", ["save", "test"])
@pytest.mark.parametrize("hosts, same_login", [
    ({"incoming_host": "127.0.0.2"}, "y"), ({"outgoing_host": "127.0.0.2"}, "y"), ({"outgoing_host": "127.0.0.2"}, ""),
    ({"outgoing_host": "127.0.0.2", "outgoing_username": "help@shop.example"}, "y"),
])  # fmt: skip
def test_stored_password_goes_to_no_other_server(app, ada, wish, hosts, same_login):
    """Whoever may change an account could otherwise have its password sent to himself."""
    port = {"incoming_port": closed_port(), "outgoing_port": closed_port()}
    send(ada, "/setup/mail", **(FORM | port))
    page = f"/admin/accounts/{stored(app).id}"
    fields = (
        FORM
        | port
        | hosts
        | {"do": wish, "same_login": same_login, "incoming_password": "", "from_name": "New"}
    )
    if not same_login:
        del fields["same_login"]
    response = send(ada, page, **fields)
    assert response.status_code == 422
    assert "another server than before" in response.text and "New" in response.text
    assert stored(app).from_name == "Shop help"
    typed = {"incoming_password": SECRET, "outgoing_password": SECRET}
    assert send(ada, page, **(fields | typed)).status_code in {200, 303}


def test_extra_fields_of_an_account_are_ignored(app, ada):
    send(ada, "/setup/mail", **(FORM | {"source": "env", "id": "99", "incoming_protocol": "maildir",
                                        "incoming_ca_file": "/etc/passwd", "incoming_allow_plaintext": "1"}))  # fmt: skip
    account = stored(app)
    assert (account.source, account.incoming_protocol, account.incoming_ca_file) == ("web", "imap", "")
    assert account.incoming_allow_plaintext is False


def test_account_of_the_environment_is_read_only(app, ada):
    with app.app_context():
        account_id = factories.make_account(source="env").id
    page = f"/admin/accounts/{account_id}"
    assert "Set by the environment" in ada.get(page).text
    response = send(ada, page, **FORM)
    assert response.status_code == 409
    assert "environment" in response.text
    with app.app_context():
        assert db.session.get(EmailAccount, account_id).email == factories.SUPPORT


def test_no_page_shows_a_planted_secret(app, ada):
    with app.app_context():
        account = factories.make_account()
        with transaction():
            accounts.update(account, actor=None, incoming_password=SECRET, outgoing_password=SECRET)
        account_id = account.id
        encrypted = db.session.get(EmailAccount, account_id).incoming_password
        hashed = db.session.scalar(select(User.password_hash))
    pages = [
        "/admin/accounts",
        f"/admin/accounts/{account_id}",
        "/admin/people",
        "/admin/mail",
        "/profile",
        "/setup/done",
    ]
    for page in pages:
        text = ada.get(page).text
        for secret in (SECRET, encrypted, hashed, app.config["SECRET_KEY"]):
            assert secret not in text, page
