"""Gives the open tickets of somebody who leaves to somebody else, in small transactions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from helpdesk.database import db, transaction
from helpdesk.models import Ticket, User
from helpdesk.policy.status import ACTIVE
from helpdesk.services import events
from helpdesk.services.tickets import changing

BATCH = 50


@dataclass(frozen=True, slots=True)
class HandedOver:
    """How many tickets somebody else has now, and how many nobody has: he may not work on their accounts."""

    given: int = 0
    unassigned: int = 0


def hand_over(user_id: int, to_id: int | None, *, actor_id: int) -> HandedOver:
    """Give every open ticket of one person to another, or to nobody. Opens its own transactions."""
    given = unassigned = 0
    while True:
        with transaction():
            batch = _batch(user_id)
            for ticket in batch:
                if _give(ticket, to_id, actor_id):
                    given += 1
                else:
                    unassigned += 1
            if len(batch) < BATCH:
                if given or unassigned:
                    _record(user_id, to_id, actor_id, given, unassigned)
                return HandedOver(given, unassigned)


def _batch(user_id: int) -> list[Ticket]:
    rows = select(Ticket).where(Ticket.assignee_id == user_id, Ticket.status.in_(ACTIVE)).limit(BATCH)
    return list(db.session.scalars(rows))


def _give(ticket: Ticket, to_id: int | None, actor_id: int) -> bool:
    to = db.session.get(User, to_id) if to_id is not None else None
    assignee = to if to is not None and changing.may_be_assigned(ticket, to) else None
    changing.assign(ticket, assignee, actor=db.session.get_one(User, actor_id))
    return assignee is not None


def _record(user_id: int, to_id: int | None, actor_id: int, given: int, unassigned: int) -> None:
    events.record(
        "user.tickets_handed_over", actor=db.session.get(User, actor_id), user_id=user_id, to_id=to_id,
        given=given, unassigned=unassigned,
    )  # fmt: skip
