"""Records what happened, in the transaction in which it happened, and tells who listens.

Listeners (`notifications`) run inside the same transaction, so what they queue exists exactly when the fact does.
"""

from __future__ import annotations

from collections.abc import Callable

from helpdesk.database import db, utcnow
from helpdesk.models import Event, Ticket, User

Listener = Callable[[Event, Ticket | None], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Call `listener` for every event from now on; registering it twice changes nothing."""
    if listener not in _listeners:
        _listeners.append(listener)


def record(
    type_: str,
    *,
    actor: User | None,
    ticket: Ticket | None = None,
    comment_id: int | None = None,
    email_id: int | None = None,
    account_id: int | None = None,
    **data: object,
) -> Event:
    """Append one event (`subject.verb`, in the past). `data` holds ids and values, never text people wrote."""
    event = Event(
        type=type_,
        occurred_at=utcnow(),
        actor_id=actor.id if actor else None,
        ticket_id=ticket.id if ticket else None,
        comment_id=comment_id,
        email_id=email_id,
        account_id=account_id,
        data=data,
    )
    db.session.add(event)
    db.session.flush()
    for listener in _listeners:
        listener(event, ticket)
    return event
