"""Makes two tickets one: what was said on the one goes to the other, and whatever is written to it from now on.

Nobody reads more than before: a person sees of what was said on either ticket what he saw when they were two, and of
what follows everything. Nothing is told to customers by it, and nothing is lost: each message remembers where it was
said, each person stays on the ticket he took part in, and the number of the merged one leads to the other.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select, update

from helpdesk.database import db, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.thread import subject_tag
from helpdesk.models import Comment, Draft, EmailMessage, Participant, Ticket, User, UserAddress
from helpdesk.models.mail import Direction
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Disposition
from helpdesk.services import access, events, following, scheduled, search_index, settings
from helpdesk.services.outbox import queue
from helpdesk.services.tickets import changing, opening

LONGEST_CHAIN = 50


def merge_target(ticket: Ticket) -> Ticket:
    """The ticket this one was merged into, however often; itself when it was not, or when the chain leads nowhere."""
    target, seen = ticket, {ticket.id}
    while target.disposition is Disposition.MERGED and target.merged_into is not None:
        target = target.merged_into
        if target.id in seen or len(seen) > LONGEST_CHAIN:
            return ticket
        seen.add(target.id)
    return target


def find_target(user: User, number: int) -> Ticket:
    """The ticket with this number, or the one it was merged into, for somebody of the team. Raises NotFound."""
    return merge_target(access.get_ticket_by_number(user, number))


def led_to(user: User, number: int) -> Ticket | None:
    """Where a merged ticket's number leads this person: only where he may go, and from where he took part."""
    source = db.session.scalar(
        select(Ticket).where(Ticket.number == number, Ticket.disposition == Disposition.MERGED)
    )
    if source is None:
        return None
    if not user.is_team and not any(p.address.user_id == user.id for p in source.participants):
        return None
    target = merge_target(source)
    is_other = target.id != source.id
    return target if is_other and access.may_see(user, target) and _may_come_from(user, source) else None


def open_to(user: User, number: int) -> Ticket:
    """The ticket with this number as a page opened before a merge still names it. Raises NotFound."""
    try:
        return access.get_ticket_by_number(user, number)
    except NotFound:
        target = led_to(user, number)
        if target is None:
            raise
        return target


def _may_come_from(user: User, source: Ticket) -> bool:
    return not user.is_team or source.account_id in access.account_ids(user)


def merge(source: Ticket, target: Ticket, *, actor: User) -> Ticket:
    """Within a transaction: move everything from `source` to `target`, which is returned.

    Raises NotFound or Forbidden unless the actor works on both, InvalidInput for two that cannot be one.
    """
    access.demand(actor, Action.MERGE, source)
    access.demand(actor, Action.MERGE, target)
    for ticket in sorted({source, target}, key=lambda one: one.id):
        changing.hold(ticket)
    scheduled.stop_later(source, Conflict("The ticket was merged into another one."))
    _refuse(source, target)
    _move_words(source, target)
    _move_mails(source, target)
    _bring_people(source, target)
    _bring_team(source, target)
    source.disposition, source.merged_into = Disposition.MERGED, target
    source.needs_requester = False
    target.waiting_since = min(filter(None, (target.waiting_since, source.waiting_since)), default=None)
    target.last_activity_at = utcnow()
    source.waiting_since = None
    db.session.flush()
    events.record("ticket.merged", actor=actor, ticket=source, into_id=target.id, into=target.number)
    events.record("ticket.absorbed", actor=actor, ticket=target, from_id=source.id, source=source.number)
    search_index.remember(source.id, target.id)
    db.session.expire(source)
    db.session.expire(target)
    return target


def _refuse(source: Ticket, target: Ticket) -> None:
    if source.id == target.id:
        raise InvalidInput("A ticket cannot be merged into itself.", field="number")
    if source.disposition is not Disposition.NORMAL:
        raise InvalidInput("This ticket was put away or merged already.", field="number")
    if target.disposition is not Disposition.NORMAL:
        raise InvalidInput("The other ticket was put away.", field="number")
    if scheduled.waiting(source):
        raise InvalidInput(
            "An answer on this ticket is about to be sent. Try again in a moment.", field="number"
        )


def _set(table: type[Comment | EmailMessage | Draft], where: ColumnElement[bool], **values: object) -> None:
    statement = update(table).where(where).values(**values)
    db.session.execute(statement.execution_options(synchronize_session=False))


def _move_words(source: Ticket, target: Ticket) -> None:
    """What came to this one by an earlier merge keeps the name of the ticket it was said on."""
    _set(Comment, (Comment.ticket_id == source.id) & Comment.came_from_id.is_(None), came_from_id=source.id)
    _set(Comment, Comment.ticket_id == source.id, ticket_id=target.id)


def _move_mails(source: Ticket, target: Ticket) -> None:
    """Not what a machine is still to write about the merged ticket: there is nothing left to tell of it."""
    is_made = or_(
        EmailMessage.direction == Direction.IN,
        EmailMessage.raw_sha256.is_not(None),
        EmailMessage.purpose == queue.REPLY,
    )
    _set(EmailMessage, (EmailMessage.ticket_id == source.id) & is_made, ticket_id=target.id)


def _bring_people(source: Ticket, target: Ticket) -> None:
    """They take part from now on; whoever took part there already sees no less than before."""
    known = {p.address_id for p in target.participants}
    for participant in source.participants:
        if participant.address_id not in known:
            opening.join(target, participant.address, role="cc", later=True)


def _bring_team(source: Ticket, target: Ticket) -> None:
    """Who follows the one follows the other; drafts go along where their author has none there."""
    for follower in following.followers(source):
        if target.account_id in access.account_ids(follower):
            following.follow(target, actor=follower)
    taken = select(Draft.user_id, Draft.kind).where(Draft.ticket_id == target.id)
    has_own = {(row.user_id, row.kind) for row in db.session.execute(taken)}
    for draft in db.session.scalars(select(Draft).where(Draft.ticket_id == source.id)).all():
        if (draft.user_id, draft.kind) not in has_own:
            _set(Draft, Draft.id == draft.id, ticket_id=target.id)


def candidates(ticket: Ticket, user: User, *, limit: int = 10) -> list[Ticket]:
    """Other tickets of the same people this one may belong to, latest first."""
    people = select(Participant.address_id).where(Participant.ticket_id == ticket.id)
    same = (
        select(Participant.ticket_id)
        .join(UserAddress, UserAddress.id == Participant.address_id)
        .where(UserAddress.id.in_(people))
    )
    found = access.visible_tickets(user).where(
        or_(Ticket.id.in_(same), Ticket.id == (ticket.may_belong_to_id or 0)),
        Ticket.id != ticket.id,
        Ticket.disposition == Disposition.NORMAL,
    )
    return list(
        db.session.scalars(found.order_by(Ticket.last_activity_at.desc(), Ticket.id.desc()).limit(limit))
    )


def by_number(user: User, text: str) -> Ticket:
    """The ticket somebody named in a form: its number alone, with a hash, or as the desk shows it. Raises InvalidInput."""
    bare = text.strip(" []#")
    is_plain = bare.isascii() and bare.isdigit()
    number = int(bare) if is_plain else subject_tag(f"[{bare}]", settings.number_formats())
    try:
        return find_target(user, number or 0)
    except NotFound as error:
        raise InvalidInput("There is no ticket with this number.", field="number") from error
