"""What a lost wake-up, a dead worker or an empty Redis forgot: facts read from the database, for a job to act on."""

from __future__ import annotations

from helpdesk.services import fetch, scheduled_delivery
from helpdesk.services.ingest import claims
from helpdesk.services.outbox import queue

Wake = tuple[str, tuple[int, ...]]


def sweep() -> list[Wake]:
    """The tasks that have work now, with their ids. Reads only."""
    wakes: list[Wake] = [("process_incoming", ())] if claims.is_waiting() else []
    wakes += [("deliver_reply", (reply_id,)) for reply_id in scheduled_delivery.due()]
    wakes += [("send_account", (account_id,)) for account_id in queue.accounts_due()]
    wakes += [("fetch_account", (account_id,)) for account_id in fetch.due_accounts()]
    return wakes
