"""Who is told of an event, as what and at which address: `policy.audience` asked about rows.

Asked twice, when something happens and when its mail is made, so that what changed in between counts: a grant taken
away, somebody deactivated, a ticket put away as spam, a notification switched off.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from sqlalchemy import or_, select

from helpdesk.database import db
from helpdesk.mail.headers import normalise_address
from helpdesk.models import Comment, Event, Ticket, User, UserAddress
from helpdesk.policy import audience
from helpdesk.policy.acknowledge import is_no_reply
from helpdesk.policy.audience import Facts, Notice, Person, Recipient
from helpdesk.policy.status import DONE, CommentKind, Disposition, Status
from helpdesk.services import access, accounts, people, preferences
from helpdesk.services.tickets import changing

SAID = (audience.Event.COMMENT_ADDED, audience.Event.COMMENT_RELEASED)


def of(event: Event, ticket: Ticket) -> list[Notice]:
    """The notices of an event that may be sent as things stand now; none about tickets that were put away."""
    if event.type not in set(audience.Event):
        return []
    if ticket.disposition is not Disposition.NORMAL or not ticket.account.is_active:
        return []
    notices = audience.audience(event.type, facts_of(event, ticket))
    own = accounts.own_addresses() if notices else set()
    return [notice for notice in notices if _may_be_sent(notice, event, ticket, own)]


def facts_of(event: Event, ticket: Ticket) -> Facts:
    """The event as the policy knows it, about the ticket's people of now."""
    comment = db.session.get(Comment, event.comment_id) if event.type in SAID and event.comment_id else None
    is_note = comment is not None and comment.kind is CommentKind.NOTE
    is_status = event.type == audience.Event.STATUS_CHANGED
    return Facts(
        actor_id=event.actor_id,
        customers=tuple(_person(address.user) for address in customers(ticket)),
        assignee=_assignee(event, ticket),
        creator=_person(ticket.created_by) if ticket.created_by else None,
        team=tuple(_person(user) for user in people.assignable(ticket.account_id)) if is_note else (),
        comment_kind=comment.kind if comment else None,
        is_released=comment.is_released if comment else True,
        is_automatic=_is_automatic(event, comment),
        before=_status(event.data.get("before")) if is_status else None,
        after=_status(event.data.get("after")) if is_status else None,
        is_consequence=is_status and event.comment_id is not None,
        is_quiet=event.data.get("reason") == changing.AUTO_CLOSE or event.data.get("is_news") is False,
        answered=_answered(event, ticket) if is_status else frozenset(),
    )


def _answered(event: Event, ticket: Ticket) -> frozenset[int]:
    """Whom an answer tells that the ticket is done with: the one it followed from, or one said since."""
    if event.data.get("after") not in DONE:
        return frozenset()
    rows = select(Event.data).where(
        Event.ticket_id == ticket.id,
        Event.type == audience.Event.COMMENT_ADDED.value,
        or_(Event.id > event.id, Event.comment_id == (event.comment_id or 0)),
    )
    found: set[int] = set()
    for data in db.session.scalars(rows):
        if data.get("says") == event.data["after"]:
            found.update(cast("list[int]", data["told"]))
    return frozenset(found)


def customers(ticket: Ticket) -> list[UserAddress]:
    """The addresses of those who take part, the requester's first, one for each person."""
    addresses = [ticket.requester_address, *(row.address for row in ticket.participants)]
    by_person: dict[int, UserAddress] = {}
    for address in addresses:
        by_person.setdefault(address.user_id, address)
    return list(by_person.values())


def address_of(notice: Notice, ticket: Ticket) -> str:
    """Where this person is told: a customer at the address he takes part with; "" when there is none."""
    if notice.recipient is Recipient.CUSTOMER:
        return next((a.email for a in customers(ticket) if a.user_id == notice.user_id), "")
    user = db.session.get(User, notice.user_id)
    return user.email if user else ""


def _person(user: User) -> Person:
    return Person(user.id, user.role)


def _assignee(event: Event, ticket: Ticket) -> Person | None:
    """Who has the ticket; of an assignment only whom it named, as long as it is still his."""
    if event.type == audience.Event.ASSIGNED and event.data.get("after") != ticket.assignee_id:
        return None
    return _person(ticket.assignee) if ticket.assignee else None


def _status(value: object) -> Status | None:
    return Status(str(value)) if value else None


def _is_automatic(event: Event, comment: Comment | None) -> bool:
    return event.data.get("automatic", "no") != "no" or (comment is not None and comment.is_automatic)


def _may_be_sent(notice: Notice, event: Event, ticket: Ticket, own: Collection[str]) -> bool:
    user = db.session.get(User, notice.user_id)
    if user is None or not user.is_active or preferences.is_muted(user, notice.kind):
        return False
    email = address_of(notice, ticket)
    if not email or normalise_address(email) in own:
        return False
    if notice.recipient is Recipient.CUSTOMER:
        is_machine = user.id == ticket.requester_id and _was_opened_by_machine(event, ticket)
        return not is_machine and not is_no_reply(email)
    return ticket.account_id in access.account_ids(user)


def _was_opened_by_machine(event: Event, ticket: Ticket) -> bool:
    """Alarms, forms and lists are told nothing, however long their ticket lives."""
    if event.type == audience.Event.OPENED:
        return event.data.get("automatic", "no") != "no"
    opened = select(Event.data).where(Event.ticket_id == ticket.id, Event.type == audience.Event.OPENED.value)
    data = db.session.scalar(opened.order_by(Event.id).limit(1)) or {}
    return data.get("automatic", "no") != "no"
