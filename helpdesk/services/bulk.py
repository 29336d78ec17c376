"""One change to many tickets: what is wished of each, what it was before, and how that is put back.

A door opens a transaction per ticket, so that one refusal never undoes the others. What a change replaced is handed to
the browser signed, and put back only where nobody has changed it since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

from helpdesk.database import db
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.models import Ticket, User
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Disposition, Priority, Status
from helpdesk.services import access, keys, tags
from helpdesk.services.tickets import changing, setting_aside

MAX_TICKETS = 100
UNDO_S = 15 * 60
PURPOSE = "bulk undo"


@dataclass(frozen=True, slots=True)
class Wish:
    """What every chosen ticket shall have; None leaves it as it is. `assignee_id` 0 means nobody."""

    assignee_id: int | None = None
    status: Status | None = None
    priority: Priority | None = None
    tag: str = ""
    disposition: Disposition | None = None

    @property
    def is_empty(self) -> bool:
        return self == Wish()


@dataclass(frozen=True, slots=True)
class Former:
    """A value a ticket had, what it has instead, and since when its customer waited."""

    number: int
    field: str
    before: str | int | None
    after: str | int | None
    waiting_since: str | None = None


def apply(ticket: Ticket, wish: Wish, *, actor: User) -> list[Former]:
    """Change one ticket; what really changed. Raises InvalidInput, so that nothing of it happens."""
    changing.hold(ticket)
    return [former for former in _changes(ticket, wish, actor) if former.before != former.after]


def _changes(ticket: Ticket, wish: Wish, actor: User) -> Iterator[Former]:
    number, waiting = ticket.number, ticket.waiting_since.isoformat() if ticket.waiting_since else None
    if wish.assignee_id is not None:
        assignee = db.session.get(User, wish.assignee_id) if wish.assignee_id else None
        if wish.assignee_id and assignee is None:
            raise InvalidInput("This person cannot be assigned.")
        before = ticket.assignee_id
        changing.assign(ticket, assignee, actor=actor)
        yield Former(number, "assignee", before, ticket.assignee_id)
    if wish.priority is not None:
        was = ticket.priority.value
        changing.set_priority(ticket, wish.priority, actor=actor)
        yield Former(number, "priority", was, wish.priority.value)
    if wish.tag:
        known = {tag.id for tag in ticket.tags}
        tag = tags.add(ticket, wish.tag, actor=actor)
        yield Former(number, "tag", tag.id if tag.id in known else None, tag.id)
    if wish.status is not None:
        status = ticket.status.value
        changing.set_status(ticket, wish.status, actor=actor)
        yield Former(number, "status", status, wish.status.value, waiting)
    if wish.disposition is not None:
        place = ticket.disposition.value
        _put_into(ticket, wish.disposition, actor)
        yield Former(number, "disposition", place, ticket.disposition.value)


def _put_into(ticket: Ticket, place: Disposition, actor: User) -> None:
    if place is Disposition.SPAM:
        setting_aside.mark_spam(ticket, actor=actor)
    else:
        setting_aside.restore(ticket, actor=actor)


def sign(formers: Sequence[Former], *, actor: User) -> str:
    """What the browser hands back to undo it."""
    rows = [[f.number, f.field, f.before, f.after, f.waiting_since] for f in formers]
    return str(URLSafeTimedSerializer(keys.accepted_keys(PURPOSE)[::-1]).dumps([actor.id, rows]))


def read(token: str, *, actor: User) -> dict[int, list[Former]]:
    """By ticket number. Raises InvalidInput for what we did not sign for this person lately."""
    try:
        user_id, rows = _load(token)
    except BadSignature as error:
        raise InvalidInput("This can no longer be undone.") from error
    if user_id != actor.id:
        raise InvalidInput("This can no longer be undone.")
    found: dict[int, list[Former]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(Former(*row))
    return found


def _load(token: str) -> tuple[int, list[Any]]:
    """Keys go from the oldest to the newest: the last one signs."""
    serializer = URLSafeTimedSerializer(keys.accepted_keys(PURPOSE)[::-1])
    user_id, rows = serializer.loads(token, max_age=UNDO_S)
    return user_id, rows


def undo(ticket: Ticket, formers: Sequence[Former], *, actor: User) -> None:
    """Put a ticket's values back. Raises Conflict when one of them was changed since, so that none is touched."""
    access.demand(actor, Action.CHANGE, ticket)
    changing.hold(ticket)
    for former in formers:
        if _now(ticket, former) != former.after:
            raise Conflict("It was changed again since.")
    for former in reversed(formers):
        _put_back(ticket, former, actor)


def _now(ticket: Ticket, former: Former) -> str | int | None:
    match former.field:
        case "assignee":
            return ticket.assignee_id
        case "priority":
            return ticket.priority.value
        case "disposition":
            return ticket.disposition.value
        case "tag":
            return former.after if any(tag.id == former.after for tag in ticket.tags) else None
        case _:
            return ticket.status.value


def _put_back(ticket: Ticket, former: Former, actor: User) -> None:
    match former.field:
        case "assignee":
            before = db.session.get(User, former.before) if former.before else None
            changing.assign(ticket, before, actor=actor)
        case "priority":
            changing.set_priority(ticket, Priority(str(former.before)), actor=actor)
        case "disposition":
            _put_into(ticket, Disposition(str(former.before)), actor)
        case "tag":
            tags.remove(ticket, int(str(former.after)), actor=actor)
        case _:
            changing.move(ticket, Status(str(former.before)), actor=actor)  # even to new
            if former.waiting_since:
                ticket.waiting_since = datetime.fromisoformat(former.waiting_since)
