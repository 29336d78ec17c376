"""Accounts that sign in by OAuth 2: connected in a browser, renewed by one worker, mended by a person when withdrawn."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.exc import OperationalError

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Conflict, InvalidInput, TransientError
from helpdesk.models import EmailAccount, EmailMessage, OAuthConnection
from helpdesk.models.mail import EmailState, SignIn
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.policy.oauth import OAuthProvider, read_place
from helpdesk.services import accounts, keys, listening, notifications, oauth
from helpdesk.services import oauth_connecting as connecting
from helpdesk.services.fetch import fetch_account
from helpdesk.services.oauth_connecting import Answer
from helpdesk.services.outbox import deliver
from helpdesk.transports.base import UnusableServer
from helpdesk.transports.oauth import PermissionWithdrawn
from tests import factories
from tests.servers.dovecot import DovecotServer
from tests.servers.fixtures import authority  # noqa: F401
from tests.servers.oauth_server import OAuthServer
from tests.servers.smtp_sink import SmtpSink

SESSION = "the token of the admin's session"


@pytest.fixture(scope="module")
def provider_process():
    server = OAuthServer().start()
    yield server
    server.stop()


@pytest.fixture
def provider(provider_process):
    for name in ("owner", "rotates", "life_s", "answer", "pause_s", "before_answer", "requests"):
        setattr(provider_process, name, getattr(OAuthServer(), name))
    provider_process.withdraw()
    return provider_process


@pytest.fixture(scope="module")
def mail_server(authority, provider_process):  # noqa: F811
    server = DovecotServer(authority, introspection_url=f"{provider_process.url}/whose")
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def admin(context):
    context.config["MAIL_ALLOWED_NETWORKS"] = OWN_NETWORKS
    return factories.make_admin()


@pytest.fixture
def account(admin, mail_server, provider):
    address = mail_server.address(provider.owner)
    return factories.make_account(
        incoming_host=address.host, incoming_port=address.port, incoming_ca_file=address.ca_file,
        outgoing_host=address.host, incoming_username=provider.owner, outgoing_username=provider.owner,
    )  # fmt: skip


@pytest.fixture
def registered(account, admin, provider):
    with transaction():
        connecting.save(account, typed(provider), actor=admin)
    return account


@pytest.fixture
def connected(registered, admin, provider):
    """Connected, with an access token that has ended."""
    with transaction():
        connection = oauth.find(registered.id)
        connection.refresh_token = keys.encrypt(provider.permit())
        connecting.use(registered, SignIn.OAUTH2)
    return registered


def typed(server, **values):
    defaults = {
        "provider": "custom", "client_id": server.client_id, "client_secret": server.client_secret,
        "authorize_url": server.authorize_url, "token_url": server.token_url, "scopes": "mail",
    }  # fmt: skip
    return defaults | values


def begun(account, admin):
    with transaction():
        return connecting.begin(account.id, actor=admin, session=SESSION)


def row(account):
    db.session.rollback()
    return oauth.find(account.id)


def test_account_is_connected_in_a_browser_and_fetches_by_its_token(registered, admin, provider, mail_server):
    code, state = provider.allow(begun(registered, admin))
    assert connecting.finish(Answer(state, code), actor=admin, session=SESSION) == registered.id
    mail_server.deliver(provider.owner, factories.make_mail())
    assert fetch_account(registered.id).taken >= 1
    assert accounts.try_incoming(accounts.draft_of(registered)) is None
    account = db.session.get(EmailAccount, registered.id)
    assert (account.incoming_sign_in, account.outgoing_sign_in) == (SignIn.OAUTH2, SignIn.OAUTH2)
    stored = str(db.session.execute(text("SELECT * FROM oauth_connection")).all())
    secrets = [provider.client_secret, *provider.access_tokens, *provider.refresh_tokens, state]
    assert not [secret for secret in secrets if secret in stored]


@pytest.mark.parametrize(
    "answer", ["twice", "another session", "too late", "another account", "no state", "long state"]
)
def test_answer_nobody_waits_for_is_worth_nothing(registered, admin, provider, answer):
    code, state = provider.allow(begun(registered, admin))
    session = SESSION
    match answer:
        case "twice":
            connecting.finish(Answer(state, code), actor=admin, session=SESSION)
        case "another session":
            session = "somebody else's"
        case "too late":
            with transaction():
                db.session.execute(
                    update(OAuthConnection).values(state_until=utcnow() - timedelta(seconds=1))
                )
        case "another account":
            state = f"{registered.id + 1}.{state.partition('.')[2]}"
        case "no state":
            state = ""
        case "long state":
            state += "x" * 10_000
    asked = len(provider.requests)
    with pytest.raises(Conflict, match="Nobody waits"):
        connecting.finish(Answer(state, code), actor=admin, session=session)
    assert len(provider.requests) == asked


def test_a_no_at_the_provider_changes_nothing(registered, admin, provider):
    _, state = provider.allow(begun(registered, admin))
    with pytest.raises(InvalidInput, match=r"was not given at 127\.0\.0\.1\. Nothing"):
        connecting.finish(Answer(state, error="access_denied"), actor=admin, session=SESSION)
    _, state = provider.allow(begun(registered, admin))
    with pytest.raises(InvalidInput, match="did not give the permission: odd <b>x</b>"):
        connecting.finish(
            Answer(state, error="odd", description="<b>x</b>\r\n"), actor=admin, session=SESSION
        )
    assert row(registered).refresh_token == ""
    assert db.session.get(EmailAccount, registered.id).incoming_sign_in is SignIn.PASSWORD


def test_token_is_used_while_it_lasts_and_then_renewed(connected, provider):
    first = oauth.access_token(connected, "localhost")
    assert oauth.access_token(connected, "localhost") == first
    assert len(provider.requests) == 1
    with transaction():
        db.session.execute(update(OAuthConnection).values(expires_at=utcnow() + timedelta(seconds=60)))
    assert oauth.access_token(connected, "localhost") != first
    with transaction():  # written before a clock was set back
        db.session.execute(update(OAuthConnection).values(expires_at=utcnow() + timedelta(days=30)))
    oauth.access_token(connected, "localhost")
    assert len(provider.requests) == 3


def test_rotated_refresh_token_is_kept_and_two_workers_ask_once(app, connected, provider):
    provider.rotates, provider.pause_s = True, 0.3
    found, account_id = [], connected.id

    def work():
        with app.app_context():
            found.append(oauth.access_token(db.session.get(EmailAccount, account_id), "localhost"))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 3 and len(set(found)) == 1
    assert len(provider.requests) == 1
    assert {keys.decrypt(row(connected).refresh_token)} == provider.refresh_tokens


def test_worker_who_slept_uses_no_refresh_token_that_another_has_burnt(connected, provider):
    provider.rotates = True
    seen = row(connected).access_token  # one worker reads, and sleeps
    oauth.access_token(connected, "localhost")  # another renews, and is done
    assert not oauth._take(connected.id, "the sleeper", seen)
    assert oauth._take(connected.id, "somebody awake", row(connected).access_token)
    assert not oauth._take(connected.id, "two at once", row(connected).access_token)


def test_rotated_token_is_kept_though_the_database_says_no_at_first(connected, provider):
    """What the provider gave is worth more than the run that asked for it."""
    provider.rotates = True
    refusals = [OperationalError("UPDATE", {}, Exception("database is locked"))] * 2

    def refuse(connection, cursor, statement, *_):
        if provider.requests and "oauth_connection SET refresh_token" in statement and refusals:
            raise refusals.pop()

    event.listen(db.engine, "before_cursor_execute", refuse)
    token = oauth.access_token(connected, "localhost")
    event.remove(db.engine, "before_cursor_execute", refuse)
    assert refusals == []
    assert {keys.decrypt(row(connected).refresh_token)} == provider.refresh_tokens
    assert oauth.access_token(connected, "localhost") == token


def test_worker_that_died_while_renewing_holds_up_nobody_for_long(connected, provider):
    with transaction():
        db.session.execute(
            update(OAuthConnection).values(renewal="dead", renewal_until=utcnow() + timedelta(seconds=0.5))
        )
    assert oauth.access_token(connected, "localhost")


def test_withdrawn_permission_is_told_and_the_provider_left_alone(connected, provider):
    provider.withdraw()
    with transaction():
        email_id = notifications.queue_test_mail(connected, "ida@desk.example", actor=None).id
    result = fetch_account(connected.id)
    assert result.error == "127.0.0.1 has withdrawn the permission: connect it again."
    deliver.drain(connected.id)
    email = db.session.get(EmailMessage, email_id, populate_existing=True)
    assert email.state is EmailState.QUEUED and "connect it again" in email.reason
    assert fetch_account(connected.id, force=True).error == result.error
    assert len(provider.requests) == 1
    account = db.session.get(EmailAccount, connected.id, populate_existing=True)
    assert "withdrawn" in account.last_error


def test_connecting_again_mends_what_was_withdrawn(connected, admin, provider, mail_server):
    provider.withdraw()
    assert fetch_account(connected.id).error
    code, state = provider.allow(begun(connected, admin))
    connecting.finish(Answer(state, code), actor=admin, session=SESSION)
    assert fetch_account(connected.id).error == ""


def test_provider_that_is_away_is_passing_and_frees_the_lease(connected, provider):
    provider.answer = (503, {}, b"away")
    with pytest.raises(TransientError):
        oauth.access_token(connected, "localhost")
    assert row(connected).renewal is None and row(connected).refused_at is None
    provider.answer = None
    assert oauth.access_token(connected, "localhost")


def test_token_that_is_refused_early_is_renewed_once(connected, provider, mail_server):
    assert fetch_account(connected.id).error == ""
    provider.expire_access()
    assert fetch_account(connected.id).error == ""
    assert len(provider.requests) == 2
    provider.owner = "other@desk.example"  # the person had signed in there as somebody else
    provider.expire_access()
    assert "refuses the permission for support@desk.example" in fetch_account(connected.id).error
    assert len(provider.requests) == 3


def test_mail_goes_out_by_token(connected, provider):
    sink = SmtpSink(users={})
    sink.is_token_of = provider.opens
    sink.start()
    with transaction():
        account = db.session.get(EmailAccount, connected.id)
        account.outgoing_host, account.outgoing_port = "127.0.0.1", sink.port
        account.outgoing_security, account.outgoing_username = "plain", ""
        notifications.queue_test_mail(account, "ida@desk.example", actor=None)
    deliver.drain(connected.id)
    sink.remove()
    assert len(sink.mails()) == 1 and sink.logins == [account.email]


def test_listener_and_pop3_sign_in_by_token(connected, provider, mail_server):
    heard = []
    listening.listen(connected.id, should_stop=lambda: bool(heard), on_ready=lambda: heard.append("ready"))
    assert heard == ["ready"] and len(provider.requests) == 1
    with transaction():
        account = db.session.get(EmailAccount, connected.id)
        account.incoming_protocol, account.incoming_port = "pop3", mail_server.pop3s_port
    assert fetch_account(connected.id).error == ""
    provider.expire_access()
    assert fetch_account(connected.id).error == ""
    assert len(provider.requests) == 2


def test_token_goes_to_no_other_server(connected, admin, provider):
    draft = accounts.draft(connected.email, connected, incoming_host="127.0.0.1")
    assert str(accounts.try_incoming(draft)) == "The permission of 127.0.0.1 is not for the server 127.0.0.1."
    assert provider.requests == []
    with transaction():
        connecting.save(connected, typed(provider, provider="google"), actor=admin)
        oauth.find(connected.id).refresh_token = keys.encrypt("refresh")
    with pytest.raises(UnusableServer, match="The permission of Google is not for the server localhost"):
        oauth.access_token(connected, "localhost")


def test_account_that_moves_to_another_server_forgets_its_permission(connected, admin):
    with transaction():
        accounts.update(db.session.get(EmailAccount, connected.id), actor=admin, from_name="Desk")
    assert row(connected).refresh_token
    with transaction():
        accounts.update(db.session.get(EmailAccount, connected.id), actor=admin, incoming_host="evil.example")
    assert row(connected).refresh_token == ""
    with pytest.raises(UnusableServer, match="not connected with its provider yet"):
        oauth.access_token(connected, "evil.example")


def test_another_registration_needs_its_secret_and_forgets_the_tokens(connected, admin, provider):
    elsewhere = typed(provider, client_secret="", token_url="https://evil.example/token")
    with pytest.raises(InvalidInput, match="type its secret again") as raised, transaction():
        connecting.save(connected, elsewhere, actor=admin)
    assert raised.value.field == "client_secret"
    with transaction():
        connecting.save(connected, typed(provider, client_secret=""), actor=admin)
    assert row(connected).refresh_token
    with transaction():
        connecting.save(connected, elsewhere | {"client_secret": "new"}, actor=admin)
    assert row(connected).refresh_token == ""


def test_registration_changed_while_the_provider_thinks_wins(app, registered, admin, provider):
    code, state = provider.allow(begun(registered, admin))

    def change():
        with app.app_context(), transaction():
            db.session.execute(update(OAuthConnection).values(client_id="changed"))

    provider.before_answer = change
    with pytest.raises(Conflict, match="changed meanwhile"):
        connecting.finish(Answer(state, code), actor=admin, session=SESSION)
    assert row(registered).refresh_token == ""


def test_forgetting_goes_back_to_the_password(connected, admin):
    with transaction():
        connecting.forget(db.session.get(EmailAccount, connected.id), actor=admin)
    account = db.session.get(EmailAccount, connected.id)
    assert (account.incoming_sign_in, account.outgoing_sign_in) == (SignIn.PASSWORD, SignIn.PASSWORD)
    assert row(connected).refresh_token == ""


@pytest.mark.parametrize("source", [{"source": "env"}, {"incoming_protocol": "maildir"}])
def test_only_accounts_made_in_the_browser_are_connected(admin, provider, source):
    account = factories.make_account("other@desk.example", **source)
    with pytest.raises(Conflict), transaction():
        connecting.save(account, typed(provider), actor=admin)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"client_id": " "}, "client_id"),
        ({"client_id": "a\r\nb"}, "client_id"),
        ({"client_secret": "a\u200bb"}, "client_secret"),
        ({"provider": "google", "client_secret": ""}, "client_secret"),
        ({"token_url": "http://desk.example/token"}, "token_url"),
        ({"token_url": "https://user@desk.example/token"}, "token_url"),
        ({"authorize_url": "javascript:alert(1)"}, "authorize_url"),
        ({"authorize_url": "https://desk.example;script-src *"}, "authorize_url"),
        ({"provider": "microsoft", "tenant": "../evil"}, "tenant"),
    ],
)
def test_unusable_registration_is_refused_at_its_field(account, admin, provider, values, field):
    with pytest.raises(InvalidInput) as raised, transaction():
        connecting.save(account, typed(provider, **values), actor=admin)
    assert raised.value.field == field


def test_presets_lead_to_the_providers_own_addresses(account, admin, provider):
    with transaction():
        connecting.save(account, typed(provider, provider="microsoft", tenant="desk.example"), actor=admin)
    url = begun(account, admin)
    assert url.startswith("https://login.microsoftonline.com/desk.example/oauth2/v2.0/authorize?")
    assert "offline_access" in url and "login_hint=support%40desk.example" in url
    with transaction():
        connecting.save(account, typed(provider, provider="google"), actor=admin)
    assert oauth.find(account.id).provider is OAuthProvider.GOOGLE
    assert "access_type=offline" in begun(account, admin)


def test_places_are_read_strictly():
    place = read_place("https://Login.Example:8443/a?b=c")
    assert (place.is_https, place.host, place.port, place.path) == (True, "login.example", 8443, "/a?b=c")
    assert read_place("http://localhost").port == 80
    for bad in (
        "",
        "https://",
        "https://a b/",
        "ftp://a/",
        "https://a:99999/",
        "https://a/#b",
        "https://a\\b/",
        "//a/",
    ):
        with pytest.raises(InvalidInput):
            read_place(bad)


def test_withdrawal_is_an_unusable_account_not_a_failed_mail():
    assert issubclass(PermissionWithdrawn, UnusableServer)


def test_one_registration_serves_several_accounts(registered, admin, provider):
    other = factories.make_account("sales@desk.example", incoming_host="localhost")
    with transaction():
        connecting.save(other, typed(provider, client_secret=""), actor=admin)
    assert keys.decrypt(oauth.find(other.id).client_secret) == provider.client_secret
    elsewhere = typed(provider, client_secret="", token_url="https://evil.example/token")
    with pytest.raises(InvalidInput, match="type its secret again"), transaction():
        connecting.save(other, elsewhere, actor=admin)
