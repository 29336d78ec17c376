"""Who takes part in a ticket besides its requester: added, taken out, and compared with what a form says."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete

from helpdesk.database import db
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import Participant, Ticket, User, UserAddress
from helpdesk.policy.permissions import Action
from helpdesk.services import access, accounts, events, people, scheduled
from helpdesk.services.outbox import unreachable
from helpdesk.services.outbox.unreachable import LeftAlone
from helpdesk.services.tickets import changing, opening


def copied(ticket: Ticket) -> list[UserAddress]:
    """Who is in copy of this ticket's answers; never an address of the desk."""
    own = accounts.own_addresses()
    return [
        p.address
        for p in ticket.participants
        if p.role == "cc" and p.address_id != ticket.requester_address_id and p.address.address not in own
    ]


def strangers(ticket: Ticket, emails: Iterable[str]) -> list[str]:
    """Those of these addresses that have not taken part so far."""
    known = {p.address.address for p in ticket.participants}
    return [email for email in emails if normalise_address(email) not in known]


def names_of(ticket: Ticket, emails: Iterable[str]) -> list[str]:
    """What the ticket calls these people; those who are new to it by their address."""
    known = {p.address.address: p.address.user.shown_name for p in ticket.participants}
    return [known.get(normalise_address(email), email) for email in emails]


def missing(emails: Iterable[str], chosen: Iterable[str]) -> tuple[str, ...]:
    """Those of `emails` that are not among `chosen`, however they are written."""
    normalised = {normalise_address(email) for email in chosen}
    return tuple(email for email in emails if normalise_address(email) not in normalised)


def add(ticket: Ticket, email: str, *, actor: User | None) -> UserAddress:
    """Let an address take part from now on, in copy; what was said before stays hidden from it.

    Raises InvalidInput for what is no address, and for the desk's own.
    """
    access.demand(actor, Action.CHANGE, ticket)
    address = _outside(email)
    if all(p.address_id != address.id for p in ticket.participants):
        opening.join(ticket, address, role="cc", later=True)
        events.record("participant.added", actor=actor, ticket=ticket, address_id=address.id)
    return address


def set_requester(ticket: Ticket, email: str, *, actor: User) -> UserAddress:
    """Say whose ticket it is that an agent's forward did not tell; what stands there already stays hidden from him.

    Raises Conflict for a ticket that has its requester, InvalidInput for what is no address, and for the desk's own.
    """
    access.demand(actor, Action.CHANGE, ticket)
    changing.hold(ticket)
    if not ticket.needs_requester:
        raise Conflict("Somebody has said whose ticket it is.")
    address = _outside(email)
    before = ticket.requester_address_id
    left = (Participant.ticket_id == ticket.id) & Participant.address_id.in_([before, address.id])
    db.session.execute(delete(Participant).where(left))
    opening.join(ticket, address, role="requester", later=True)
    ticket.requester, ticket.requester_address, ticket.needs_requester = address.user, address, False
    db.session.flush()
    events.record(
        "ticket.requester_changed", actor=actor, ticket=ticket, address_id=address.id, before_id=before
    )
    return address


def left_alone(ticket: Ticket) -> list[tuple[Participant, LeftAlone]]:
    """Who of its people the desk leaves alone, and why."""
    lost = unreachable.left_alone(p.address.email for p in ticket.participants)
    return [(p, lost[p.address.email]) for p in ticket.participants if p.address.email in lost]


def reach_again(ticket: Ticket, participant_id: int, *, actor: User) -> UserAddress:
    """Write to this person again, whatever came back. Raises NotFound for who does not take part.

    Who complained, or is on the list by hand, stays there: an admin takes him off.
    """
    access.demand(actor, Action.CHANGE, ticket)
    found = next((p for p in ticket.participants if p.id == participant_id), None)
    if found is None:
        raise NotFound("There is no such person on this ticket.")
    unreachable.lift([found.address.address])
    events.record("participant.reached_again", actor=actor, ticket=ticket, address_id=found.address_id)
    return found.address


def _outside(email: str) -> UserAddress:
    """Somebody's address. Raises InvalidInput for what is none, and for the desk's own."""
    email = email.strip()
    if not is_address(email):
        raise InvalidInput("“%(email)s” is not an e-mail address.", field="email", email=email[:100])
    if normalise_address(email) in accounts.own_addresses():
        raise InvalidInput("%(email)s is an address of this desk.", field="email", email=email)
    return people.address_for(email)


def remove(ticket: Ticket, participant_id: int, *, actor: User) -> UserAddress:
    """Take somebody out: no answer goes to him any more, not even one that waits to be sent.

    Raises NotFound for somebody who does not take part here, InvalidInput for the requester.
    """
    access.demand(actor, Action.CHANGE, ticket)
    changing.one_at_a_time(ticket)
    for participant in ticket.participants:
        if participant.id != participant_id:
            continue
        if participant.address_id == ticket.requester_address_id:
            raise InvalidInput("The requester cannot be taken out of his own ticket.")
        address = participant.address
        db.session.execute(delete(Participant).where(Participant.id == participant_id))
        db.session.expire(ticket, ["participants"])
        scheduled.leave_out(ticket, address.email)
        events.record("participant.removed", actor=actor, ticket=ticket, address_id=address.id)
        return address
    raise NotFound("There is no such person on this ticket.")
