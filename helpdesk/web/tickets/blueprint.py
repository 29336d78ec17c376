"""The blueprint, and what its templates call."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint
from flask_babel import gettext as _

from helpdesk.models import EmailAccount, Ticket, User
from helpdesk.services.glance import AccountLine, Member

blueprint = Blueprint("tickets", __name__)


def team_options(members: Iterable[User | Member]) -> list[tuple[int, str]]:
    return [(member.id, member.shown_name) for member in members]


def account_options(accounts: Iterable[EmailAccount | AccountLine]) -> list[tuple[int, str]]:
    return [(account.id, account.email) for account in accounts]


def participant_names(ticket: Ticket) -> list[tuple[str, str]]:
    """Who takes part, and as what."""
    words = {"requester": _("requester"), "cc": _("copy"), "follower": _("follows")}
    return [(p.address.user.name or p.address.email, words.get(p.role, p.role)) for p in ticket.participants]


@blueprint.context_processor
def _options() -> dict[str, object]:
    return {
        "team_options": team_options,
        "account_options": account_options,
        "participant_names": participant_names,
    }
