"""The accounts and the team of the desk at a glance: what nearly every page names, in as few columns as that takes.

Asked once a page. Whoever changes an account or a person takes the real thing from `accounts` or `people`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from helpdesk.database import db, once
from helpdesk.models import EmailAccount, Grant, User, UserAddress
from helpdesk.policy.status import Role


@dataclass(frozen=True, slots=True)
class AccountLine:
    """What a page needs to know of an account it only names."""

    id: int
    name: str
    email: str
    address: str
    from_email: str
    is_active: bool
    is_fetching: bool
    is_sending: bool
    incoming_protocol: str
    outgoing_protocol: str
    consecutive_failures: int
    sending_failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the team, as lists to choose from name him."""

    id: int
    shown_name: str
    role: Role


def accounts() -> list[AccountLine]:
    """Every account by name."""
    return once("accounts", _accounts)


def _accounts() -> list[AccountLine]:
    columns = [getattr(EmailAccount, name) for name in AccountLine.__slots__]
    return [AccountLine(*row) for row in db.session.execute(select(*columns).order_by(EmailAccount.name))]


def team() -> list[Member]:
    """Active agents and admins by name."""
    return once("team", _team)


def _team() -> list[Member]:
    rows = select(User.id, shown_name(User), User.role).where(
        User.role.in_([Role.AGENT, Role.ADMIN]), User.is_active
    )
    return sorted((Member(*row) for row in db.session.execute(rows)), key=lambda m: m.shown_name.casefold())


def assignable(account_id: int) -> list[Member]:
    """The team members who may work on tickets of this account."""
    granted = set(db.session.scalars(select(Grant.user_id).where(Grant.account_id == account_id)))
    return [member for member in team() if member.role is Role.ADMIN or member.id in granted]


def shown_name(user: type[User]) -> ColumnElement[str]:
    """`User.shown_name` within a statement: the name, else the first address."""
    first = select(UserAddress.email).where(UserAddress.user_id == user.id).order_by(UserAddress.id).limit(1)
    return func.coalesce(func.nullif(user.name, ""), first.correlate(user).scalar_subquery(), "")
