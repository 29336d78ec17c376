"""Files tickets under tags, and keeps the tags themselves: admins rename, merge and delete them. Case and accents make no second tag."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select, update
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, insert_once, once, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.models import Tag, Ticket, TicketTag, User
from helpdesk.policy.permissions import Action
from helpdesk.policy.search_words import fold
from helpdesk.services import access, events

MAX_NAME = 40
MAX_PER_TICKET = 20


def split(text: str) -> list[str]:
    """The names of a field, several parted by commas."""
    return [
        name for part in re.split(r"[,;\n]", text) if (name := " ".join(part.strip().lstrip("#").split()))
    ]


def add(ticket: Ticket, name: str, *, actor: User | None) -> Tag:
    """File the ticket under a tag, which is made if it is new; twice is once. Raises InvalidInput."""
    access.demand(actor, Action.CHANGE, ticket)
    tag = _known_or_new(name)
    if len(ticket.tags) >= MAX_PER_TICKET:
        raise InvalidInput("A ticket can have at most %(count)d tags.", field="tag", count=MAX_PER_TICKET)
    if insert_once(TicketTag, ticket_id=ticket.id, tag_id=tag.id) is not None:
        events.record("ticket.tagged", actor=actor, ticket=ticket, tag_id=tag.id)
        db.session.expire(ticket, ["tags"])
    return tag


def remove(ticket: Ticket, tag_id: int, *, actor: User | None) -> None:
    """Take a tag off; one that is not there is none."""
    access.demand(actor, Action.CHANGE, ticket)
    if any(tag.id == tag_id for tag in ticket.tags):
        db.session.execute(
            delete_rows(TicketTag).where(TicketTag.ticket_id == ticket.id, TicketTag.tag_id == tag_id)
        )
        events.record("ticket.untagged", actor=actor, ticket=ticket, tag_id=tag_id)
        db.session.expire(ticket, ["tags"])


def _known_or_new(name: str) -> Tag:
    shown, folded = _checked(name)
    insert_once(Tag, name=shown, folded=folded, created_at=utcnow())
    return db.session.scalars(select(Tag).where(Tag.folded == folded)).one()


def _checked(name: str) -> tuple[str, str]:
    """The name as shown and as compared. Raises InvalidInput."""
    shown = " ".join(name.split())
    if not shown or not any(sign.isalnum() for sign in shown):
        raise InvalidInput("A tag needs at least one letter or digit.", field="tag")
    if len(shown) > MAX_NAME or "," in shown:
        raise InvalidInput(
            "A tag has at most %(count)d characters and no comma.", field="tag", count=MAX_NAME
        )
    return shown, fold(shown)[:128]


def known() -> list[Tag]:
    """Every tag by name."""
    return once("tags", lambda: list(db.session.scalars(select(Tag).order_by(Tag.folded))))


def names() -> dict[int, str]:
    """The names by id, for a ticket's history; a tag that was deleted is missing."""
    return {tag.id: tag.name for tag in known()}


def used() -> Sequence[tuple[Tag, int]]:
    """Every tag by name with how many tickets bear it."""
    count = func.count(TicketTag.ticket_id)
    rows = select(Tag, count).outerjoin(TicketTag).group_by(Tag.id).order_by(Tag.folded)
    return [(tag, number) for tag, number in db.session.execute(rows)]


def count(tag: Tag) -> int:
    """How many tickets bear it."""
    return db.session.scalar(select(func.count()).where(TicketTag.tag_id == tag.id)) or 0


def get(tag_id: int) -> Tag:
    """Raises NotFound."""
    tag = db.session.get(Tag, tag_id) if tag_id < 2**31 else None
    if tag is None:
        raise NotFound("There is no such tag.")
    return tag


def having(name: str) -> ColumnElement[bool]:
    """The condition for tickets with this tag."""
    bearing = select(TicketTag.ticket_id).join(Tag).where(Tag.folded == fold(" ".join(name.split())))
    return Ticket.id.in_(bearing)


def rename(tag: Tag, name: str, *, actor: User | None) -> None:
    """Raises Conflict when another tag has this name already: merge them instead."""
    _demand(actor)
    shown, folded = _checked(name)
    other = db.session.scalar(select(Tag).where(Tag.folded == folded, Tag.id != tag.id))
    if other is not None:
        raise Conflict("There is already a tag “%(name)s”. Merge the two instead.", name=other.name)
    if shown != tag.name:
        before, tag.name, tag.folded = tag.name, shown, folded
        events.record("tag.renamed", actor=actor, tag_id=tag.id, before=before, after=shown)


def merge(tag: Tag, into: Tag, *, actor: User | None) -> None:
    """Every ticket of `tag` is filed under `into` instead; `tag` is gone then. Raises InvalidInput for itself."""
    _demand(actor)
    if tag.id == into.id:
        raise InvalidInput("Choose another tag to merge it with.", field="into")
    already = select(TicketTag.ticket_id).where(TicketTag.tag_id == into.id)
    moved = update(TicketTag).where(TicketTag.tag_id == tag.id, TicketTag.ticket_id.not_in(already))
    db.session.execute(moved.values(tag_id=into.id).execution_options(synchronize_session=False))
    events.record("tag.merged", actor=actor, tag_id=tag.id, before=tag.name, after=into.name)
    _drop(tag)


def delete(tag: Tag, *, actor: User | None) -> None:
    """The tag disappears from every ticket."""
    _demand(actor)
    events.record("tag.deleted", actor=actor, tag_id=tag.id, name=tag.name, tickets=count(tag))
    _drop(tag)


def _demand(actor: User | None) -> None:
    """Whoever may change a ticket puts tags on it; what a tag is called on all of them is for admins."""
    access.demand_on_account(actor, Action.ADMINISTER, None)


def _drop(tag: Tag) -> None:
    db.session.execute(delete_rows(TicketTag).where(TicketTag.tag_id == tag.id))
    db.session.delete(tag)
    db.session.flush()
    db.session.expire_all()
