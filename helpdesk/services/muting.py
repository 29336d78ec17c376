"""Tickets and accounts a member of the team wants to hear less of. What of them is told all the same: the policy's
`IN_SPITE_OF_MUTE`."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, exists, or_, select

from helpdesk.database import db, insert_once, utcnow
from helpdesk.models import Follow, Mute, Ticket, User
from helpdesk.policy.permissions import Action
from helpdesk.services import access


def mute(ticket: Ticket, *, actor: User) -> None:
    """Tell this person less from now on; he follows it no more. Raises NotFound or Forbidden for who may not read the ticket's notes."""
    access.demand(actor, Action.SEE_NOTES, ticket)
    insert_once(Mute, user_id=actor.id, ticket_id=ticket.id, created_at=utcnow())
    db.session.execute(delete(Follow).where(Follow.user_id == actor.id, Follow.ticket_id == ticket.id))


def unmute(ticket: Ticket, *, actor: User) -> None:
    db.session.execute(delete(Mute).where(Mute.user_id == actor.id, Mute.ticket_id == ticket.id))


def is_muted(user: User, ticket: Ticket) -> ColumnElement[bool]:
    """Within a statement: whether he has muted this very ticket."""
    return exists().where(Mute.user_id == user.id, Mute.ticket_id == ticket.id)


def who_mutes(ticket: Ticket) -> set[int]:
    """The users who have muted the ticket or all of its account."""
    either = or_(Mute.ticket_id == ticket.id, Mute.account_id == ticket.account_id)
    return set(db.session.scalars(select(Mute.user_id).where(either)))


def muted_accounts(user: User) -> set[int]:
    rows = select(Mute.account_id).where(Mute.user_id == user.id, Mute.account_id.is_not(None))
    return {account_id for account_id in db.session.scalars(rows) if account_id is not None}


def mute_accounts(user: User, account_ids: Collection[int]) -> None:
    """Mute exactly these of the accounts he works on; others stay as they are."""
    own = access.account_ids(user)
    db.session.execute(delete(Mute).where(Mute.user_id == user.id, Mute.account_id.in_(sorted(own))))
    for account_id in sorted(own & set(account_ids)):
        insert_once(Mute, user_id=user.id, account_id=account_id, created_at=utcnow())
