"""One fetch per account at a time."""

from __future__ import annotations

from helpdesk.database import utcnow
from helpdesk.services.lease import AccountLease


class LeaseLost(Exception):
    """Another fetch has taken the account: this one was away for longer than its lease."""


class FetchLease(AccountLease):
    """The right to fetch for one account."""

    column = "fetch_lease"
    longest_s = 10 * 60  # one batch

    def take(self, **values: object) -> bool:
        return super().take(last_fetch_at=utcnow(), **values)

    def hold(self) -> None:
        """Within a transaction: make the lease last. Raises LeaseLost when it is no longer ours."""
        if not self.renew():
            raise LeaseLost
