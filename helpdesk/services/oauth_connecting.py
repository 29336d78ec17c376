"""Connecting an account with its provider: the desk's registration there, the way through a browser, and forgetting.

1. An admin types what the provider gave for the desk (client ID, secret) and asks to connect.
2. He is sent to the provider with a state nobody can guess and the challenge of a secret (PKCE, RFC 7636) that never
   leaves the desk. Only their hash and cipher are kept, bound to his session, for ten minutes and for one use.
3. Back with a code, it is turned into tokens with no transaction open; from then on the account signs in by them.

A change of what the tokens were given for forgets them, and a secret goes to no other provider than it was typed for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from helpdesk.database import claim, db, end_read, transaction, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.models import EmailAccount, OAuthConnection, User
from helpdesk.models.mail import SignIn
from helpdesk.policy.oauth import PRESETS, TENANT, OAuthProvider, read_place
from helpdesk.policy.permissions import Action
from helpdesk.queue import wake_after_commit
from helpdesk.services import access, events, keys, oauth
from helpdesk.services.outbox import queue
from helpdesk.transports import oauth as provider
from helpdesk.transports.connection import words

STATE_LIFE = timedelta(minutes=10)
MAX_STATE = 200
MAX_CODE = 4000
COLUMNS = ("provider", "tenant", "client_id", "authorize_url", "token_url", "scopes")


def save(account: EmailAccount, values: Mapping[str, str], *, actor: User) -> OAuthConnection:
    """Within a transaction: keep the desk's registration at a provider; an empty secret stays as it is, or as another
    account has it for the same registration.

    Raises InvalidInput, Conflict for an account the environment describes or without servers.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    _require_servers(account)
    wanted = _checked(values)
    secret = values.get("client_secret", "")
    connection = oauth.find(account.id)
    if connection is None:
        connection = OAuthConnection(account_id=account.id, client_secret="", **oauth.NO_TOKENS)
        db.session.add(connection)
    is_changed = any(getattr(connection, name) != value for name, value in wanted.items())
    had_secret = bool(connection.client_secret)
    kept = "" if is_changed else connection.client_secret
    connection.client_secret = keys.encrypt(secret) or kept or _shared_secret(wanted)
    if had_secret and not connection.client_secret:
        raise InvalidInput(
            "This is another registration than before. Please type its secret again.", field="client_secret"
        )
    if wanted["provider"] in PRESETS and not connection.client_secret:
        raise InvalidInput("Please enter the client secret.", field="client_secret")
    if is_changed:
        oauth.write(connection, wanted | oauth.NO_TOKENS)
    db.session.flush()
    events.record("account.changed", actor=actor, account_id=account.id, fields=["oauth"])
    return connection


def _shared_secret(wanted: Mapping[str, object]) -> str:
    """What another account keeps for the very same registration: one serves all mailboxes of a provider."""
    same = [getattr(OAuthConnection, name) == value for name, value in wanted.items()]
    with db.session.no_autoflush:
        rows = select(OAuthConnection.client_secret).where(*same, OAuthConnection.client_secret != "")
        return db.session.scalar(rows.limit(1)) or ""


def registration_to_share(chosen: OAuthProvider) -> OAuthConnection | None:
    """The latest registration of the desk at this provider, made for whatever account."""
    rows = select(OAuthConnection).where(OAuthConnection.provider == chosen)
    return db.session.scalar(rows.order_by(OAuthConnection.id.desc()).limit(1))


def _require_servers(account: EmailAccount) -> None:
    if account.source == "env":
        raise Conflict("This account is described by the environment of the server; change it there.")
    if account.incoming_protocol == "maildir":
        raise Conflict("The practice mailbox has no servers to change.")


def _checked(values: Mapping[str, str]) -> dict[str, object]:
    chosen = OAuthProvider(values["provider"])
    found: dict[str, object] = dict.fromkeys(COLUMNS, "")
    found |= {"provider": chosen, "client_id": values["client_id"].strip()}
    for name in ("client_id", "client_secret"):
        if any(not " " <= letter <= "~" for letter in values.get(name, "")):
            raise InvalidInput("Only letters, digits and signs of ASCII can be used here.", field=name)
    if not found["client_id"]:
        raise InvalidInput("Please enter the client ID.", field="client_id")
    if chosen is OAuthProvider.MICROSOFT:
        found["tenant"] = _tenant(values.get("tenant", "").strip())
    if chosen not in PRESETS:
        for name in ("authorize_url", "token_url"):
            found[name] = url = values.get(name, "").strip()
            read_place(url, field=name)
        found["scopes"] = " ".join(values.get("scopes", "").split())
    return found


def _tenant(text: str) -> str:
    if text and not TENANT.fullmatch(text):
        raise InvalidInput("Use the ID of your organisation, or its domain.", field="tenant")
    return text


