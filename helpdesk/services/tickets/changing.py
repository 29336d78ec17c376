"""Changes what a ticket is: status, assignee, priority, category, due date, subject. Every change is an event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from helpdesk.database import db, utcnow
from helpdesk.database import hold as hold_row
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.models import Ticket, User
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Category, Disposition, Priority, Role, Status, allowed
from helpdesk.services import access, events

AUTO_CLOSE = "auto_close"  # the reason of a closing nobody is told of


def hold(ticket: Ticket) -> None:
    """Look at the ticket as it stands when nobody else is changing it: of two who do the same, one has done it.

    Only the ticket is locked, whatever was loaded with it: PostgreSQL refuses to lock what an outer join may leave out.
    """
    db.session.flush()
    db.session.refresh(ticket, with_for_update={"key_share": True, "of": Ticket})


def one_at_a_time(ticket: Ticket) -> None:
    """Hold the ticket's row: of two copies of one form the second then sees what the first has said."""
    hold_row(Ticket.id, ticket.id)


def refuse_merged(ticket: Ticket) -> None:
    """Raises Conflict for a ticket on which nobody would read what is written."""
    if ticket.disposition is Disposition.MERGED:
        raise Conflict("This ticket was merged into another one.")


def set_status(ticket: Ticket, status: Status, *, actor: User | None) -> None:
    """Move the ticket as a person wishes. Raises InvalidInput for a move that is none."""
    access.demand(actor, Action.CHANGE, ticket)
    hold(ticket)
    if not allowed(ticket.status, status):
        raise InvalidInput("Work on this ticket has begun, so it cannot be new again.", field="status")
    move(ticket, status, actor=actor)


def move(
    ticket: Ticket,
    status: Status,
    *,
    actor: User | None,
    comment_id: int | None = None,
    reason: str | None = None,
) -> None:
    """The status follows from what `actor` did, whatever he may do by himself; the times follow the status.

    The same status again changes nothing. `comment_id` names the words it follows from, which are told themselves;
    `reason` says why the desk did it by itself.
    """
    hold(ticket)
    if ticket.status is status:
        return
    before, ticket.status = ticket.status, status
    now = utcnow()
    ticket.resolved_at = (ticket.resolved_at or now) if status in (Status.RESOLVED, Status.CLOSED) else None
    ticket.closed_at = now if status is Status.CLOSED else None
    if status in (Status.RESOLVED, Status.CLOSED):
        ticket.waiting_since = None
    _changed(ticket, "status", before, status, actor, comment_id=comment_id, reason=reason)


def assign(ticket: Ticket, assignee: User | None, *, actor: User | None) -> None:
    """Give the ticket to somebody or to nobody. Raises InvalidInput for a person who may not work on it."""
    access.demand(actor, Action.CHANGE, ticket)
    hold(ticket)
    if assignee is not None and not may_be_assigned(ticket, assignee):
        raise InvalidInput("%(name)s has no access to this ticket's account.", name=assignee.shown_name)
    before = ticket.assignee_id
    if before == (assignee.id if assignee else None):
        return
    ticket.assignee = assignee
    ticket.assignee_id = assignee.id if assignee else None
    events.record("ticket.assigned", actor=actor, ticket=ticket, before=before, after=ticket.assignee_id)


def may_be_assigned(ticket: Ticket, user: User) -> bool:
    return may_work_on(ticket.account_id, user)


def may_work_on(account_id: int, user: User) -> bool:
    """Whether tickets of this account may be his."""
    if not user.is_active or not user.is_team:
        return False
    return user.role is Role.ADMIN or any(grant.account_id == account_id for grant in user.grants)


def set_priority(ticket: Ticket, priority: Priority, *, actor: User | None) -> None:
    access.demand(actor, Action.CHANGE, ticket)
    hold(ticket)
    if ticket.priority is not priority:
        before, ticket.priority = ticket.priority, priority
        _changed(ticket, "priority", before, priority, actor)


def set_category(ticket: Ticket, category: Category, *, actor: User | None) -> None:
    access.demand(actor, Action.CHANGE, ticket)
    hold(ticket)
    if ticket.category is not category:
        before, ticket.category = ticket.category, category
        _changed(ticket, "category", before, category, actor)


def set_due(ticket: Ticket, due_at: datetime | None, *, actor: User | None) -> None:
    access.demand(actor, Action.CHANGE, ticket)
    hold(ticket)
    if ticket.due_at != due_at:
        before, ticket.due_at = ticket.due_at, due_at
        moments = [moment.isoformat() if moment else None for moment in (before, due_at)]
        _changed(ticket, "due", moments[0], moments[1], actor)


def _changed(
    ticket: Ticket,
    what: str,
    before: str | None,
    after: str | None,
    actor: User | None,
    *,
    comment_id: int | None = None,
    reason: str | None = None,
) -> None:
    more: dict[str, Any] = {"reason": reason} if reason else {}
    events.record(
        f"ticket.{what}_changed", actor=actor, ticket=ticket, comment_id=comment_id,
        before=str(before) if before else None, after=str(after) if after else None, **more,
    )  # fmt: skip
