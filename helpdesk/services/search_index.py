"""Keeps the search index in step: one row of folded words per ticket, written in the transaction of the fact.

Whatever is said or changed is an event, so this module listens to events and remembers the ticket; right before the
commit every remembered ticket's row is written once, however much happened to it. SQLite's triggers then carry the
row into FTS5, PostgreSQL computes its tsvector from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Integer,
    bindparam,
    column,
    literal_column,
    select,
    table,
    union_all,
)
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from helpdesk.database import db, hold
from helpdesk.models import Attachment, Comment, Event, Participant, Ticket, User, UserAddress
from helpdesk.policy.search_words import document
from helpdesk.services import events

WORDS = table("ticket_search_words", column("ticket_id"), column("words"), column("lexemes"))
FTS = table("ticket_search_fts", column("rowid"), column("ticket_search_fts"), column("rank"))
CHANGES_WORDS = (
    "ticket.opened",
    "ticket.subject_changed",
    "ticket.requester_changed",
    "comment.",
    "participant.",
)
WAITING = "search_waiting"  # in the session's info: tickets whose row is written before the commit


def init() -> None:
    """Listen to what changes words from now on."""
    events.listen(_on_event, CHANGES_WORDS)


def _on_event(_event: Event, ticket: Ticket) -> None:
    remember(ticket.id)


def remember(*ticket_ids: int) -> None:
    """Write these tickets' rows before the transaction commits."""
    db.session().info.setdefault(WAITING, set()).update(ticket_ids)


def remember_person(user: User) -> None:
    """The same for every ticket the person takes part in: a name has changed."""
    theirs = select(Participant.ticket_id).join(UserAddress).where(UserAddress.user_id == user.id)
    remember(*db.session.scalars(theirs))


@sqlalchemy_event.listens_for(Session, "before_commit")
def _write_remembered(session: Session) -> None:
    for ticket_id in sorted(session.info.pop(WAITING, ())):
        write(session, ticket_id)


@sqlalchemy_event.listens_for(Session, "after_rollback")
def _forget_remembered(session: Session) -> None:
    session.info.pop(WAITING, None)


def write(session: Session, ticket_id: int) -> bool:
    """Write one ticket's row, and whether it was another one before; a ticket that is gone has none.

    The ticket's row is held from before its texts are read: of two people writing at once the second must see what
    the first has said, or his row would leave it out.
    """
    hold(Ticket.id, ticket_id)
    words = documents(session, [ticket_id]).get(ticket_id)
    if words is None:
        return False
    dialect = session.get_bind().dialect.name
    build = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = build(WORDS).values(ticket_id=ticket_id, words=words)
    written = session.scalar(
        statement.on_conflict_do_update(
            index_elements=["ticket_id"],
            set_={"words": statement.excluded.words},
            where=WORDS.c.words != statement.excluded.words,
        ).returning(WORDS.c.ticket_id)
    )
    return written is not None


def documents(session: Session, ticket_ids: Sequence[int]) -> dict[int, str]:
    """What these tickets' rows have to hold, by ticket; none for one that is gone."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for ticket_id, text, *_ in session.execute(_texts(), {"ids": ticket_ids}):
        texts[ticket_id].append(text)
    return {ticket_id: document(found) for ticket_id, found in texts.items()}


@cache
def _texts() -> CompoundSelect[int, str, int, int]:
    """What the tickets `:ids` are found by, what matters most first: a row has an end. Made once."""
    ids: BindParameter[Sequence[int]] = bindparam("ids", expanding=True)
    first = (literal_column("0", Integer).label("rank"), literal_column("0", Integer).label("place"))
    subjects = select(Ticket.id, Ticket.subject, *first).where(Ticket.id.in_(ids))
    people = (
        select(
            Participant.ticket_id,
            User.name + " " + UserAddress.email,
            literal_column("1", Integer),
            Participant.id,
        )
        .join(UserAddress, UserAddress.id == Participant.address_id)
        .join(User, User.id == UserAddress.user_id)
        .where(Participant.ticket_id.in_(ids))
    )
    files = (
        select(Comment.ticket_id, Attachment.filename, literal_column("2", Integer), Attachment.id)
        .join(Comment, Comment.id == Attachment.comment_id)
        .where(Comment.ticket_id.in_(ids), ~Attachment.is_inline)
    )
    said = Comment.author_name + " " + Comment.author_email + " " + Comment.text
    comments = select(Comment.ticket_id, said, literal_column("3", Integer), Comment.id).where(
        Comment.ticket_id.in_(ids)
    )
    return union_all(subjects, people, files, comments).order_by("rank", "place")
