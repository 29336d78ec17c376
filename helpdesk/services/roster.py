"""People as admins look for them: by words, role and state, with when they were last seen. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import selectinload

from helpdesk.database import db, utcnow
from helpdesk.models import LoginToken, Ticket, User, UserAddress
from helpdesk.policy.status import ACTIVE, Role
from helpdesk.services.links import Purpose

PAGE_SIZE = 100
TEAM = (Role.AGENT, Role.ADMIN)
STATES = ("active", "invited", "deactivated")


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """`role`: `team`, or one role's value. `state`: one of `STATES`, "" for all."""

    text: str = ""
    role: str = "team"
    state: str = ""


@dataclass(frozen=True, slots=True)
class PeoplePage:
    people: list[User]
    next_before: int | None


def find(chosen: PeopleFilter, *, before: int | None = None, limit: int = PAGE_SIZE) -> PeoplePage:
    """A page of people, the newest first."""
    rows = _matching(chosen).options(selectinload(User.addresses), selectinload(User.grants))
    if before is not None:
        rows = rows.where(User.id < before)
    people = list(db.session.scalars(rows.order_by(User.id.desc()).limit(limit + 1)))
    return PeoplePage(people[:limit], people[limit - 1].id if len(people) > limit else None)


def _matching(chosen: PeopleFilter) -> Select[User]:
    roles = TEAM if chosen.role == "team" else (Role(chosen.role),)
    rows = select(User).where(User.role.in_(roles))
    match chosen.state:
        case "active":
            rows = rows.where(
                User.is_active, or_(User.role == Role.CUSTOMER, User.password_hash.is_not(None))
            )
        case "invited":
            rows = rows.where(User.is_active, User.role.in_(TEAM), User.password_hash.is_(None))
        case "deactivated":
            rows = rows.where(User.is_active.is_(False))
    for word in chosen.text.split()[:8]:
        by_address = select(UserAddress.user_id).where(
            func.lower(UserAddress.email).contains(word.lower(), autoescape=True)
        )
        by_name = func.lower(User.name).contains(word.lower(), autoescape=True)
        rows = rows.where(or_(by_name, User.id.in_(by_address)))
    return rows


def state_of(user: User) -> str:
    """`active`, `invited` (has not chosen a password yet) or `deactivated`."""
    if not user.is_active:
        return "deactivated"
    return "invited" if user.is_team and not user.password_hash else "active"


def invited_until(user: User) -> datetime | None:
    """When the invitation runs out, None when none is open."""
    return db.session.scalar(
        select(func.max(LoginToken.expires_at)).where(
            LoginToken.user_id == user.id,
            LoginToken.purpose == Purpose.INVITATION.value,
            LoginToken.used_at.is_(None),
            LoginToken.expires_at > utcnow(),
        )
    )


def count_open_tickets(user: User) -> int:
    """How many tickets that are not done are assigned to this person."""
    rows = select(func.count(Ticket.id)).where(Ticket.assignee_id == user.id, Ticket.status.in_(ACTIVE))
    return db.session.scalar(rows) or 0
