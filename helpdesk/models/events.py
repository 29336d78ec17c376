"""The one append-only table of what happened: history, notifications and audit are read from it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, str64
from helpdesk.models.people import User


class Event(Base):
    """A fact in the past, named `subject.verb` (`ticket.status_changed`).

    Holds ids and values only; personal text lives in rows that may be erased. `actor_id` is None when the desk itself
    acted. Triggers refuse UPDATE and DELETE, so the other ids are no foreign keys: what they name may be purged, the
    fact stays.
    """

    __tablename__ = "event"
    __table_args__ = (Index(None, "ticket_id", "id"), Index(None, "type", "id"), Index(None, "email_id"))

    id: Mapped[intpk]
    type: Mapped[str64]
    occurred_at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="RESTRICT"))
    ticket_id: Mapped[int | None]
    comment_id: Mapped[int | None]
    email_id: Mapped[int | None]
    account_id: Mapped[int | None]
    data: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)

    actor: Mapped[User | None] = relationship()
