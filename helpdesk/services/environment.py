"""The first mail account, as the environment describes it: one row with `source=env`, brought up to date at start."""

from __future__ import annotations

import logging
from email.utils import parseaddr

from flask import current_app
from sqlalchemy import select

from helpdesk.database import db, transaction
from helpdesk.errors import ConfigError
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import EmailAccount
from helpdesk.models.mail import AfterTaking
from helpdesk.policy.addresses import is_loopback
from helpdesk.services import accounts, keys
from helpdesk.transports.base import Security

logger = logging.getLogger(__name__)


def _security(host: str, *, tls_at_once: bool, encrypted: bool, allow_plaintext: bool) -> Security:
    """`encrypted=False` still means STARTTLS, unless the server is this machine or plain text was allowed."""
    if tls_at_once:
        return Security.TLS
    if not encrypted and (allow_plaintext or is_loopback(host)):
        return Security.PLAIN
    return Security.STARTTLS


def described_account() -> dict[str, object] | None:
    """The account's columns as the environment describes them, None when it names no server. Raises ConfigError."""
    config = current_app.config
    email = config["SUPPORT_EMAIL"] or config["IMAP_USERNAME"] or ""
    if not (config["IMAP_HOST"] or config["SMTP_HOST"]):
        return None
    if not is_address(email):
        raise ConfigError("SUPPORT_EMAIL: please set it to the address of the mail account.")
    if config["IMAP_TAKEN_MAIL"] == AfterTaking.MOVE and not config["IMAP_MOVE_TO"]:
        raise ConfigError("IMAP_MOVE_TO: please name the folder that taken mail is moved to.")
    from_name, from_email = parseaddr(config["SMTP_FROM"] or "")
    return {
        "email": email,
        "from_name": from_name,
        "from_email": from_email if normalise_address(from_email) != normalise_address(email) else "",
        "is_fetching": bool(config["EMAIL_TO_TICKET_ENABLED"] and config["IMAP_HOST"]),
        "poll_frequency_s": config["EMAIL_TO_TICKET_CHECK_INTERVAL"],
        "max_mails_per_poll": config["EMAIL_MAX_EMAILS_PER_POLL"],
        **_incoming(),
        **_outgoing(),
    }


def _incoming() -> dict[str, object]:
    config = current_app.config
    host = config["IMAP_HOST"] or ""
    security = _security(
        host,
        tls_at_once=config["IMAP_USE_SSL"],
        encrypted=config["IMAP_USE_SSL"],
        allow_plaintext=config["IMAP_ALLOW_PLAINTEXT"],
    )
    return {
        "incoming_protocol": "imap",
        "incoming_host": host,
        "incoming_port": config["IMAP_PORT"] or (993 if security is Security.TLS else 143),
        "incoming_security": security.value,
        "incoming_username": config["IMAP_USERNAME"] or "",
        "incoming_password": config["IMAP_PASSWORD"] or "",
        "incoming_folder": config["IMAP_FOLDER"],
        "after_taking": AfterTaking(config["IMAP_TAKEN_MAIL"]),
        "move_to_folder": config["IMAP_MOVE_TO"] or "",
        "incoming_ca_file": config["IMAP_CA_FILE"] or "",
        "incoming_allow_plaintext": config["IMAP_ALLOW_PLAINTEXT"],
    }


def _outgoing() -> dict[str, object]:
    config = current_app.config
    host, port = config["SMTP_HOST"] or "", config["SMTP_PORT"]
    security = _security(
        host,
        tls_at_once=port == 465,
        encrypted=config["SMTP_USE_TLS"],
        allow_plaintext=config["SMTP_ALLOW_PLAINTEXT"],
    )
    return {
        "outgoing_protocol": "smtp" if host else "maildir",
        "outgoing_host": host,
        "outgoing_port": port,
        "outgoing_security": security.value,
        "outgoing_username": config["SMTP_USERNAME"] or "",
        "outgoing_password": config["SMTP_PASSWORD"] or "",
        "outgoing_ca_file": config["SMTP_CA_FILE"] or "",
        "outgoing_allow_plaintext": config["SMTP_ALLOW_PLAINTEXT"],
    }


def sync_account() -> None:
    """Bring the row of the environment's account up to date; opens its own transaction, only when something differs.

    Without a description any more the row stays with its tickets, but nothing is fetched. Raises ConfigError.
    """
    wanted = described_account()
    row = db.session.scalar(select(EmailAccount).where(EmailAccount.source == "env"))
    if wanted is None:
        if row is not None and row.is_fetching:
            with transaction():
                row.is_fetching = False
        return
    row = row or accounts.find(str(wanted["email"]))
    if row is not None and row.source == "env" and not _differences(row, wanted):
        return
    with transaction():
        if row is None:
            row = accounts.create(str(wanted["email"]), actor=None, source="env", **_without_email(wanted))
        else:
            changed = {name: wanted[name] for name in _differences(row, wanted)}
            row.email, row.address = str(wanted["email"]), normalise_address(str(wanted["email"]))
            accounts.update(row, actor=None, source="env", **_without_email(changed))
    logger.info("account=%s brought up to date from the environment", row.id)


def _without_email(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != "email"}


def _differences(row: EmailAccount, wanted: dict[str, object]) -> list[str]:
    stored = {name: getattr(row, name) for name in wanted}
    for name in ("incoming_password", "outgoing_password"):
        stored[name] = keys.decrypt(stored[name])
    return [name for name, value in wanted.items() if stored[name] != value]
