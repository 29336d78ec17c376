"""What a job runs: one call of a service each, then a wake-up for whatever its time did not suffice for.

Every task may run twice, at once, or not at all: the services claim rows in the database, and the sweep finds what
was forgotten. The worker provides the application context.
"""

from __future__ import annotations

import time

import helpdesk.services.fetch as fetching
import helpdesk.services.ingest.process as ingest
import helpdesk.services.outbox.deliver as outbox
import helpdesk.services.sweep as sweeping
from helpdesk.database import transaction
from helpdesk.jobs.budget import deadline, should_stop
from helpdesk.queue import wake
from helpdesk.services import (
    accounts,
    alarms,
    autoclose,
    digests,
    mailing,
    overdue,
    retention,
    scheduled_delivery,
)


def fetch_account(account_id: int) -> None:
    """Take an account's new mail from its server."""
    if fetching.fetch_account(account_id, should_stop=should_stop, deadline=deadline()):
        wake("fetch_account", account_id)


def process_incoming() -> None:
    """Make tickets and comments of the mail that was taken."""
    if ingest.drain(should_stop=should_stop, deadline=deadline()):
        wake("process_incoming")


def send_account(account_id: int) -> None:
    """Deliver what an account has to send."""
    if outbox.drain(account_id, should_stop=should_stop, deadline=deadline()):
        wake("send_account", account_id)


def deliver_reply(reply_id: int) -> None:
    """Let an answer whose undo time has ended become a comment and a mail."""
    scheduled_delivery.deliver(reply_id)


def fetch_due() -> None:
    """Wake the fetching of every account whose time has come."""
    for account_id in fetching.due_accounts():
        wake("fetch_account", account_id)


def sweep() -> None:
    """Wake whatever a lost job, a dead worker or an empty Redis forgot."""
    for task, ids in sweeping.sweep():
        wake(task, *ids)


def check_alarms() -> None:
    """Tell the admins of accounts whose fetching has stalled, or works again."""
    alarms.check()


def tell_overdue() -> None:
    """Tell of the due dates that have passed; those the time does not suffice for are told by the next run."""
    until = deadline()
    overdue.tell(should_stop=lambda: should_stop() or time.monotonic() >= until)


def send_digests() -> None:
    """Queue the digests whose turn has come; those the time does not suffice for are queued by the next run."""
    until = deadline()
    digests.send(should_stop=lambda: should_stop() or time.monotonic() >= until)


def close_resolved() -> None:
    """Close what was resolved long enough ago; what the time does not suffice for waits an hour."""
    until = deadline()
    autoclose.close_resolved(should_stop=lambda: should_stop() or time.monotonic() >= until)


def clean_up() -> None:
    """Clear away what is old; what the time does not suffice for goes the next day."""
    until = deadline()
    retention.clean_up(should_stop=lambda: should_stop() or time.monotonic() >= until)


def send_email_task(
    account_id: int, to_emails: list[str], subject: str, plain_body: str, html_body: str = ""
) -> int:
    """Queue a mail for code that has no transaction of its own, and return the number of its row.

    No job of the queue: its words stand in the database before it returns, and a worker sends them.
    """
    with transaction():
        account = accounts.get(account_id)
        return mailing.send_email(account, to_emails, subject, plain_body, html_body).id
