"""Who wants a digest and when, what waits for it, and which tickets and accounts somebody has muted."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

WORD = sa.String(32)
CHOICES: tuple[tuple[str, sa.types.TypeEngine[Any], Any], ...] = (
    ("digest", WORD, "off"),
    ("digest_hour", sa.Integer(), "8"),
    ("digest_weekday", sa.Integer(), "0"),
    ("digest_spares_urgent", sa.Boolean(), sa.true()),
)


def upgrade() -> None:
    for name, type_, default in CHOICES:
        op.add_column("user", sa.Column(name, type_, nullable=False, server_default=default))
    op.add_column("user", sa.Column("digest_told", sa.Date()))
    op.create_table(
        "mute",
        sa.Column("id", sa.Integer(), primary_key=True),
        _parent("user_id", "user", nullable=False),
        _parent("ticket_id", "ticket", nullable=True),
        _parent("account_id", "email_account", nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("user_id", "ticket_id"),
        sa.UniqueConstraint("user_id", "account_id"),
    )
    op.create_index(op.f("ix_mute_ticket_id"), "mute", ["ticket_id"])
    op.create_index(op.f("ix_mute_account_id"), "mute", ["account_id"])
    op.create_table(
        "digest_entry",
        sa.Column("id", sa.Integer(), primary_key=True),
        _parent("user_id", "user", nullable=False),
        _parent("ticket_id", "ticket", nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("user_id", "event_id"),
    )
    op.create_index(op.f("ix_digest_entry_ticket_id"), "digest_entry", ["ticket_id"])


def _parent(name: str, table: str, *, nullable: bool) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=nullable)


def downgrade() -> None:
    op.drop_table("digest_entry")
    op.drop_table("mute")
    op.drop_column("user", "digest_told")
    for name, *_ in reversed(CHOICES):
        op.drop_column("user", name)
