"""What a customer does on his own tickets."""

from __future__ import annotations

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.errors import NotFound
from helpdesk.models import Comment, Participant, Ticket, User, UserAddress
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words


def answer(ticket: Ticket, words: Words, *, actor: User) -> Comment:
    """Add the customer's words, once per form. Raises InvalidInput when there are none."""
    known = comments.find_by_form(words.form_key)
    if known is not None and known.ticket_id == ticket.id and known.author_id == actor.id:
        return known
    return comments.add_incoming(ticket, words, address=address_on(ticket, actor), actor=actor)


def address_on(ticket: Ticket, user: User) -> UserAddress:
    """The address a person takes part with; the requester's first. Raises NotFound for somebody who does not."""
    if ticket.requester_id == user.id:
        return ticket.requester_address
    own = (
        select(UserAddress)
        .join(Participant, Participant.address_id == UserAddress.id)
        .where(Participant.ticket_id == ticket.id, UserAddress.user_id == user.id)
    )
    address = db.session.scalar(own.order_by(Participant.id).limit(1))
    if address is None:
        raise NotFound("There is no such ticket.")
    return address
