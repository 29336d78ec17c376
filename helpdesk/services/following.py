"""Who in the team follows a ticket: told of what happens on it, though it is not his. Customers never see it."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import selectinload

from helpdesk.database import db, insert_once, utcnow
from helpdesk.models import Follow, Ticket, User
from helpdesk.policy.permissions import Action
from helpdesk.services import access, muting


def follow(ticket: Ticket, *, actor: User) -> None:
    """Tell this person from now on; it is muted no more. Raises NotFound or Forbidden for who may not read the ticket's notes."""
    access.demand(actor, Action.SEE_NOTES, ticket)
    insert_once(Follow, user_id=actor.id, ticket_id=ticket.id, created_at=utcnow())
    muting.unmute(ticket, actor=actor)


def unfollow(ticket: Ticket, *, actor: User) -> None:
    db.session.execute(delete(Follow).where(Follow.user_id == actor.id, Follow.ticket_id == ticket.id))


def follows(user: User, ticket: Ticket) -> bool:
    row = select(Follow.id).where(Follow.user_id == user.id, Follow.ticket_id == ticket.id)
    return db.session.scalar(row) is not None


def followers(ticket: Ticket) -> list[User]:
    """The members of the team who follow the ticket and may still see it."""
    rows = select(User).join(Follow, Follow.user_id == User.id).where(Follow.ticket_id == ticket.id)
    rows = rows.options(selectinload(User.grants), selectinload(User.addresses))
    return [
        user
        for user in db.session.scalars(rows.order_by(User.id))
        if ticket.account_id in access.account_ids(user)
    ]
