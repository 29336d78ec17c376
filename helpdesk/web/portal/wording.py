"""Where a ticket stands and what happens next, in words for the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import format_date
from flask_babel import gettext as _

from helpdesk.models import Ticket
from helpdesk.policy.status import Status, is_closed_for_good


@dataclass(frozen=True, slots=True)
class Standing:
    """A headline, and what follows. `tone` is that of a notice."""

    tone: str
    icon: str
    title: str
    text: str


def standing_of(ticket: Ticket, *, is_answered: bool, close_days: int, now: datetime) -> Standing:
    """`is_answered`: the last word on the page is the team's. `close_days`: how long a resolved ticket waits for more
    words before it is closed by itself, 0 for ever.
    """
    match ticket.status:
        case Status.NEW:
            return Standing(
                "info", "mail", _("Your message has arrived"), _("We answer by mail and on this page.")
            )
        case Status.OPEN | Status.IN_PROGRESS:
            text = _("You need not do anything. We answer by mail and on this page.")
            return Standing("info", "clock", _("We are working on it"), text)
        case Status.PENDING:
            text = _("Please read our answer and tell us whether it helped, or what is still missing.")
            return Standing(
                "warn",
                "reply",
                _("We are waiting for you"),
                text if is_answered else _("Please write to us below."),
            )
        case Status.RESOLVED:
            return Standing("good", "check-circle", _("Resolved"), _until_closing(ticket, close_days, now))
        case Status.CLOSED:
            return Standing("good", "check-circle", _("Closed"), _after_closing(ticket, now))


def _until_closing(ticket: Ticket, close_days: int, now: datetime) -> str:
    text = _("We think this is done. If it is not, say so below and we take it up again.")
    closes_at = (ticket.resolved_at or now) + timedelta(days=close_days)
    if close_days <= 0 or closes_at <= now:
        return text
    return f"{text} {_('Otherwise it is closed on %(day)s.', day=format_date(closes_at, 'long'))}"


def _after_closing(ticket: Ticket, now: datetime) -> str:
    days = ticket.account.reopen_days
    if is_closed_for_good(ticket.status, ticket.closed_at, days, now=now):
        return _(
            "This ticket was closed a while ago. If you write below, a new ticket opens that follows it."
        )
    until = (ticket.closed_at or now) + timedelta(days=days)
    return _("Until %(day)s you can open it again if something is left.", day=format_date(until, "long"))
