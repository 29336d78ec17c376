"""Sends what is due for one account, over as many connections as it is set to have; `run` is one of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from flask import Flask, current_app

from helpdesk.database import db, end_read, transaction, utcnow
from helpdesk.models import EmailAccount
from helpdesk.queue import wake_at_after_commit
from helpdesk.services.outbox import claims, queue, rates
from helpdesk.services.outbox import lease as leases
from helpdesk.services.outbox.lease import SendLease
from helpdesk.services.outbox.run import LeaseLost, Run
from helpdesk.transports.base import Sender

logger = logging.getLogger(__name__)
retry, cancel = queue.retry, queue.cancel


def drain(
    account_id: int,
    *,
    sender: Sender | None = None,
    should_stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> bool:
    """Send what is due; True when mail that could go now was left (`should_stop`, `deadline` of `time.monotonic`).

    Opens its own transactions. Does nothing while other drains use all of the account's connections. `sender` replaces
    the account's own way out, is used alone, and stays open.
    """
    lease = _take(account_id)
    if lease is None:
        return False
    with nullcontext() if sender is not None else _helped(account_id, should_stop, deadline):
        run = Run(lease, sender, should_stop, deadline)
        may_go_on = _work(run)
    return (may_go_on or run.is_over()) and _is_left(account_id)


def _take(account_id: int) -> SendLease | None:
    with transaction():
        return leases.take_free(account_id)


def _work(run: Run) -> bool:
    """False when the right to do so was lost in the middle, or the server takes no further connection."""
    try:
        with run.lease.kept_alive():
            run.work()
    except LeaseLost:
        logger.warning("account=%s another drain has taken over", run.account_id)
        return False
    finally:
        with transaction():
            run.lease.release()
    return not run.is_one_too_many


def _is_left(account_id: int) -> bool:
    """Asked after the lease is free: who queued a mail just before that was sent away by it."""
    now = utcnow()
    due = None if queue.is_held(account_id) else queue.next_due(account_id, now)
    free_at = None if due is None else rates.free_at(account_id, due.urgency, now)
    end_read()
    if free_at is not None and free_at > now:
        with transaction():
            wake_at_after_commit(free_at, "send_account", account_id)
        return False
    return free_at is not None


# more than one connection


@contextmanager
def _helped(
    account_id: int, should_stop: Callable[[], bool] | None, deadline: float | None
) -> Iterator[None]:
    """Have others work beside the block, each over a connection of its own: as many as are free and have a mail to send.

    They are threads, since all of them wait for one server most of the time: an account with several connections takes
    no other account's worker.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def help_out() -> None:
        with app.app_context():
            try:
                lease = _take(account_id)
                if lease is not None:
                    _work(Run(lease, None, should_stop, deadline))
            except Exception:
                logger.exception("account=%s one of its connections failed", account_id)

    helpers = [threading.Thread(target=help_out) for _ in range(_how_many_more(account_id))]
    for helper in helpers:
        helper.start()
    try:
        yield
    finally:
        for helper in helpers:
            helper.join()


def _how_many_more(account_id: int) -> int:
    account = db.session.get_one(EmailAccount, account_id)
    connections = account.send_connections
    found = claims.count_due(account_id, utcnow(), at_most=connections) if connections > 1 else 0
    end_read()
    return max(min(connections, found) - 1, 0)
