"""An account is connected with its provider in the browser: registered, led there, taken back, and told in words."""

import re
from html import unescape

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction
from helpdesk.models import EmailAccount
from helpdesk.models.mail import SignIn
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.services import keys, oauth
from tests import factories
from tests.servers.oauth_server import OAuthServer
from tests.web.conftest import browser, send


@pytest.fixture
def provider():
    server = OAuthServer().start()
    yield server
    server.stop()


@pytest.fixture
def admin(app, desk):
    app.config["MAIL_ALLOWED_NETWORKS"] = OWN_NETWORKS
    return browser(app, desk["admin"])


@pytest.fixture
def page(desk):
    return f"/admin/accounts/{desk['account']}"


def registration(provider):
    return {
        "provider": "custom", "client_id": provider.client_id, "client_secret": provider.client_secret,
        "authorize_url": provider.authorize_url, "token_url": provider.token_url, "scopes": "mail offline",
    }  # fmt: skip


def register(admin, page, server, **values):
    return send(admin, f"{page}/sign-in", **(registration(server) | values))


def led_to(response):
    """Where the page leads by itself, and by its link."""
    url = response.headers["Refresh"].removeprefix("0; url=")
    assert url in [unescape(link) for link in re.findall(r'href="([^"]+)"', response.text)]
    return url


def stored(app, desk):
    with app.app_context():
        account = db.session.get(EmailAccount, desk["account"])
        connection = oauth.find(account.id)
        return account.incoming_sign_in, bool(connection and connection.refresh_token)


def test_account_is_registered_connected_and_forgotten(app, desk, admin, page, provider):
    text = admin.get(f"{page}/sign-in").text
    assert "/admin/accounts/oauth/callback" in text and "signs in with the password" in text
    assert register(admin, page, provider).status_code == 303
    text = admin.get(f"{page}/sign-in").text
    assert "Connect with 127.0.0.1" in text and provider.client_id in text
    assert provider.client_secret not in text and "Stored. Leave this empty" in text

    response = send(admin, f"{page}/connect")
    code, state = provider.allow(led_to(response))
    back = admin.get(f"/admin/accounts/oauth/callback?state={state}&code={code}")
    assert back.status_code == 303 and back.location.endswith("/sign-in")
    text = admin.get(back.location).text
    assert (
        "The permission is there, but receiving does not work yet" in text
    )  # nobody listens at the account's server
    assert "lets the desk in" in text and "connected" in text
    assert stored(app, desk) == (SignIn.OAUTH2, True)

    again = admin.get(f"/admin/accounts/oauth/callback?state={state}&code={code}", follow_redirects=True)
    assert "Nobody waits for this answer any more" in again.text
    assert send(admin, f"{page}/disconnect").status_code == 303
    assert stored(app, desk) == (SignIn.PASSWORD, False)


def test_state_of_one_admin_is_worth_nothing_to_another(app, desk, admin, page, provider):
    register(admin, page, provider)
    code, state = provider.allow(led_to(send(admin, f"{page}/connect")))
    other = browser(app, desk["admin"])  # the same person, in another browser
    answer = other.get(f"/admin/accounts/oauth/callback?state={state}&code={code}", follow_redirects=True)
    assert "Nobody waits for this answer" in answer.text
    assert stored(app, desk) == (SignIn.PASSWORD, False)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Nobody waits for this answer"),
        ("state=x&code=y", "Nobody waits for this answer"),
        ("state=999999.x&code=y", "Nobody waits for this answer"),
        ("state={state}&error=access_denied", "The permission was not given at 127.0.0.1"),
        ("state={state}&error=odd&error_description=%3Cb%3Ebold%3C/b%3E", "odd &lt;b&gt;bold&lt;/b&gt;"),
        ("state={state}&code=wrong", "may be too old"),
    ],
)
def test_whatever_comes_back_is_told_in_words(app, desk, admin, page, provider, query, words):
    register(admin, page, provider)
    _, state = provider.allow(led_to(send(admin, f"{page}/connect")))
    answer = admin.get(f"/admin/accounts/oauth/callback?{query.format(state=state)}", follow_redirects=True)
    assert answer.status_code == 200 and words in answer.text
    assert stored(app, desk) == (SignIn.PASSWORD, False)


def test_wrong_registration_keeps_what_was_typed(app, desk, admin, page, provider):
    answer = register(admin, page, provider, token_url="http://desk.example/token")
    assert answer.status_code == 422
    assert "begins with https://" in answer.text and "http://desk.example/token" in answer.text
    assert provider.client_secret not in answer.text
    kept = unescape(re.search(r'name="kept_secret"[^>]*value="([^"]+)"', answer.text)[1])
    assert register(admin, page, provider, client_secret="", kept_secret=kept).status_code == 303
    with app.app_context():
        assert keys.decrypt(oauth.find(desk["account"]).client_secret) == provider.client_secret
    assert register(admin, page, provider, provider="yahoo").status_code == 422


def test_connecting_comes_after_registering(admin, page):
    send(admin, f"{page}/connect")
    assert "register the desk at the provider first" in admin.get(f"{page}/sign-in").text


def test_withdrawn_permission_is_told_on_the_page(app, desk, admin, page, provider):
    register(admin, page, provider)
    code, state = provider.allow(led_to(send(admin, f"{page}/connect")))
    admin.get(f"/admin/accounts/oauth/callback?state={state}&code={code}")
    provider.withdraw()
    with app.app_context():
        account = db.session.get(EmailAccount, desk["account"])
        with transaction():
            oauth.find(account.id).expires_at = None
        with pytest.raises(oauth.PermissionWithdrawn):
            oauth.access_token(account, account.incoming_host)
    assert "has withdrawn the permission: connect it again" in admin.get(f"{page}/sign-in").text


def test_accounts_that_cannot_be_connected_have_no_such_page(app, desk, admin):
    with app.app_context():
        ids = [
            factories.make_account("env@desk.example", source="env").id,
            factories.make_account("practice@desk.example", incoming_protocol="maildir").id,
        ]
    for account_id in ids:
        assert admin.get(f"/admin/accounts/{account_id}/sign-in").status_code == 404
        assert "sign-in" not in admin.get(f"/admin/accounts/{account_id}").text


def test_new_account_that_signs_in_by_permission_is_connected_next(app, admin):
    filled = send(
        admin, "/admin/accounts/new", do="fill", email="help@outlook.com", provider="", sign_in="password"
    ).text
    assert '<option selected value="oauth2">' in filled and "outlook.office365.com" in filled
    saved = send(
        admin, "/admin/accounts/new", do="save", email="help@outlook.com", kind="shared", sign_in="oauth2", protocol="imap",
        incoming_host="outlook.office365.com", incoming_port="993", incoming_security="tls", incoming_folder="INBOX",
        outgoing_host="smtp.office365.com", outgoing_port="587", outgoing_security="starttls", same_login="y",
        poll_frequency_s="300", after_taking="seen", is_fetching="y",
    )  # fmt: skip
    assert saved.status_code == 303 and saved.location.endswith("/sign-in")
    page = admin.get(saved.location).text
    assert "not connected yet" in page and '<option selected value="microsoft">' in page
    with app.app_context():
        account = db.session.scalars(select(EmailAccount).filter_by(address="help@outlook.com")).one()
        assert (account.incoming_sign_in, account.outgoing_sign_in) == (SignIn.OAUTH2, SignIn.OAUTH2)
    shown = admin.get(saved.location.removesuffix("/sign-in")).text
    assert '<option selected value="oauth2">' in shown
