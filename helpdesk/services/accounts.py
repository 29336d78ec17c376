"""Mail accounts: made in the browser or described by the environment, tested, and turned into connections."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flask import current_app
from sqlalchemy import select

from helpdesk.database import db, utcnow
from helpdesk.errors import InvalidInput, NotFound, TransportError
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import EmailAccount, Grant, User
from helpdesk.models.mail import AccountKind, SignIn
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Role
from helpdesk.queue import wake_after_commit
from helpdesk.services import access, events, fetch_moved, glance, keys, oauth
from helpdesk.services.glance import AccountLine
from helpdesk.services.outbox import queue
from helpdesk.services.reach import reachable_networks
from helpdesk.transports.base import Maildrop, Security, Sender, ServerAddress, Source, UnusableServer
from helpdesk.transports.connect import look_inside, open_sender, open_source

T = TypeVar("T")
LOCAL_PROTOCOLS = {"maildir", "file", "console", "dummy"}
PRACTICE_ADDRESS = "support@practice.example"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What trying an account's servers gave: what is wrong with each, and the servers' own words.

    `first_look`: how many mails a new account would begin with.
    """

    __test__ = False

    incoming: TransportError | None
    outgoing: TransportError | None
    detail: str = ""
    first_look: int | None = None

    @property
    def incoming_ok(self) -> bool:
        return self.incoming is None

    @property
    def outgoing_ok(self) -> bool:
        return self.outgoing is None


def incoming_server(account: EmailAccount) -> ServerAddress:
    return ServerAddress(
        host=account.incoming_host,
        port=account.incoming_port,
        username=account.incoming_username or account.email,
        password=keys.decrypt(account.incoming_password),
        security=Security(account.incoming_security),
        ca_file=account.incoming_ca_file or None,
        allow_plaintext=account.incoming_allow_plaintext,
        networks=reachable_networks(account),
    )


def outgoing_server(account: EmailAccount) -> ServerAddress:
    return ServerAddress(
        host=account.outgoing_host,
        port=account.outgoing_port,
        username=account.outgoing_username
        or (account.email if account.outgoing_sign_in is SignIn.OAUTH2 else ""),
        password=keys.decrypt(account.outgoing_password),
        security=Security(account.outgoing_security),
        ca_file=account.outgoing_ca_file or None,
        allow_plaintext=account.outgoing_allow_plaintext,
        networks=reachable_networks(account),
    )


def practice_path(account: EmailAccount) -> Path:
    return Path(current_app.config["INSTANCE_PATH"]) / "practice" / str(account.id)


def drop_path(account: EmailAccount) -> Path:
    """Where the account's mail is written when it goes into files: a folder of its own, named by its address."""
    config = current_app.config
    folder = Path(config["EMAIL_FILE_PATH"] or Path(config["INSTANCE_PATH"]) / "sent-mail")
    name = re.sub(r"[^A-Za-z0-9@._+-]", "_", account.address).lstrip(".")
    return Path(config["INSTANCE_PATH"]) / folder / name


def refuse_in_demo(*protocols: str) -> None:
    """A demo never reaches a mail server, whatever its accounts say. Raises UnusableServer."""
    if current_app.config["DEMO"] and not set(protocols) <= LOCAL_PROTOCOLS:
        raise UnusableServer(_demo().template)


def _demo() -> InvalidInput:
    return InvalidInput(
        "This is the demo: it is never connected to a mail server. Start a desk of your own: make run"
    )


def source_of(account: EmailAccount) -> Source | Maildrop:
    """A connection for fetching. Raises TransientError or PermanentError."""
    refuse_in_demo(account.incoming_protocol)
    path = practice_path(account) / "in"
    return with_incoming(account, lambda server: open_source(account.incoming_protocol, server, path))


def with_incoming(account: EmailAccount, connect: Callable[[ServerAddress], T]) -> T:
    """What `connect` returns for the server mail is fetched from. Not inside a transaction."""
    return oauth.signed_in(account, account.incoming_sign_in, incoming_server(account), connect)


def outgoing_protocol(account: EmailAccount | AccountLine) -> str:
    """EMAIL_BACKEND wins over the account's own way out."""
    return str(current_app.config["EMAIL_BACKEND"] or account.outgoing_protocol)


