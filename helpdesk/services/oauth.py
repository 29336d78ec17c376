"""Access tokens for the accounts that sign in by OAuth 2: kept while they are valid, renewed by one worker at a time.

1. A token that is valid for some minutes more is used as it is.
2. Otherwise one worker takes the lease and asks the provider, with no transaction open; the others wait for what he
   gets. Some providers give a new refresh token each time and take back the whole permission when an old one is used
   twice, so what came is committed at once and no two ask.
3. A permission that was withdrawn is noted, and the provider is not asked again until a person has connected anew.

Tokens go to the provider and to the mail servers they were given for, and nowhere else: see `require_known_host`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from flask import current_app
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import OperationalError

from helpdesk.database import claim, db, end_read, transaction, utcnow
from helpdesk.errors import TransientError
from helpdesk.models import EmailAccount, OAuthConnection
from helpdesk.models.mail import SignIn
from helpdesk.policy.addresses import INTERNET_ONLY
from helpdesk.policy.oauth import ANY_TENANT, PRESETS, read_place
from helpdesk.services import keys
from helpdesk.services.lease import is_over
from helpdesk.services.reach import reachable_networks
from helpdesk.transports import oauth
from helpdesk.transports.base import LoginRefused, ServerAddress, UnusableServer
from helpdesk.transports.oauth import PermissionWithdrawn, Registration, Tokens

logger = logging.getLogger(__name__)
T = TypeVar("T")
SPARE = timedelta(minutes=5)  # longer than a run of fetching or sending lasts
LEASE_S = 90  # longer than the provider may think
WAIT_S = 0.2
PAUSES_S = (0.2, 1.0, 3.0, 10.0, 20.0)  # within the lease: the disk is full, or the database is busy


def find(account_id: int) -> OAuthConnection | None:
    return db.session.scalar(
        select(OAuthConnection)
        .where(OAuthConnection.account_id == account_id)
        .execution_options(populate_existing=True)
    )


def is_connected(account_id: int) -> bool:
    """Whether a permission is there that its provider has not withdrawn."""
    connection = find(account_id)
    return connection is not None and bool(connection.refresh_token) and connection.refused_at is None


def provider_name(connection: OAuthConnection) -> str:
    """How people call the provider; another one by its host."""
    preset = PRESETS.get(connection.provider)
    return preset.name if preset else read_place(connection.token_url).host


def redirect_uri() -> str:
    """Where a provider sends people back to; they register it there."""
    return f"{current_app.config['SITE_URL'].rstrip('/')}/admin/accounts/oauth/callback"


def registration(connection: OAuthConnection, account: EmailAccount) -> Registration:
    """The desk as the provider knows it. A preset's addresses are fixed; another's may be where mail servers may be."""
    preset = PRESETS.get(connection.provider)
    tenant = connection.tenant or ANY_TENANT
    return Registration(
        name=provider_name(connection),
        authorize_url=preset.authorize_url.format(tenant=tenant) if preset else connection.authorize_url,
        token_url=preset.token_url.format(tenant=tenant) if preset else connection.token_url,
        client_id=connection.client_id,
        client_secret=keys.decrypt(connection.client_secret),
        scopes=preset.scopes if preset else connection.scopes,
        redirect_uri=redirect_uri(),
        networks=INTERNET_ONLY if preset else reachable_networks(account),
        ca_file=None if preset else account.incoming_ca_file or None,
    )


def require_known_host(connection: OAuthConnection, account_id: int, host: str) -> None:
    """Raises UnusableServer where a token does not belong: an account's server may be changed by more people than
    may read a mailbox.
    """
    preset = PRESETS.get(connection.provider)
    known = preset.hosts if preset else _stored_hosts(account_id)
    if host.strip().rstrip(".").lower() not in known:
        raise UnusableServer(
            "The permission of %(provider)s is not for the server %(host)s.",
            provider=provider_name(connection),
            host=host,
        )


def _stored_hosts(account_id: int) -> set[str]:
    hosts = select(EmailAccount.incoming_host, EmailAccount.outgoing_host).where(
        EmailAccount.id == account_id
    )
    return {host.strip().rstrip(".").lower() for host in db.session.execute(hosts).one()}


def access_token(account: EmailAccount, host: str, *, refused: str = "") -> str:
    """A token that opens the account's mailbox on `host` for some minutes at least; not the one that was `refused`.

    Ends the read it makes and opens transactions of its own. Raises UnusableServer when a person must connect the
    account (again), TransientError when the provider is away.
    """
    secret = keys.new_token()
    ends_at = time.monotonic() + LEASE_S
    while time.monotonic() < ends_at:
        connection = _usable(account.id)
        require_known_host(connection, account.id, host)
        if known := _known(connection, refused):
            end_read()
            return known
        asked, refresh_token = registration(connection, account), connection.refresh_token
        seen = connection.access_token
        end_read()
        if _take(account.id, secret, seen):
            return _renew(account.id, asked, refresh_token, secret)
        time.sleep(WAIT_S)
    raise TransientError("Another worker waits for the permission to be renewed.")


def _usable(account_id: int) -> OAuthConnection:
    connection = find(account_id)
    if connection is None or not connection.refresh_token:
        end_read()
        raise UnusableServer("This account is not connected with its provider yet: connect it on its page.")
    if connection.refused_at is not None:
        raise PermissionWithdrawn(
            "%(provider)s has withdrawn the permission: connect it again.", provider=provider_name(connection)
        )
    return connection


def _known(connection: OAuthConnection, refused: str) -> str:
    """The stored token, "" when it is refused or ends too soon."""
    if not connection.access_token or connection.expires_at is None:
        return ""
    left = connection.expires_at - utcnow()
    # more than a token ever lives was written before a clock was set back
    longest = timedelta(seconds=oauth.LONGEST_LIFE_S)
    token = keys.decrypt(connection.access_token)
    return token if SPARE < left <= longest and token != refused else ""


def _take(account_id: int, secret: str, seen: str) -> bool:
    """Take the lease, unless somebody has it, or has renewed what was `seen`: the refresh token may be burnt since."""
    end = OAuthConnection.renewal_until
    with transaction():
        return claim(
            OAuthConnection,
            OAuthConnection.account_id == account_id,
            OAuthConnection.access_token == seen,
            or_(end.is_(None), is_over(end, utcnow())),
            renewal=secret,
            renewal_until=utcnow() + timedelta(seconds=LEASE_S),
        )


def _renew(account_id: int, asked: Registration, refresh_token: str, secret: str) -> str:
    """Ask the provider and keep what it gives, unless somebody has connected the account anew meanwhile."""
    is_mine = (
        OAuthConnection.account_id == account_id,
        OAuthConnection.renewal == secret,
        OAuthConnection.refresh_token == refresh_token,
    )
    try:
        tokens = oauth.renew(asked, keys.decrypt(refresh_token))
    except PermissionWithdrawn:
        logger.warning("account=%s the permission was withdrawn", account_id)
        with transaction():
            claim(OAuthConnection, *is_mine, refused_at=utcnow(), **FREE)
        raise
    except BaseException:
        with transaction():
            claim(OAuthConnection, *is_mine, **FREE)
        raise
    _keep(account_id, is_mine, stored(tokens) | FREE)
    logger.info("account=%s permission renewed, is_rotated=%s", account_id, bool(tokens.refresh))
    return tokens.access


def _keep(account_id: int, is_mine: Sequence[ColumnElement[bool]], values: Mapping[str, object]) -> None:
    """Write down what came, again and again if need be: the refresh token before it may be worth nothing now."""
    for pause_s in (*PAUSES_S, None):
        try:
            with transaction():
                claim(OAuthConnection, *is_mine, **values)
            return
        except OperationalError as error:
            if pause_s is None:
                raise
            logger.error("account=%s the renewed permission is not kept yet", account_id, exc_info=error)
            time.sleep(pause_s)


FREE: dict[str, object] = {"renewal": None, "renewal_until": None}
NO_TOKENS: dict[str, object] = FREE | {
    "refresh_token": "", "access_token": "", "expires_at": None, "connected_at": None, "refused_at": None,
    "state_hash": "", "code_verifier": "", "state_until": None,
}  # fmt: skip


def write(connection: OAuthConnection, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(connection, name, value)


def stored(tokens: Tokens) -> dict[str, object]:
    """The columns that keep what a provider gave; a refresh token only when there is a new one."""
    values: dict[str, object] = {
        "access_token": keys.encrypt(tokens.access),
        "expires_at": utcnow() + timedelta(seconds=tokens.life_s),
        "refused_at": None,
    }
    return values | ({"refresh_token": keys.encrypt(tokens.refresh)} if tokens.refresh else {})


def signed_in(
    account: EmailAccount, method: SignIn, server: ServerAddress, connect: Callable[[ServerAddress], T]
) -> T:
    """What `connect` returns for the server, with a token where the account signs in by OAuth 2.

    A token may end early, or be taken back when a person changes his password: one that is refused is renewed once.
    Not inside a transaction. Raises what `connect` does, and as `access_token`.
    """
    if method is not SignIn.OAUTH2:
        return connect(server)
    token = access_token(account, server.host)
    try:
        return connect(replace(server, password=token, has_token=True))
    except LoginRefused:
        logger.info("account=%s token refused, renewing it", account.id)
        renewed = access_token(account, server.host, refused=token)
        return connect(replace(server, password=renewed, has_token=True))


def forget_if_moved(account: EmailAccount, hosts_before: tuple[str, str]) -> None:
    """Within a transaction: a permission given for certain servers is not carried to others; a preset names its own."""
    connection = find(account.id)
    is_moved = hosts_before != (account.incoming_host, account.outgoing_host)
    if connection is not None and is_moved and connection.provider not in PRESETS:
        write(connection, NO_TOKENS)
