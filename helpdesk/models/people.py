"""People, the addresses they write from, how they sign in, and which accounts they may work on."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from helpdesk.database import Base, intpk, longtext, str32, str64, str255
from helpdesk.models.types import Word
from helpdesk.policy.digest import Every
from helpdesk.policy.status import Role


class User(Base):
    """A person. One made by mail has no password and signs in only by a link to his address.

    `undo_seconds` is how long a member of the team may take an answer back; None: as long as the desk says.
    `muted_notifications` names what the person does not want to be told, by channel: {"mail": ["status_changed"]}, and
    what he wants though nobody is told of it unasked: {"mail_on": [...]}. `digest` gathers what would be mailed into
    one mail at `digest_hour` of his clock, a weekly one on `digest_weekday` (0 is Monday); `digest_spares_urgent`: what
    cannot wait is mailed at once all the same. `digest_told` is the day the last digest was for.
    `signature`, in Markdown, stands below what a member of the team writes to customers, above that of the account.
    """

    __tablename__ = "user"

    id: Mapped[intpk]
    name: Mapped[str255] = mapped_column(default="")
    role: Mapped[Role] = mapped_column(Word(Role), index=True)
    password_hash: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(String(16))
    timezone: Mapped[str | None] = mapped_column(String(64))
    undo_seconds: Mapped[int | None]
    muted_notifications: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    digest: Mapped[Every] = mapped_column(Word(Every), default=Every.OFF)
    digest_hour: Mapped[int] = mapped_column(default=8)
    digest_weekday: Mapped[int] = mapped_column(default=0)
    digest_spares_urgent: Mapped[bool] = mapped_column(default=True)
    digest_told: Mapped[date | None]
    signature: Mapped[longtext] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    last_seen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    addresses: Mapped[list[UserAddress]] = relationship(
        back_populates="user", order_by="UserAddress.id", cascade="all, delete-orphan"
    )
    grants: Mapped[list[Grant]] = relationship(back_populates="user", cascade="all, delete-orphan")

    @property
    def is_team(self) -> bool:
        return self.role in (Role.AGENT, Role.ADMIN)

    @property
    def email(self) -> str:
        """The first address as it was written, "" when there is none."""
        return self.addresses[0].email if self.addresses else ""

    @property
    def shown_name(self) -> str:
        return self.name or self.email


class UserAddress(Base):
    """An address of a person; `address` is normalised and unique, `email` as it was written."""

    __tablename__ = "user_address"

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    address: Mapped[str] = mapped_column(String(320), unique=True)
    email: Mapped[str] = mapped_column(String(320))
    verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship(back_populates="addresses")


class UserSession(Base):
    """A signed-in browser. The cookie holds a random token, the row only its hash."""

    __tablename__ = "user_session"

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str64] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user_agent: Mapped[str255] = mapped_column(default="")
    ip: Mapped[str64] = mapped_column(default="")

    user: Mapped[User] = relationship()


class LoginToken(Base):
    """A one-time link, kept as a hash. `purpose`: setup, sign_in, invitation, password."""

    __tablename__ = "login_token"

    id: Mapped[intpk]
    purpose: Mapped[str32]
    token_hash: Mapped[str64] = mapped_column(unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    address_id: Mapped[int | None] = mapped_column(ForeignKey("user_address.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship()


class Grant(Base):
    """An agent's access to an account; none means no access, admins need none."""

    __tablename__ = "grant"
    __table_args__ = (UniqueConstraint("user_id", "account_id"), Index(None, "account_id"))

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship(back_populates="grants")


class PicturePermission(Base):
    """Whose pictures of the web a member of the team always wants to see. Loading one tells the sender that his mail
    is being read, and from where: so everybody decides for himself.
    """

    __tablename__ = "picture_permission"
    __table_args__ = (UniqueConstraint("user_id", "address_id"),)

    id: Mapped[intpk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    address_id: Mapped[int] = mapped_column(ForeignKey("user_address.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
