"""People and their addresses: who writes, who works here, and who may work where."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.attributes import set_committed_value

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import EmailAccount, Grant, User, UserAddress
from helpdesk.models.mail import AccountKind
from helpdesk.policy.status import Role
from helpdesk.services import events


def compared(email: str) -> str:
    """What two ways of writing one address have in common, for whoever counts how often it is named."""
    return normalise_address(email)


def find_address(email: str) -> UserAddress | None:
    return db.session.scalar(select(UserAddress).where(UserAddress.address == normalise_address(email)))


def emails_of(address_ids: Iterable[object]) -> dict[int, str]:
    """The addresses with these ids as they were written; what is no id is passed over."""
    wanted = {one for one in address_ids if isinstance(one, int)}
    rows = select(UserAddress.id, UserAddress.email).where(UserAddress.id.in_(wanted))
    return {row.id: row.email for row in db.session.execute(rows)} if wanted else {}


def find_user(email: str) -> User | None:
    address = find_address(email)
    return address.user if address else None


def main_address(user: User) -> UserAddress:
    """Where a person is written to first: what he proved to be his, else his first. Raises InvalidInput without any."""
    addresses = sorted(user.addresses, key=lambda one: (one.verified_at is None, one.id))
    if not addresses:
        raise InvalidInput("There is no address to answer to.")
    return addresses[0]


def address_for(email: str, name: str = "") -> UserAddress:
    """The known address, or a new one of a new customer without a password. Raises InvalidInput for no address.

    A name is taken over only while the person has none: whoever writes decides how others see him only once.
    """
    address = find_address(email)
    if address is None:
        return _first_address(create_user(email, Role.CUSTOMER, name=name))
    if name and not address.user.name:
        address.user.name = name[:255]
    return address


def create_user(email: str, role: Role, *, name: str = "", actor: User | None = None) -> User:
    """Make a person with one address. Raises InvalidInput when it is no address or already somebody's."""
    if not is_address(email):
        raise InvalidInput("“%(email)s” is not an e-mail address.", field="email", email=email[:100])
    user = User(name=" ".join(name.split())[:255], role=role, created_at=utcnow())
    db.session.add(user)
    db.session.flush()
    added = insert_once(
        UserAddress,
        user_id=user.id,
        address=normalise_address(email),
        email=email.strip(),
        created_at=utcnow(),
    )
    if added is None:
        raise InvalidInput(
            "There is already a person with the address %(email)s.", field="email", email=email
        )
    events.record("user.created", actor=actor, user_id=user.id, role=role.value)
    return user


def _first_address(user: User) -> UserAddress:
    address = db.session.scalars(select(UserAddress).where(UserAddress.user_id == user.id)).one()
    set_committed_value(address, "user", user)  # known already
    return address


def team() -> list[User]:
    """Active agents and admins by name."""
    people = (
        select(User)
        .where(User.role.in_([Role.AGENT, Role.ADMIN]), User.is_active)
        .options(selectinload(User.addresses), selectinload(User.grants))
    )
    return sorted(db.session.scalars(people), key=lambda user: user.shown_name.casefold())


def assignable(account_id: int) -> list[User]:
    """The team members who may work on tickets of this account."""
    return [
        u for u in team() if u.role is Role.ADMIN or any(grant.account_id == account_id for grant in u.grants)
    ]


def set_grants(user: User, account_ids: Iterable[int], *, actor: User | None) -> None:
    """Give an agent exactly these accounts."""
    wanted = set(account_ids) & set(db.session.scalars(select(EmailAccount.id)))
    db.session.execute(delete(Grant).where(Grant.user_id == user.id))
    for account_id in sorted(wanted):
        insert_once(Grant, user_id=user.id, account_id=account_id, created_at=utcnow())
    db.session.expire(user, ["grants"])
    events.record("user.grants_changed", actor=actor, user_id=user.id, account_ids=sorted(wanted))


def shared_accounts() -> list[int]:
    """The accounts a new agent starts with."""
    rows = select(EmailAccount.id).where(EmailAccount.kind == AccountKind.SHARED)
    return list(db.session.scalars(rows.order_by(EmailAccount.id)))


def has_admin() -> bool:
    return (
        db.session.scalar(select(User.id).where(User.role == Role.ADMIN, User.is_active).limit(1)) is not None
    )
