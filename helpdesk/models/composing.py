"""What an agent is writing: drafts with their files, and answers that wait for the end of their undo time."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, longtext, str32, str255
from helpdesk.models.people import User
from helpdesk.models.tickets import Comment, Ticket
from helpdesk.models.types import Word
from helpdesk.policy.status import CommentKind, Status


class ReplyState(StrEnum):
    """Where a scheduled answer stands. Only `waiting` may become anything else."""

    WAITING = "waiting"
    SENT = "sent"
    UNDONE = "undone"
    STOPPED = "stopped"  # the desk refused it at its time; the text is the author's draft again


class Draft(Base):
    """What one person is writing on one ticket, once as an answer and once as a note.

    `recipients` is {"cc": [...], "left_out": [...], "to": [...], "bcc": [...]}: left out are people of the ticket the
    agent unticked; without "to" it is for the requester. Each save
    raises `revision`; a page that knows an older one must not overwrite. `form_key` is that of the form which saved last.
    """

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("user_id", "ticket_id", "kind"), Index(None, "ticket_id"))

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))
    kind: Mapped[CommentKind] = mapped_column(Word(CommentKind))
    text: Mapped[longtext] = mapped_column(default="")
    form_key: Mapped[str] = mapped_column(String(64), default="")
    recipients: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    user: Mapped[User] = relationship()
    ticket: Mapped[Ticket] = relationship()
    files: Mapped[list[Upload]] = relationship(back_populates="draft", order_by="Upload.id")


class ScheduledReply(Base):
    """An answer somebody has sent and may still take back: until `due_at` nothing else of it exists.

    At its time comment, status, events and mail come into being together and `comment_id` names the comment.
    `recipients` ({"to": [...], "cc": [...], "bcc": [...]}) is what the agent saw. `seen_comment_id` is the last message that stood
    on his page. `waits_for_silence` cancels it when the customer writes first: an answer for later, not the few
    seconds of undoing. Once it has gone out its text is the comment's, once taken back
    the draft's, and is cleared here. `reason` is an error's sentence and `reason_params` what fills it, for whoever reads
    it in his own language. Of kind `forward` it takes along what `forwarded` names: {"comments": [ids],
    "attachments": [ids]}.
    """

    __tablename__ = "scheduled_reply"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "ticket_id", "state"))

    id: Mapped[intpk]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    kind: Mapped[CommentKind] = mapped_column(Word(CommentKind), default=CommentKind.REPLY)
    text: Mapped[longtext]
    recipients: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    status_after: Mapped[Status | None] = mapped_column(Word(Status))
    seen_comment_id: Mapped[int] = mapped_column(default=0)
    waits_for_silence: Mapped[bool] = mapped_column(default=False)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[ReplyState] = mapped_column(Word(ReplyState), default=ReplyState.WAITING)
    reason: Mapped[longtext] = mapped_column(default="")
    reason_params: Mapped[dict[str, str | int]] = mapped_column(JSON, default=dict)
    forwarded: Mapped[dict[str, list[int]]] = mapped_column(JSON, default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id", ondelete="SET NULL"), index=True)

    ticket: Mapped[Ticket] = relationship()
    author: Mapped[User] = relationship()
    comment: Mapped[Comment | None] = relationship()
    files: Mapped[list[Upload]] = relationship(back_populates="reply", order_by="Upload.id")


class Upload(Base):
    """A file that waits in a draft or in a scheduled answer, in one of the two; its bytes are the blob `sha256`.

    `token` names it in addresses, for its owner alone. One that `is_picture` was put into the text, which shows it as
    `![name](upload:token)`, and goes only where the text still does; what shows it may be `content_type` of a picture only.
    """

    __tablename__ = "upload"

    id: Mapped[intpk]
    token: Mapped[str32] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    draft_id: Mapped[int | None] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"), index=True)
    reply_id: Mapped[int | None] = mapped_column(
        ForeignKey("scheduled_reply.id", ondelete="CASCADE"), index=True
    )
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256", ondelete="RESTRICT"), index=True)
    filename: Mapped[str255]
    content_type: Mapped[str255]
    size: Mapped[int]
    is_picture: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    draft: Mapped[Draft | None] = relationship(back_populates="files")
    reply: Mapped[ScheduledReply | None] = relationship(back_populates="files")
