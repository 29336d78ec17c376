"""Whom of the team a note names, and who of them cannot be told because he has no access to the ticket's account."""

from __future__ import annotations

from collections.abc import Collection

from helpdesk.models import Ticket, User
from helpdesk.policy.inbox import mentioned
from helpdesk.services import people


def among(team: Collection[User], text: str) -> list[User]:
    """Those of `team` a note names."""
    found = mentioned(text, {user.id: user.shown_name for user in team})
    return [user for user in team if user.id in found]


def unreachable(ticket: Ticket, text: str) -> list[str]:
    """The names of those a note mentions and who are not told, since the ticket is not theirs to see."""
    if "@" not in text:
        return []
    told = people.assignable(ticket.account_id)
    known = {user.id for user in told}
    others = [user for user in people.team() if user.id not in known]
    named = among([*told, *others], text)
    return [user.shown_name for user in named if user.id not in known]
