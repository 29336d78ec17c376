"""Whose mail is refused or always let in, on the whole desk or on one account; and whom our own did not reach."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, longtext, str32, str255
from helpdesk.models.mail import EmailAccount
from helpdesk.models.people import User
from helpdesk.models.types import Word
from helpdesk.policy.senders import Verdict

# both databases take any number of NULLs for different
_OF_THE_DESK = text("account_id IS NULL")


class SenderRule(Base):
    """One line of the list. `pattern` is a normalised address, or a domain with everything below it.

    Without an account it holds for the whole desk.
    """

    __tablename__ = "sender_rule"
    __table_args__ = (
        Index("ix_sender_rule_of_account", "pattern", "account_id", unique=True),
        Index(
            "ix_sender_rule_of_desk",
            "pattern",
            unique=True,
            sqlite_where=_OF_THE_DESK,
            postgresql_where=_OF_THE_DESK,
        ),
    )

    id: Mapped[intpk]
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("email_account.id", ondelete="CASCADE"), index=True
    )
    pattern: Mapped[str] = mapped_column(String(320))
    verdict: Mapped[Verdict] = mapped_column(Word(Verdict))
    note: Mapped[str255] = mapped_column(default="")
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime]

    account: Mapped[EmailAccount | None] = relationship()
    created_by: Mapped[User | None] = relationship()


class Cause(StrEnum):
    """Why an address is left alone."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"  # its owner called a mail of ours spam
    BY_HAND = "by_hand"


class DeliveryFailure(Base):
    """That a mail of ours did not reach an address or was not wanted there, as a server or a person said (`words`).

    With `stops` the desk mails nothing there by itself from then on, until `lifted_at`.
    """

    __tablename__ = "delivery_failure"
    __table_args__ = (Index(None, "address", "created_at"),)

    id: Mapped[intpk]
    address: Mapped[str] = mapped_column(String(320))
    email_id: Mapped[int | None] = mapped_column(
        ForeignKey("email_message.id", ondelete="SET NULL"), index=True
    )
    cause: Mapped[Cause] = mapped_column(Word(Cause), default=Cause.BOUNCE)
    status: Mapped[str32] = mapped_column(default="")
    words: Mapped[longtext] = mapped_column(default="")
    stops: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
