"""Compares the search index with the tickets, and makes it anew.

They cannot differ while the desk alone writes. They do after rows were put in or taken out by hand, or when a version of
the desk folds words another way than the one that wrote the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.exc import DatabaseError

from helpdesk.database import db, transaction
from helpdesk.models import Ticket
from helpdesk.services import search_index
from helpdesk.services.search_index import FTS, WORDS

BATCH = 200


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many tickets were looked at, and how many of them were not found by what they say."""

    tickets: int
    mended: int


def differing() -> Iterator[int]:
    """The numbers of the tickets whose row in the index is missing or is not what they say. Reads only."""
    for batch in _batches():
        for ticket_id in _differing(list(batch)):
            if _differing([ticket_id]):  # somebody may have written between the two looks
                yield batch[ticket_id]


def _differing(ticket_ids: Sequence[int]) -> list[int]:
    rows = select(WORDS.c.ticket_id, WORDS.c.words).where(WORDS.c.ticket_id.in_(ticket_ids))
    stored = dict(db.session.execute(rows).all())
    wanted = search_index.documents(db.session(), ticket_ids)
    return [ticket_id for ticket_id, words in wanted.items() if stored.get(ticket_id) != words]


def is_broken() -> bool:
    """Whether SQLite's full-text index is not what the rows say. Opens a transaction of its own, and changes nothing.

    PostgreSQL computes its index from the rows.
    """
    if db.engine.dialect.name != "sqlite":
        return False
    try:
        with transaction() as session:
            session.execute(insert(FTS).values(ticket_search_fts="integrity-check", rank=1))
    except DatabaseError as error:
        if "malformed" not in str(error):  # SQLite's word for every index that does not fit its table
            raise
        return True
    return False


def rebuild() -> Rebuilt:
    """Make the index fit the tickets, while the desk goes on: a few hundred at a time, each in a transaction."""
    if is_broken():
        with transaction() as session:
            session.execute(insert(FTS).values(ticket_search_fts="rebuild"))
    tickets = mended = 0
    for batch in _batches():
        with transaction() as session:
            mended += sum(search_index.write(session, ticket_id) for ticket_id in batch)
        tickets += len(batch)
    return Rebuilt(tickets, mended)


def _batches() -> Iterator[dict[int, int]]:
    """Every ticket's number by its id, a batch at a time."""
    last = 0
    while True:
        rows = select(Ticket.id, Ticket.number).where(Ticket.id > last).order_by(Ticket.id).limit(BATCH)
        found = dict(db.session.execute(rows).all())
        if not found:
            return
        last = max(found)
        yield found
