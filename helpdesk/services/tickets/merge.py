"""Where the words for a ticket go once it was merged into another."""

from __future__ import annotations

from helpdesk.models import Ticket
from helpdesk.policy.status import Disposition

LONGEST_CHAIN = 50


def merge_target(ticket: Ticket) -> Ticket:
    """The ticket this one was merged into, however often; itself when it was not, or when the chain leads nowhere."""
    target, seen = ticket, {ticket.id}
    while target.disposition is Disposition.MERGED and target.merged_into is not None:
        target = target.merged_into
        if target.id in seen or len(seen) > LONGEST_CHAIN:
            return ticket
        seen.add(target.id)
    return target
