"""The words admins wrote for the desk's mails."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, longtext
from helpdesk.models.people import User
from helpdesk.models.types import Word
from helpdesk.policy.mail_texts import MailText


class EmailTemplate(Base):
    """One version of a text in one language, for the whole desk or for one account (`account_id`).

    Rows are only ever added: the newest of its text, account and language counts, the others are its history. One with
    `is_built_in` says that from then on the built-in words count again; its own are empty. `subject` and `words` hold
    placeholders, `words` are Markdown. `author_id` is None for what the desk took over from an earlier version.
    """

    __tablename__ = "email_template"
    __table_args__ = (Index("ix_email_template_newest", "name", "language", "account_id", "id"),)

    id: Mapped[intpk]
    name: Mapped[MailText] = mapped_column(Word(MailText))
    language: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("email_account.id", ondelete="CASCADE"), index=True
    )
    subject: Mapped[str] = mapped_column(String(500), default="")
    words: Mapped[longtext] = mapped_column(default="")
    is_built_in: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]

    author: Mapped[User | None] = relationship()