def begin(account_id: int, *, actor: User, session: str) -> str:
    """Within a transaction: where to send the person whose `session` it is. Raises Conflict."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    account, connection = db.session.get(EmailAccount, account_id), oauth.find(account_id)
    if account is None or connection is None:
        raise Conflict("Please register the desk at the provider first.")
    _require_servers(account)
    state, verifier = f"{account_id}.{keys.new_token()}", keys.new_token()
    connection.state_hash = _bound(state, session)
    connection.code_verifier = keys.encrypt(verifier)
    connection.state_until = utcnow() + STATE_LIFE
    db.session.flush()
    preset = PRESETS.get(connection.provider)
    asked_with = {
        **(preset.asked_with if preset else {}),
        "login_hint": account.incoming_username or account.email,
    }
    return provider.authorization_url(
        oauth.registration(connection, account), state=state, verifier=verifier, **asked_with
    )


def _get(account_id: int) -> tuple[EmailAccount, OAuthConnection]:
    account, connection = db.session.get(EmailAccount, account_id), oauth.find(account_id)
    if account is None or connection is None:
        raise NotFound("There is no such mail account.")
    return account, connection


def _bound(state: str, session: str) -> str:
    """A state is worth nothing to another session than the one it was made for."""
    return keys.hash_token(f"{state} {keys.hash_token(session)}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider put into the address it sent a person back to."""

    state: str
    code: str = ""
    error: str = ""
    description: str = ""


def account_of(answer: Answer) -> int | None:
    """Which account the answer seems to be about; proves nothing."""
    number = answer.state.partition(".")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    account = db.session.get(EmailAccount, int(number))
    return account.id if account else None


def finish(answer: Answer, *, actor: User, session: str) -> int:
    """Take what the provider answered, and return the account's id. Opens transactions of its own.

    Raises Conflict for an answer nobody waits for, InvalidInput for a no, TransportError when the code is worth nothing.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    account_id = account_of(answer)
    verifier = _take_state(account_id, answer.state, session) if account_id is not None else None
    if account_id is None or verifier is None:
        raise Conflict("Nobody waits for this answer any more. Please connect again.")
    account, connection = _get(account_id)
    name, asked = oauth.provider_name(connection), oauth.registration(connection, account)
    actor_id = actor.id
    end_read()
    _require_yes(answer, name)
    tokens = provider.exchange(asked, answer.code, verifier)
    if not tokens.refresh:
        raise InvalidInput(
            "%(provider)s gave no lasting permission. Take the desk's permission away in your account there, and connect again.",
            provider=name,
        )
    with transaction():
        _keep(account_id, tokens, asked, db.session.get_one(User, actor_id))
    return account_id


def _take_state(account_id: int, state: str, session: str) -> str | None:
    """The verifier that belongs to it, once."""
    if len(state) > MAX_STATE:
        return None
    connection = oauth.find(account_id)
    verifier = keys.decrypt(connection.code_verifier) if connection else ""
    with transaction():
        is_ours = claim(
            OAuthConnection,
            OAuthConnection.account_id == account_id,
            OAuthConnection.state_hash == _bound(state, session),
            OAuthConnection.state_until > utcnow(),
            state_hash="",
            code_verifier="",
            state_until=None,
        )
    return verifier if is_ours else None


def _require_yes(answer: Answer, name: str) -> None:
    if answer.error == "access_denied":
        raise InvalidInput(
            "The permission was not given at %(provider)s. Nothing was changed.", provider=name
        )
    if answer.error or not answer.code or len(answer.code) > MAX_CODE:
        reason = words(f"{answer.error} {answer.description}")[:300] or "-"
        raise InvalidInput(
            "%(provider)s did not give the permission: %(reason)s", provider=name, reason=reason
        )


def _keep(account_id: int, tokens: provider.Tokens, asked: provider.Registration, actor: User) -> None:
    """Within a transaction. Raises Conflict when the registration was changed while the provider thought."""
    account, connection = _get(account_id)
    if oauth.registration(connection, account) != asked:  # tokens belong to what they were asked for
        raise Conflict("The registration was changed meanwhile. Please connect again.")
    oauth.write(connection, oauth.stored(tokens) | oauth.FREE | {"connected_at": utcnow()})
    use(account, SignIn.OAUTH2)
    events.record("account.connected", actor=actor, account_id=account_id, provider=connection.provider.value)


def use(account: EmailAccount, method: SignIn) -> None:
    """Within a transaction: sign in this way from now on, and try at once what was failing.

    Sending follows where it has the same login as receiving; else it keeps its own user and password.
    """
    has_same_login = account.outgoing_username in {"", account.incoming_username or account.email}
    account.incoming_sign_in = method
    account.outgoing_sign_in = method if has_same_login else SignIn.PASSWORD
    account.consecutive_failures, account.fetch_again_at = 0, None
    account.is_fetch_wanted = True
    wake_after_commit("fetch_account", account.id)
    queue.try_now(account.id)


def forget(account: EmailAccount, *, actor: User) -> None:
    """Within a transaction: throw the permission away and sign in by password again. The provider keeps its own list."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    connection = oauth.find(account.id)
    if connection is not None:
        oauth.write(connection, oauth.NO_TOKENS)
    use(account, SignIn.PASSWORD)
    events.record("account.disconnected", actor=actor, account_id=account.id)