def diverted_to() -> str:
    """Where EMAIL_BACKEND has every mail go instead of to its readers: `console`, `file`, `dummy`; "" for nowhere else."""
    backend = str(current_app.config["EMAIL_BACKEND"] or "")
    return backend if backend in {"console", "file", "dummy"} else ""


def sender_of(account: EmailAccount) -> Sender:
    """A connection for sending. Raises TransientError or PermanentError."""
    refuse_in_demo(outgoing_protocol(account))
    protocol = outgoing_protocol(account)
    path = drop_path(account) if protocol == "file" else practice_path(account) / "out"
    method = account.outgoing_sign_in if protocol == "smtp" else SignIn.PASSWORD
    return oauth.signed_in(
        account, method, outgoing_server(account), lambda server: open_sender(protocol, server, path)
    )


def test_connection(account: EmailAccount) -> TestResult:
    """Try both directions; never raises for a server's fault. Slow: not inside a transaction."""
    incoming, outgoing = try_incoming(account), try_outgoing(account)
    details = [error.detail for error in (incoming, outgoing) if error is not None]
    return TestResult(incoming, outgoing, "\n".join(filter(None, details)))


def try_incoming(account: EmailAccount) -> TransportError | None:
    """Sign in and open every folder; what is wrong, None when all is well."""
    try:
        source = source_of(account)
        try:
            look_inside(source, account.folders)
        finally:
            source.close()
    except TransportError as error:
        return error
    return None


def folders_of(account: EmailAccount) -> list[str]:
    """The server's folders, for a person to choose from; none where there are none to choose. Raises TransportError."""
    source = source_of(account)
    try:
        return [] if isinstance(source, Maildrop) else source.folders()
    finally:
        source.close()


def try_outgoing(account: EmailAccount) -> TransportError | None:
    """Sign in to the server mail is sent through; returns as `try_incoming`."""
    try:
        sender_of(account).close()
    except TransportError as error:
        return error
    return None


def all_accounts() -> list[EmailAccount]:
    return list(db.session.scalars(select(EmailAccount).order_by(EmailAccount.id)))


def find(address: str) -> EmailAccount | None:
    return db.session.scalar(select(EmailAccount).where(EmailAccount.address == normalise_address(address)))


def get(account_id: int) -> EmailAccount:
    """Raises NotFound."""
    account = db.session.get(EmailAccount, account_id)
    if account is None:
        raise NotFound("There is no such mail account.")
    return account


def sender_address(account: EmailAccount) -> str:
    """The address the account's mails come from."""
    return account.from_email or account.email


def own_addresses() -> set[str]:
    """Every address of the desk, normalised."""
    lines = glance.accounts()
    senders = {normalise_address(line.from_email) for line in lines if line.from_email}
    return {line.address for line in lines} | senders


def create(email: str, *, actor: User | None, **values: object) -> EmailAccount:
    """Add an account; one shared by the team with access for every active agent, another one with none but the admins'.

    How often it is looked at, and how much is taken at once, is what the environment says unless `values` do. Raises
    InvalidInput for a bad or known address. Passwords come in plain (`incoming_password`, `outgoing_password`) and are encrypted here.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not is_address(email):
        raise InvalidInput("“%(email)s” is not an e-mail address.", field="email", email=email[:100])
    if find(email) is not None:
        raise InvalidInput("There is already an account with this address.", field="email")
    now = utcnow()
    account = EmailAccount(
        email=email.strip(), address=normalise_address(email), name=str(values.pop("name", "") or email.strip()),
        start_at=now, created_at=now,
    )  # fmt: skip
    _fill(account, {**_paces(), **values})
    db.session.add(account)
    db.session.flush()
    if account.kind is AccountKind.SHARED:
        _let_everybody_in(account)
    events.record("account.created", actor=actor, account_id=account.id)
    return account


def _paces() -> dict[str, object]:
    config = current_app.config
    return {
        "poll_frequency_s": config["EMAIL_TO_TICKET_CHECK_INTERVAL"],
        "max_mails_per_poll": config["EMAIL_MAX_EMAILS_PER_POLL"],
    }


def _let_everybody_in(account: EmailAccount) -> None:
    agents = select(User.id).where(User.role == Role.AGENT, User.is_active)
    for agent_id in db.session.scalars(agents).all():
        db.session.add(Grant(user_id=agent_id, account_id=account.id, created_at=account.created_at))


def update(account: EmailAccount, *, actor: User | None, **values: object) -> None:
    """Change settings; a password left out or empty stays. What was failing is tried again at once."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    for name in ("incoming_password", "outgoing_password"):
        if not values.get(name):
            values.pop(name, None)
    hosts_before = (account.incoming_host, account.outgoing_host)
    mailbox_before = fetch_moved.mailbox_of(account)
    _fill(account, values)
    oauth.forget_if_moved(account, hosts_before)
    fetch_moved.look_anew_if_moved(account, mailbox_before)
    account.consecutive_failures = 0
    account.fetch_again_at = None
    queue.try_now(account.id)
    events.record("account.changed", actor=actor, account_id=account.id, fields=sorted(values))


