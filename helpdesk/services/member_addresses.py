"""The addresses of a person, as admins add and remove them, and signing somebody out everywhere."""

from __future__ import annotations

from sqlalchemy import exists, select

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import Participant, Ticket, User, UserAddress
from helpdesk.policy.permissions import Action
from helpdesk.services import access, accounts, events, sessions


def add(user: User, email: str, *, actor: User) -> None:
    """Within a transaction: what is written from this address counts as this person's from now on.

    Raises InvalidInput for no address, the desk's own, or somebody's already.
    """
    access.demand_on_account(actor, Action.ADMINISTER, None)
    if not is_address(email):
        raise InvalidInput("“%(email)s” is not an e-mail address.", field="email", email=email[:100])
    address, now = normalise_address(email), utcnow()
    if address in accounts.own_addresses():
        raise InvalidInput("This is an address of the desk itself.", field="email")
    added = insert_once(UserAddress, user_id=user.id, address=address, email=email.strip(), created_at=now)
    if added is None:
        raise InvalidInput(
            "There is already a person with the address %(email)s.", field="email", email=email[:100]
        )
    db.session.expire(user, ["addresses"])
    events.record("user.address_added", actor=actor, user_id=user.id, address_id=added)


def remove(user: User, address_id: int, *, actor: User) -> None:
    """Within a transaction: take an address away. Raises NotFound, Conflict for the last or one that tickets hang on."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    address = next((a for a in user.addresses if a.id == address_id), None)
    if address is None:
        raise NotFound("There is no such address.")
    if len(user.addresses) == 1:
        raise Conflict("A person keeps at least one address.")
    is_used = select(
        exists().where(Ticket.requester_address_id == address.id)
        | exists().where(Participant.address_id == address.id)
    )
    if db.session.scalar(is_used):
        raise Conflict("Tickets are answered to this address, so it stays.")
    user.addresses.remove(address)
    db.session.flush()
    events.record("user.address_removed", actor=actor, user_id=user.id, address_id=address_id)


def sign_out_everywhere(user: User, *, actor: User) -> None:
    """Within a transaction: end every session of the person."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    sessions.end_all(user)
    events.record("user.sessions_ended", actor=actor, user_id=user.id)
