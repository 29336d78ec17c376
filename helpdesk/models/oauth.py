"""What an OAuth 2 provider gave for a mail account instead of a password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.database import Base, intpk, longtext, str64, str255, str998
from helpdesk.models.types import Word
from helpdesk.policy.oauth import OAuthProvider


class OAuthConnection(Base):
    """The permission to use one account's mailbox, and the registration of the desk it was given to.

    Secrets, tokens and verifier are encrypted (`services/keys.py`). `renewal` and `renewal_until` are the lease of who
    renews the access token. `refused_at`: the provider has withdrawn the permission since. `state_hash`,
    `code_verifier` and `state_until` belong to a browser that is at the provider's page now.
    """

    __tablename__ = "oauth_connection"

    id: Mapped[intpk]
    account_id: Mapped[int] = mapped_column(ForeignKey("email_account.id", ondelete="CASCADE"), unique=True)
    provider: Mapped[OAuthProvider] = mapped_column(Word(OAuthProvider))
    tenant: Mapped[str255] = mapped_column(default="")  # Microsoft's name for an organisation, "" for any
    client_id: Mapped[str255]
    client_secret: Mapped[longtext] = mapped_column(default="")
    authorize_url: Mapped[str998] = mapped_column(default="")
    token_url: Mapped[str998] = mapped_column(default="")
    scopes: Mapped[longtext] = mapped_column(default="")
    refresh_token: Mapped[longtext] = mapped_column(default="")
    access_token: Mapped[longtext] = mapped_column(default="")
    expires_at: Mapped[datetime | None]
    connected_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    renewal: Mapped[str | None] = mapped_column(String(64))
    renewal_until: Mapped[datetime | None]
    state_hash: Mapped[str64] = mapped_column(default="")
    code_verifier: Mapped[longtext] = mapped_column(default="")
    state_until: Mapped[datetime | None]