def require_passwords(account: EmailAccount, typed: Mapping[str, object], *, same_login: bool) -> None:
    """A stored password goes to the server it was typed for and to no other: else whoever may change an account could
    have it sent to himself. `typed` are the columns without what is stored. Raises InvalidInput.
    """
    incoming, outgoing = (_host(typed[f"{way}_host"]) for way in ("incoming", "outgoing"))
    known, known_outgoing = _host(account.incoming_host), _host(account.outgoing_host)
    sentence = "This is another server than before. Please type the password again."
    if account.incoming_password and not typed["incoming_password"]:
        had_same_login = account.outgoing_username == (account.incoming_username or account.email)
        is_known = outgoing == known or (had_same_login and outgoing == known_outgoing)
        if incoming != known or (same_login and not is_known):
            raise InvalidInput(sentence, field="incoming_password")
    is_stored = account.outgoing_password and not typed["outgoing_password"] and not same_login
    if is_stored and outgoing != known_outgoing:
        raise InvalidInput(sentence, field="outgoing_password")


def _host(text: object) -> str:
    return str(text or "").strip().rstrip(".").lower()


def _fill(account: EmailAccount, values: dict[str, object]) -> None:
    """No line break of a form may ever reach a command to a server. Raises InvalidInput."""
    for name, value in values.items():
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for text in texts for letter in text):
            raise InvalidInput("Line breaks and control characters cannot be used here.", field=name)
        setattr(account, name, keys.encrypt(str(value)) if name.endswith("_password") else value)
    protocols = {account.incoming_protocol or "imap", account.outgoing_protocol or "smtp"}
    if current_app.config["DEMO"] and not protocols <= LOCAL_PROTOCOLS:
        raise _demo()


def draft(email: str, stored: EmailAccount | None, **values: object) -> EmailAccount:
    """An account that is never saved, to test what was typed; what was left empty is as in `stored`."""
    account = EmailAccount(email=email.strip())
    for column in EmailAccount.__table__.columns:  # its id, too: by that a provider's permission is found
        if stored is not None:
            setattr(account, column.name, getattr(stored, column.name))
        elif column.default is not None and column.default.is_scalar:
            setattr(account, column.name, column.default.arg)
    _fill(account, {name: value for name, value in values.items() if value or not name.endswith("_password")})
    return account


def draft_of(account: EmailAccount) -> EmailAccount:
    """A copy that is never saved, for use without an open transaction."""
    return draft(account.email, account)


def fetch_soon(account: EmailAccount, *, actor: User | None) -> None:
    """Within a transaction: let a worker look at the account now, whatever it waited for."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    account.fetch_again_at = None
    account.is_fetch_wanted = True
    events.record("account.fetch_asked", actor=actor, account_id=account.id)
    wake_after_commit("fetch_account", account.id)


def create_practice(*, actor: User | None) -> EmailAccount:
    """The account of a desk without a mail server: mails are files under INSTANCE_PATH/practice."""
    known = find(PRACTICE_ADDRESS)
    if known is not None:
        return known
    values = {"incoming_protocol": "maildir", "outgoing_protocol": "maildir", "incoming_folder": "INBOX"}
    return create(PRACTICE_ADDRESS, actor=actor, name="Practice mailbox", **values)
