"""OAuth 2: a provider's tokens open real mail servers, and whatever it answers becomes an error in words."""

import secrets
import time
from dataclasses import replace

import pytest

from helpdesk.errors import PermanentError, TransientError
from helpdesk.policy.addresses import INTERNET_ONLY, OWN_NETWORKS
from helpdesk.transports import oauth
from helpdesk.transports.base import LoginRefused, UnusableServer
from helpdesk.transports.imap import ImapSource
from helpdesk.transports.oauth import PermissionWithdrawn, Registration
from helpdesk.transports.smtp import SmtpSender
from tests.servers.dovecot import DovecotServer
from tests.servers.oauth_server import OAuthServer
from tests.servers.smtp_sink import SmtpSink
from tests.transports.mails import mail


@pytest.fixture(scope="module")
def provider_process():
    server = OAuthServer().start()
    yield server
    server.stop()


@pytest.fixture
def provider(provider_process):
    """The provider with its good manners, and a user nobody else has."""
    fresh = OAuthServer(f"u{secrets.token_hex(4)}@desk.example")
    for name in ("owner", "rotates", "life_s", "answer", "pause_s", "requests"):
        setattr(provider_process, name, getattr(fresh, name))
    return provider_process


@pytest.fixture(scope="module")
def mail_server(authority, provider_process):
    server = DovecotServer(authority, introspection_url=f"{provider_process.url}/whose")
    try:
        yield server.start()
    finally:
        server.stop()


def registration(provider, **values):
    defaults = {
        "name": "Example", "authorize_url": provider.authorize_url, "token_url": provider.token_url,
        "client_id": provider.client_id, "client_secret": provider.client_secret, "scopes": "mail offline",
        "redirect_uri": "https://desk.example/back", "networks": OWN_NETWORKS, "total_s": 10.0,
    }  # fmt: skip
    return Registration(**(defaults | values))


def test_permission_given_in_a_browser_opens_the_mailbox_by_imap(provider, mail_server):
    asked = registration(provider)
    verifier = secrets.token_urlsafe(32)
    url = oauth.authorization_url(asked, state="7.state", verifier=verifier, prompt="consent")
    assert url.startswith(provider.authorize_url) and verifier not in url and "prompt=consent" in url
    code, state = provider.allow(url)
    tokens = oauth.exchange(asked, code, verifier)
    assert state == "7.state" and tokens.refresh and tokens.life_s == 3600
    assert tokens.access not in repr(tokens) and provider.client_secret not in repr(asked)

    mail_server.deliver(provider.owner, mail("By token"))
    source = ImapSource(mail_server.address(provider.owner, password=tokens.access, has_token=True))
    source.open_folder("INBOX")
    assert len(source.uids_after(0)) == 1
    source.close()

    with pytest.raises(PermanentError, match="may be too old"):
        oauth.exchange(asked, code, verifier)  # a code works once
    again, _ = provider.allow(url)
    with pytest.raises(PermanentError, match="may be too old"):
        oauth.exchange(asked, again, "another verifier")


@pytest.mark.parametrize("token", ["access-never-given", "x" * 4000])
def test_wrong_token_is_a_refused_login_by_imap(provider, mail_server, token):
    with pytest.raises(LoginRefused, match=f"refuses the permission for {provider.owner}"):
        ImapSource(mail_server.address(provider.owner, password=token, has_token=True))


def test_token_of_another_mailbox_is_refused(provider, mail_server):
    tokens = oauth.renew(registration(provider), provider.permit())
    with pytest.raises(LoginRefused):
        ImapSource(mail_server.address("other@desk.example", password=tokens.access, has_token=True))


def test_server_without_xoauth2_gets_no_token(dovecot, provider):
    with pytest.raises(UnusableServer, match="offers no login by OAuth 2"):
        ImapSource(dovecot.address(provider.owner, password="secret-token", has_token=True))


def test_token_sends_by_smtp_and_a_wrong_one_is_refused(provider):
    sink = SmtpSink(users={})
    sink.is_token_of = provider.opens
    sink.start()
    try:
        tokens = oauth.renew(registration(provider), provider.permit())
        address = sink.address(username=provider.owner, password=tokens.access, has_token=True)
        sender = SmtpSender(address)
        sender.send("a@desk.example", ["b@customer.example"], mail())
        sender.close()
        assert len(sink.mails()) == 1
        with pytest.raises(LoginRefused, match="refuses the permission") as raised:
            SmtpSender(replace(address, password="access-never-given"))
        assert '{"status":"400"}' in raised.value.detail
        sink.is_token_of = None
        with pytest.raises(UnusableServer, match="no login by OAuth 2"):
            SmtpSender(address)
    finally:
        sink.remove()


