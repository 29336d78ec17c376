"""Tickets, what was said on them, by whom, and the files that came along."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, longtext, str32, str255, str998
from helpdesk.models.mail import EmailAccount
from helpdesk.models.people import User, UserAddress
from helpdesk.models.tags import Tag
from helpdesk.models.types import Word
from helpdesk.policy.status import Category, CommentKind, Disposition, Priority, Status


class TextFormat(StrEnum):
    """What a comment was written in."""

    PLAIN = "plain"
    MARKDOWN = "markdown"


class Ticket(Base):
    """A matter somebody asked about. `number` is what people see, through TICKET_NUMBER_FORMAT.

    `waiting_since` is when the customer's last unanswered message came; `last_activity_at` orders the list.
    `email_from` is the address the first mail came from; `may_belong_to_id` is a hint for agents (a stranger cited
    that ticket), `follow_up_of_id` links to the closed ticket this one continues. `overdue_told_for` is the due date
    whose passing was told: another due date may be told again. `merged_into_id` says where a merged one went;
    `needs_requester` that it is an agent's only because the mail he forwarded did not say whose it is.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        Index(None, "disposition", "status", "last_activity_at", "id"),
        Index(None, "disposition", "assignee_id", "status", "last_activity_at", "id"),
        # Both answer alone, without a look at the rows: the sidebar's numbers, and a walk past what a filter leaves out.
        Index(None, "account_id", "disposition", "status", "assignee_id", "due_at"),
        Index(
            "ix_ticket_by_activity",
            "disposition",
            "last_activity_at",
            "id",
            "status",
            "account_id",
            "assignee_id",
            "priority",
        ),
        Index(None, "disposition", "waiting_since", "id"),
        Index(None, "disposition", "due_at", "id"),
        Index(None, "disposition", "created_at", "id"),
    )

    id: Mapped[intpk]
    number: Mapped[int] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="RESTRICT"))
    requester_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="RESTRICT"), index=True)
    requester_address_id: Mapped[int] = mapped_column(
        ForeignKey("user_address.id", ondelete="RESTRICT"), index=True
    )
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    subject: Mapped[str998]
    status: Mapped[Status] = mapped_column(Word(Status), default=Status.NEW)
    priority: Mapped[Priority] = mapped_column(Word(Priority), default=Priority.MEDIUM, index=True)
    category: Mapped[Category] = mapped_column(Word(Category), default=Category.SUPPORT, index=True)
    disposition: Mapped[Disposition] = mapped_column(Word(Disposition), default=Disposition.NORMAL)
    due_at: Mapped[datetime | None]
    overdue_told_for: Mapped[datetime | None]
    created_from_email: Mapped[bool] = mapped_column(default=False)
    email_from: Mapped[str | None] = mapped_column(String(320))
    may_belong_to_id: Mapped[int | None] = mapped_column(
        ForeignKey("ticket.id", ondelete="SET NULL"), index=True
    )
    follow_up_of_id: Mapped[int | None] = mapped_column(
        ForeignKey("ticket.id", ondelete="SET NULL"), index=True
    )
    merged_into_id: Mapped[int | None] = mapped_column(
        ForeignKey("ticket.id", ondelete="SET NULL"), index=True
    )
    needs_requester: Mapped[bool] = mapped_column(default=False)
    waiting_since: Mapped[datetime | None]
    last_activity_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)

    account: Mapped[EmailAccount] = relationship()
    requester: Mapped[User] = relationship(foreign_keys=[requester_id])
    requester_address: Mapped[UserAddress] = relationship()
    assignee: Mapped[User | None] = relationship(foreign_keys=[assignee_id])
    created_by: Mapped[User | None] = relationship(foreign_keys=[created_by_id])
    may_belong_to: Mapped[Ticket | None] = relationship(
        foreign_keys=[may_belong_to_id], remote_side="Ticket.id"
    )
    follow_up_of: Mapped[Ticket | None] = relationship(
        foreign_keys=[follow_up_of_id], remote_side="Ticket.id"
    )
    merged_into: Mapped[Ticket | None] = relationship(foreign_keys=[merged_into_id], remote_side="Ticket.id")
    comments: Mapped[list[Comment]] = relationship(back_populates="ticket", order_by="Comment.id")
    participants: Mapped[list[Participant]] = relationship(back_populates="ticket", order_by="Participant.id")
    tags: Mapped[list[Tag]] = relationship(secondary="ticket_tag", order_by="Tag.folded", viewonly=True)


