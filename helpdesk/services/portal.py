"""What a customer does on his own tickets: answer, settle, open one."""

from __future__ import annotations

from sqlalchemy import select

from helpdesk.database import db, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.models import Comment, EmailAccount, Participant, Ticket, User, UserAddress
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import (
    Category,
    Status,
    customer_may_close,
    customer_may_reopen,
    is_closed_for_good,
)
from helpdesk.services import access, people
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Words


def answer(ticket: Ticket, words: Words, *, actor: User) -> Comment:
    """Add the customer's words, once per form. Raises InvalidInput when there are none.

    On a ticket closed too long ago they open a new one that follows it, as a mail would: the comment is then there.
    """
    known = _said_before(ticket, words, actor)
    if known is not None:
        return known
    if is_closed_for_good(ticket.status, ticket.closed_at, ticket.account.reopen_days, now=utcnow()):
        return _follow_up(ticket, words, actor)
    return _say(ticket, words, actor)


def close(ticket: Ticket, words: Words, *, actor: User) -> None:
    """The customer says that it is solved, with a last word or without. Closed already: nothing more to do."""
    if _said_before(ticket, words, actor):
        return
    if not customer_may_close(ticket.status) and _is_silent(words):
        return
    _settle(ticket, words, Status.CLOSED, actor)


def reopen(ticket: Ticket, words: Words, *, actor: User) -> None:
    """The customer says that it is not solved. Open already: only his words are added, if there are any.

    Raises Conflict for a ticket closed too long ago.
    """
    if _said_before(ticket, words, actor):
        return
    if may_reopen(ticket):
        _settle(ticket, words, Status.OPEN, actor)
        ticket.waiting_since = ticket.last_activity_at = utcnow()
    elif ticket.status is Status.CLOSED:
        raise Conflict("This ticket was closed too long ago to be opened again. Please open a new one.")
    elif not _is_silent(words):
        _say(ticket, words, actor)


def predecessor(ticket: Ticket, viewer: User) -> Ticket | None:
    """The closed ticket this one continues, for somebody who takes part in that one too."""
    if ticket.follow_up_of_id is None:
        return None
    return db.session.scalar(access.visible_tickets(viewer).where(Ticket.id == ticket.follow_up_of_id))


def may_close(ticket: Ticket) -> bool:
    return customer_may_close(ticket.status)


def may_reopen(ticket: Ticket) -> bool:
    return customer_may_reopen(ticket.status, ticket.closed_at, ticket.account.reopen_days, now=utcnow())


def open_ticket(
    account: EmailAccount, subject: str, words: Words, *, category: Category, actor: User
) -> Ticket:
    """A new ticket of the customer himself, once per form. Raises InvalidInput without subject or words."""
    known = opening.find_by_form(words.form_key)
    if known is not None:
        if known.requester_id != actor.id:
            raise InvalidInput("The form was incomplete. Please send it again.")
        return known
    comments.refuse_empty(words)
    ticket, _ = opening.open_ticket(
        account=account,
        requester=people.main_address(actor),
        subject=subject,
        words=words,
        actor=actor,
        category=category,
        form_key=words.form_key,
    )
    return ticket


def offered_accounts() -> list[EmailAccount]:
    """The accounts customers may write to, the oldest first; that one alone when the desk offers none."""
    rows = select(EmailAccount).where(EmailAccount.is_active).order_by(EmailAccount.id)
    active = list(db.session.scalars(rows))
    return [account for account in active if account.is_offered] or active[:1]


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


def _said_before(ticket: Ticket, words: Words, actor: User) -> Comment | None:
    """The comment this very form has made already, on the ticket or on the one that follows it."""
    known = comments.find_by_form(words.form_key)
    if known is None or known.author_id != actor.id:
        return None
    return known if ticket.id in (known.ticket_id, known.ticket.follow_up_of_id) else None


def _say(ticket: Ticket, words: Words, actor: User, status: Status | None = None) -> Comment:
    return comments.add_incoming(ticket, words, address=address_on(ticket, actor), actor=actor, status=status)


def _follow_up(ticket: Ticket, words: Words, actor: User) -> Comment:
    access.demand(actor, Action.WRITE_AS_CUSTOMER, ticket)
    comments.refuse_empty(words)
    requester = address_on(ticket, actor)
    _, comment = opening.open_ticket(
        account=ticket.account,
        requester=requester,
        subject=ticket.subject,
        words=words,
        actor=actor,
        category=ticket.category,
        cc=[p.address for p in ticket.participants if p.address_id != requester.id],
        follow_up_of=ticket,
    )
    return comment


def _settle(ticket: Ticket, words: Words, status: Status, actor: User) -> None:
    access.demand(actor, Action.SETTLE_AS_CUSTOMER, ticket)
    if _is_silent(words):
        changing.move(ticket, status, actor=actor)
        ticket.last_activity_at = utcnow()
    else:
        _say(ticket, words, actor, status)


def _is_silent(words: Words) -> bool:
    return not words.text.strip() and not words.files
