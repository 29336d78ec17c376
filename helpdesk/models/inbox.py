"""What a member of the team follows, and what he was told of in the browser."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, str32
from helpdesk.models.mail import EmailMessage
from helpdesk.models.people import User
from helpdesk.models.tickets import Ticket


class Follow(Base):
    """A member of the team who wants to know what happens on a ticket; customers never see it."""

    __tablename__ = "follow"
    __table_args__ = (UniqueConstraint("user_id", "ticket_id"), Index(None, "ticket_id"))

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship()
    ticket: Mapped[Ticket] = relationship()


class Mute(Base):
    """A ticket, or a whole account, a member of the team wants to hear less of. One of the two ids is set."""

    __tablename__ = "mute"
    __table_args__ = (
        UniqueConstraint("user_id", "ticket_id"),
        UniqueConstraint("user_id", "account_id"),
        Index(None, "ticket_id"),
        Index(None, "account_id"),
    )

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("email_account.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]


class DigestEntry(Base):
    """An event that waits for somebody's next digest. Whether he is still to be told is asked when that is made."""

    __tablename__ = "digest_entry"
    __table_args__ = (UniqueConstraint("user_id", "event_id"), Index(None, "ticket_id"))

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))
    event_id: Mapped[int]
    created_at: Mapped[datetime]


class Notification(Base):
    """One event told to one person in the browser, once. `kind` says why: assigned, answered, note, mention, ...

    It is about a ticket, or about a mail that is none and is held.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("user_id", "event_id"),
        Index(None, "user_id", "id"),
        Index(None, "user_id", "read_at"),
    )

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"), index=True)
    email_id: Mapped[int | None] = mapped_column(
        ForeignKey("email_message.id", ondelete="CASCADE"), index=True
    )
    event_id: Mapped[int]
    kind: Mapped[str32]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]

    ticket: Mapped[Ticket | None] = relationship()
    email: Mapped[EmailMessage | None] = relationship()