class Comment(Base):
    """Something said on a ticket; number 1 is its description.

    `text` is what is shown, `full_text` everything including the quoted history, `html` the sender's own HTML,
    uncleaned: only `mail/html.py` may bring it near a browser; of Markdown (`format`) `source` is what was written and
    `text` how it reads in plain words, else `source` is "". `remote_pictures` counts those of the web in it, which
    are shown to who asks for them, `tracking_pixels` those nobody could see, which never are. `is_released` is False for words of somebody who does
    not take part: agents only, until one of them releases or splits them. `is_unverified`: nobody vouches that the
    address is the writer's own, as with the public form. `form_key` makes a form sent twice one comment. `particulars`
    are what a mail holds besides words and files (`mail.types.Particular`), as plain values. `came_from_id` is the
    ticket it was said on, when that one was merged into this: no foreign key, for such tickets stay.
    """

    __tablename__ = "comment"
    __table_args__ = (Index(None, "ticket_id", "id"),)

    id: Mapped[intpk]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))
    kind: Mapped[CommentKind] = mapped_column(Word(CommentKind))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    author_name: Mapped[str255] = mapped_column(default="")
    author_email: Mapped[str] = mapped_column(String(320), default="")
    text: Mapped[longtext]
    full_text: Mapped[longtext]
    html: Mapped[longtext] = mapped_column(default="")
    format: Mapped[TextFormat] = mapped_column(Word(TextFormat), default=TextFormat.PLAIN)
    source: Mapped[longtext] = mapped_column(default="")
    remote_pictures: Mapped[int] = mapped_column(default=0)
    tracking_pixels: Mapped[int] = mapped_column(default=0)
    is_from_email: Mapped[bool] = mapped_column(default=False)
    is_automatic: Mapped[bool] = mapped_column(default=False)
    is_released: Mapped[bool] = mapped_column(default=True)
    is_unverified: Mapped[bool] = mapped_column(default=False)
    message_id: Mapped[str | None] = mapped_column(String(998))
    particulars: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    came_from_id: Mapped[int | None]
    created_at: Mapped[datetime]
    form_key: Mapped[str | None] = mapped_column(String(64), unique=True)

    ticket: Mapped[Ticket] = relationship(back_populates="comments")
    author: Mapped[User | None] = relationship()
    attachments: Mapped[list[Attachment]] = relationship(back_populates="comment", order_by="Attachment.id")

    @property
    def is_internal(self) -> bool:
        return self.kind is CommentKind.NOTE


class Attachment(Base):
    """A file of a comment; its bytes are the blob `sha256`. `token` names it in addresses, unguessably."""

    __tablename__ = "attachment"

    id: Mapped[intpk]
    token: Mapped[str32] = mapped_column(unique=True)
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256", ondelete="RESTRICT"), index=True)
    filename: Mapped[str255]
    content_type: Mapped[str255]
    size: Mapped[int]
    content_id: Mapped[str255] = mapped_column(default="")
    is_inline: Mapped[bool] = mapped_column(default=False)

    comment: Mapped[Comment] = relationship(back_populates="attachments")


class Participant(Base):
    """An address that takes part in a ticket: `requester`, `cc` or `follower`.

    Nothing older than `since` is shown or sent to somebody who was added later; None means from the beginning.
    """

    __tablename__ = "participant"
    __table_args__ = (UniqueConstraint("ticket_id", "address_id"), Index(None, "address_id"))

    id: Mapped[intpk]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))
    address_id: Mapped[int] = mapped_column(ForeignKey("user_address.id", ondelete="CASCADE"))
    role: Mapped[str32]
    since: Mapped[datetime | None]
    created_at: Mapped[datetime]

    ticket: Mapped[Ticket] = relationship(back_populates="participants")
    address: Mapped[UserAddress] = relationship()
