"""Records what happened, in the transaction in which it happened, and tells who listens.

Listeners (`notifications`) run inside the same transaction, so what they queue exists exactly when the fact does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from helpdesk.database import db, utcnow
from helpdesk.models import Event, Ticket, User

Listener = Callable[[Event, Ticket], None]
_listeners: dict[Listener, tuple[tuple[str, ...], bool]] = {}
_is_quiet: ContextVar[bool] = ContextVar("is_quiet", default=False)


def listen(listener: Listener, types: Collection[str], *, tells_people: bool = False) -> None:
    """Call `listener` from now on for every event of a ticket whose type begins with one of `types`.

    One that `tells_people` is not called `quietly`.
    """
    _listeners[listener] = (tuple(types), tells_people)


@contextmanager
def quietly() -> Iterator[None]:
    """What happens within is history: it is recorded and found, and nobody is told."""
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def record(
    type_: str,
    *,
    actor: User | None,
    ticket: Ticket | None = None,
    ticket_id: int | None = None,
    comment_id: int | None = None,
    email_id: int | None = None,
    account_id: int | None = None,
    **data: object,
) -> Event:
    """Append one event (`subject.verb`, in the past). `data` holds ids and values, never text people wrote.

    `ticket_id` stands for a ticket that is not at hand: it is loaded only if somebody listens.
    """
    event = Event(
        type=type_,
        occurred_at=utcnow(),
        actor_id=actor.id if actor else None,
        ticket_id=ticket.id if ticket else ticket_id,
        comment_id=comment_id,
        email_id=email_id,
        account_id=account_id,
        data=data,
    )
    db.session.add(event)
    if event.ticket_id is None:
        return event
    is_quiet = _is_quiet.get()
    told = [
        listener
        for listener, (types, tells_people) in _listeners.items()
        if type_.startswith(types) and not (is_quiet and tells_people)
    ]
    if not told:
        return event
    db.session.flush()  # they keep its id
    ticket = ticket or db.session.get(Ticket, event.ticket_id)
    if ticket is not None:
        for listener in told:
            listener(event, ticket)
    return event
