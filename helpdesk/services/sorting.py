"""The orders a list of tickets may have, and how each is paged by key.

An order is a row of phases, each a plain walk along one column: tickets without a due date come after those with
one, urgent ones before high ones. So every page is a walk along an index on both databases, and page 400 costs what
page 1 costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, or_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import ColumnElement

from helpdesk.database import utcnow
from helpdesk.models import Ticket
from helpdesk.policy.status import Priority


class Sort(StrEnum):
    """By what a list is ordered, in the words of its address."""

    NEWEST = "newest"
    OLDEST = "oldest"
    WAITING = "waiting"
    PRIORITY = "priority"
    DUE = "due"
    CREATED = "created"


@dataclass(frozen=True, slots=True)
class Phase:
    """Tickets in the order of one column, which is never empty among them."""

    column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
    is_descending: bool
    condition: ColumnElement[bool] | None = None

    def order(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        if self.is_descending:
            return self.column.desc(), Ticket.id.desc()
        return self.column.asc(), Ticket.id.asc()

    def after(self, key: PageKey) -> ColumnElement[bool]:
        """The rows behind `key`."""
        same = self.column == key.moment
        if self.is_descending:
            return or_(self.column < key.moment, and_(same, Ticket.id < key.ticket_id))
        return or_(self.column > key.moment, and_(same, Ticket.id > key.ticket_id))


@dataclass(frozen=True, slots=True)
class PageKey:
    """The last row of the page before: where the next one begins."""

    moment: datetime
    ticket_id: int
    phase: int = 0

    def __str__(self) -> str:
        place = f"{int(self.moment.timestamp() * 1_000_000)}-{self.ticket_id}"
        return f"{place}-{self.phase}" if self.phase else place

    @classmethod
    def parse(cls, text: str) -> PageKey | None:
        """Read a key back from an address; None for anything else."""
        parts = text.split("-")
        if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() for part in parts):
            return None
        if any(len(part) > longest for part, longest in zip(parts, (17, 9, 1), strict=False)):
            return None
        micros, ticket_id, *phase = map(int, parts)
        seconds, rest = divmod(micros, 1_000_000)
        moment = datetime.fromtimestamp(seconds, utcnow().tzinfo).replace(microsecond=rest)
        return cls(moment, ticket_id, phase[0] if phase else 0)


_LATEST = Phase(Ticket.last_activity_at, is_descending=True)


def _first_those_with(column: InstrumentedAttribute[datetime | None]) -> tuple[Phase, Phase]:
    without = Phase(Ticket.last_activity_at, is_descending=True, condition=column.is_(None))
    return Phase(column, is_descending=False, condition=column.is_not(None)), without


PHASES: dict[Sort, tuple[Phase, ...]] = {
    Sort.NEWEST: (_LATEST,),
    Sort.OLDEST: (Phase(Ticket.last_activity_at, is_descending=False),),
    Sort.WAITING: _first_those_with(Ticket.waiting_since),
    Sort.PRIORITY: tuple(
        Phase(Ticket.last_activity_at, is_descending=True, condition=Ticket.priority == priority)
        for priority in reversed(Priority)
    ),
    Sort.DUE: _first_those_with(Ticket.due_at),
    Sort.CREATED: (Phase(Ticket.created_at, is_descending=True),),
}
