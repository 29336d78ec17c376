"""Words the team files tickets under."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.database import Base, intpk


class Tag(Base):
    """A word as the first person wrote it; `folded`, without case and accents, is what makes two of them one."""

    __tablename__ = "tag"

    id: Mapped[intpk]
    name: Mapped[str] = mapped_column(String(64))
    folded: Mapped[str] = mapped_column(String(128), unique=True)
    created_at: Mapped[datetime]


class TicketTag(Base):
    """A ticket filed under a tag."""

    __tablename__ = "ticket_tag"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(
        ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True, index=True
    )
