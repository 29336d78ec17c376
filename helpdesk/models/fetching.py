"""How far fetching has come with each server, and how each look at one went."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.database import Base, intpk, longtext, str255
from helpdesk.models.types import Word


class FetchCursor(Base):
    """How far a folder was read: every UID up to `last_uid` has its row, except those still in `pending_uids`.

    `pending_uids` holds what a first fetch or a rescan after a new UIDVALIDITY still has to take, ascending. `owed` are
    UIDs of taken mails the server has not been told of, by the step that comes next; `owed_tries` counts how often
    that failed.
    """

    __tablename__ = "fetch_cursor"
    __table_args__ = (UniqueConstraint("account_id", "folder"),)

    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="CASCADE"))
    folder: Mapped[str255]
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger)
    pending_uids: Mapped[list[int]] = mapped_column(JSON, default=list)
    owed: Mapped[dict[str, list[int]]] = mapped_column(JSON, default=dict)
    owed_tries: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime]


class MailFate(StrEnum):
    """What became of a mail a POP3 server holds."""

    TAKEN = "taken"
    PARTIAL = "partial"  # taken in part: it is never deleted there
    PASSED = "passed"  # older than the account: never to be taken
    STUCK = "stuck"  # reading it failed; it is tried again after the others


class KnownMail(Base):
    """A mail a POP3 server holds or held, by the name it has there: POP3 has no cursor to tell new mail by.

    `missing_since` is when the server stopped naming it; such rows are forgotten in the end, for a server may use a
    name again. `failures` counts the attempts of one that is stuck.
    """

    __tablename__ = "known_mail"
    __table_args__ = (UniqueConstraint("account_id", "key"),)

    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="CASCADE"))
    key: Mapped[str255]
    fate: Mapped[MailFate] = mapped_column(Word(MailFate))
    failures: Mapped[int] = mapped_column(default=0)
    known_since: Mapped[datetime]
    missing_since: Mapped[datetime | None]


class EmailPollLog(Base):
    """One look at an account: what was found and taken, or the error in words.

    `warning`: something else on the server could not be done; a message id, filled in by `warning_params`.
    """

    __tablename__ = "email_poll_log"
    __table_args__ = (Index(None, "account_id", "started_at"),)

    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="CASCADE"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    found: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    error: Mapped[longtext] = mapped_column(default="")
    error_told: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    error_detail: Mapped[longtext] = mapped_column(default="")
    warning: Mapped[longtext] = mapped_column(default="")
    warning_params: Mapped[dict[str, str | int]] = mapped_column(JSON, default=dict)