def test_renewal_keeps_or_rotates_the_refresh_token(provider):
    asked, refresh_token = registration(provider), provider.permit()
    assert oauth.renew(asked, refresh_token).refresh == ""
    provider.rotates = True
    rotated = oauth.renew(asked, refresh_token).refresh
    assert rotated and rotated != refresh_token
    with pytest.raises(PermissionWithdrawn, match="Example has withdrawn the permission: connect it again"):
        oauth.renew(asked, refresh_token)
    assert oauth.renew(asked, rotated).access


def test_wrong_client_secret_is_told_as_such(provider):
    with pytest.raises(UnusableServer, match="does not accept the client ID") as raised:
        oauth.renew(registration(provider, client_secret="wrong"), provider.permit())
    assert "who is this?" in raised.value.detail


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, b"<html>Welcome</html>"),
        (200, JSON, b"[1, 2]"),
        (200, JSON, b"[" * 100_000),
        (200, JSON, b"\xff\xfe\x00"),
        (200, JSON, b"{}"),
        (200, JSON, b'{"access_token": ["a"]}'),
        (200, JSON, b'{"access_token": "a\\r\\nLOGOUT"}'),
        (200, JSON, b'{"access_token": "a\\u0001auth=Bearer b"}'),
        (200, JSON, b'{"access_token": "' + b"a" * 50_000 + b'"}'),
        (200, JSON, b'{"access_token": "' + b"a" * 600_000 + b'"}'),
        (200, {"Content-Length": "99", "Connection": "close"}, b'{"access_token": "a"}'),
        (302, {"Location": "http://169.254.169.254/"}, b""),
        (404, {}, b"no such page"),
        (429, {}, b"slow down"),
        (503, {}, b"away"),
        (400, JSON, b'{"error": "temporarily_unavailable"}'),
    ],
)  # fmt: skip
def test_nonsense_of_a_provider_is_passing_trouble(provider, status, headers, body):
    provider.answer = (status, headers, body)
    with pytest.raises(TransientError):
        oauth.renew(registration(provider), "refresh")
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("given", "life_s"), [("60", 60), (b"null", 3600), (10**30, 86400), (-5, 0), ("soon", 3600)]
)
def test_life_of_a_token_is_taken_with_care(provider, given, life_s):
    value = given if isinstance(given, bytes) else repr(given).replace("'", '"').encode()
    provider.answer = (200, JSON, b'{"access_token": "a", "token_type": "Bearer", "expires_in": %s}' % value)
    if given == "soon":
        with pytest.raises(TransientError):
            oauth.renew(registration(provider), "refresh")
    else:
        assert oauth.renew(registration(provider), "refresh").life_s == life_s


def test_unknown_refusal_needs_a_person_and_keeps_the_providers_words(provider):
    provider.answer = (400, JSON, b'{"error": "odd\\u0000word", "error_description": "Line\\r\\nbreak"}')
    with pytest.raises(UnusableServer, match="Example refuses the permission") as raised:
        oauth.renew(registration(provider), "refresh")
    assert raised.value.detail == "odd word: Line break"


def test_slow_provider_ends_in_time(provider):
    provider.pause_s = 60.0
    began_at = time.monotonic()
    with pytest.raises(TransientError, match="did not answer in time"):
        oauth.renew(registration(provider, total_s=1.0), "refresh")
    assert time.monotonic() - began_at < 30


def test_provider_is_reached_like_a_mail_server_or_not_at_all(provider, mail_server):
    with pytest.raises(UnusableServer, match="inside a private network"):
        oauth.renew(registration(provider, networks=INTERNET_ONLY), "refresh")
    assert provider.requests == []
    over_tls = f"https://localhost:{mail_server.tls_port}/token"
    with pytest.raises(UnusableServer, match="does not trust"):
        oauth.renew(registration(provider, token_url=over_tls), "refresh")
    with pytest.raises(TransientError):  # trusted, but it is Dovecot that answers
        oauth.renew(
            registration(provider, token_url=over_tls, ca_file=mail_server.address("u").ca_file, total_s=3),
            "r",
        )


def test_registration_never_shows_its_secret():
    assert "hush" not in repr(Registration("n", "a", "t", "c", "s", client_secret="hush"))
