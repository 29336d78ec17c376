"""When an account's mail lies in another mailbox than before: numbers and names of the old one say nothing there.

A number of the new mailbox may be one that was taken from the old: its mail would be passed over, or, worse, deleted or
moved for the other's sake. So the next look begins as after a new numbering: at the account's start, and claims catch
what was taken before. A fetch that is going on loses its lease, so that it writes nothing of the old mailbox any more.
"""

from __future__ import annotations

from sqlalchemy import update

from helpdesk.database import db
from helpdesk.models import EmailAccount, FetchCursor

MOVED = -1  # in the place of UIDVALIDITY, which is never below 1


def mailbox_of(account: EmailAccount) -> tuple[str, str]:
    """What tells one mailbox from another; by which protocol it is read does not."""
    return account.incoming_host.strip().rstrip(".").lower(), account.incoming_username or account.email


def look_anew_if_moved(account: EmailAccount, before: tuple[str, str]) -> None:
    """Within a transaction, after the account's settings were written."""
    if mailbox_of(account) == before:
        return
    account.fetch_lease = account.fetch_lease_until = None
    here = update(FetchCursor).where(FetchCursor.account_id == account.id)
    db.session.execute(here.values(uidvalidity=MOVED, pending_uids=[], owed={}, owed_tries=0))
