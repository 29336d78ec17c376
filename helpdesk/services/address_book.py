"""Whom a member of the team may be offered while he types an address: the team, and who takes part in tickets of his."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select

from helpdesk.database import db
from helpdesk.models import Participant, Ticket, User, UserAddress
from helpdesk.policy.status import TEAM, Disposition
from helpdesk.services import access, accounts, people

LEAST_TYPED, MOST_TYPED = 2, 100
MOST = 8
NOBODYS = ".invalid"  # stand-ins for senders nobody could verify


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who can be offered. `name` is "" for who has none."""

    email: str
    name: str


def suggest(viewer: User, typed: str, *, limit: int = MOST) -> list[Known]:
    """Who of those he may know has an address, a name, or a further part of a name that begins with `typed`.

    Customers only of tickets he may see, spam aside. Nobody for a single letter, and nothing for a customer.
    """
    typed = " ".join(typed.split())[:MOST_TYPED]
    if not viewer.is_active or not viewer.is_team or len(typed) < LEAST_TYPED:
        return []
    own = accounts.own_addresses()
    found = {one.email: one for one in _of_team(typed)}
    rows = _customers(viewer, typed).limit(limit + len(own))
    for address, email, name in db.session.execute(rows):
        if address not in own:
            found.setdefault(email, Known(email, name))
    return list(found.values())[:limit]


def _of_team(typed: str) -> list[Known]:
    wanted = typed.casefold()
    return [
        Known(member.email, member.name)
        for member in people.team()
        if any(word.startswith(wanted) for word in _beginnings(member)) and member.email
    ]


def _beginnings(member: User) -> list[str]:
    words = member.name.casefold().split()
    return [member.email.casefold(), *(" ".join(words[at:]) for at in range(len(words)))]


def _customers(viewer: User, typed: str) -> Select[str, str, str]:
    takes_part = (
        select(Participant.id)
        .join(Ticket, Ticket.id == Participant.ticket_id)
        .where(Participant.address_id == UserAddress.id, access.tickets_of(viewer))
        .where(Ticket.disposition.in_([Disposition.NORMAL, Disposition.MERGED]))
    )
    return (
        select(UserAddress.address, UserAddress.email, User.name)
        .join(User, User.id == UserAddress.user_id)
        .where(User.is_active, User.role.not_in(TEAM), ~UserAddress.address.endswith(NOBODYS))
        .where(_begins(typed), takes_part.exists())
        .order_by(UserAddress.address)
    )


def _begins(typed: str) -> ColumnElement[bool]:
    """SQLite folds the letters of ASCII alone, so a capital beyond it is asked for as it is mostly written."""
    folded, name = typed.lower(), func.lower(User.name)
    written = [User.name.startswith(one, autoescape=True) for one in {typed.capitalize(), typed.title()}]
    return or_(
        UserAddress.address.startswith(folded, autoescape=True),
        name.startswith(folded, autoescape=True),
        name.contains(f" {folded}", autoescape=True),
        User.name.contains(f" {typed.capitalize()}", autoescape=True),
        *written,
    )
