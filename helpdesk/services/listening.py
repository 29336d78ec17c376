"""Who is listened to, and what follows when a server tells of new mail: the account's fetch is woken.

The wish to fetch is written down first, so that it is not lost with Redis, nor because a fetch is going on just then:
see `fetch.want`. A polled account is a whole account: everything here only makes it faster.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from helpdesk.database import db, end_read, transaction
from helpdesk.errors import NotFound
from helpdesk.models import EmailAccount
from helpdesk.queue import wake, wake_after_commit
from helpdesk.services import accounts, fetch
from helpdesk.transports.imap_idle import RENEW_S, CannotIdle, IdleConnection

logger = logging.getLogger(__name__)
GAP_S = 1.0  # between two wake-ups of an account; the last of many mails waits no longer than this
LOOK_S = 2.0  # how long one wait lasts, and so the end of a listener

__all__ = ["CannotIdle", "Target", "listen", "targets"]


@dataclass(frozen=True, slots=True)
class Target:
    """An account to listen to. `key` changes with what a connection is made from.

    `is_failing`: fetching leaves its server alone for a while, so nobody else bothers it either. `succeeded_at` is when
    fetching last went well.
    """

    account_id: int
    key: tuple[str, ...]
    is_failing: bool
    succeeded_at: datetime | None


def targets() -> list[Target]:
    """The accounts whose servers may tell of new mail by themselves; ends the read it makes."""
    if current_app.config["DEMO"]:
        return []
    found = [_target(account) for account in fetch.accounts_to_fetch() if _may_tell(account)]
    end_read()
    return found


def _may_tell(account: EmailAccount) -> bool:
    return account.incoming_protocol == "imap" and bool(account.incoming_host)


def _target(account: EmailAccount) -> Target:
    key = (
        account.incoming_host, account.incoming_port, account.incoming_security, account.incoming_sign_in,
        account.incoming_username, account.incoming_password, account.incoming_folder, account.incoming_ca_file,
    )  # fmt: skip
    is_failing = account.consecutive_failures > 0
    return Target(account.id, tuple(map(str, key)), is_failing, account.last_success_at)


def listen(
    account_id: int,
    *,
    should_stop: Callable[[], bool],
    on_ready: Callable[[], None],
    renew_s: float = RENEW_S,
) -> None:
    """Wake the account's fetch for what is there now and whenever mail comes, until `should_stop`.

    Never returns otherwise: raises TransportError when the connection ends, CannotIdle, NotFound. No transaction is
    open while it waits.
    """
    connection = _connect(account_id, renew_s)
    try:
        on_ready()
        _wake(account_id)
        woken_at, is_wanted = time.monotonic(), False
        while not should_stop():
            rest_s = max(woken_at + GAP_S - time.monotonic(), 0.0)
            is_wanted |= connection.wait(rest_s if is_wanted else LOOK_S)
            if is_wanted and time.monotonic() >= woken_at + GAP_S:
                _wake(account_id)
                woken_at, is_wanted = time.monotonic(), False
    finally:
        connection.leave()


def _connect(account_id: int, renew_s: float) -> IdleConnection:
    account = db.session.get(EmailAccount, account_id, populate_existing=True)
    if account is None:
        raise NotFound("There is no such mail account.")
    db.session.expunge(account)
    end_read()
    return accounts.with_incoming(
        account, lambda server: IdleConnection(server, account.incoming_folder, renew_s=renew_s)
    )


def _wake(account_id: int) -> None:
    try:
        with transaction():
            fetch.want(account_id)
            wake_after_commit("fetch_account", account_id)
    except SQLAlchemyError as error:  # the wish cannot be kept: a worker may find it out by looking
        logger.warning("account=%s the wish to fetch could not be kept: %s", account_id, error)
        wake("fetch_account", account_id)
