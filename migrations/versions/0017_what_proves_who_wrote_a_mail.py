"""Whose word an account takes about a mail's author, how it is answered, and what a received mail proves by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "email_account", sa.Column("trusted_authserv_id", sa.String(255), nullable=False, server_default="")
    )
    op.add_column(
        "email_account",
        sa.Column("takes_plus_addresses", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column(
        "email_message", sa.Column("dmarc", sa.String(32), nullable=False, server_default="unknown")
    )
    op.add_column(
        "email_message", sa.Column("thread_index", sa.String(64), nullable=False, server_default="")
    )
    op.create_index(op.f("ix_email_message_thread_index"), "email_message", ["thread_index"])


def downgrade() -> None:
    op.drop_index(op.f("ix_email_message_thread_index"), "email_message")
    op.drop_column("email_message", "thread_index")
    op.drop_column("email_message", "dmarc")
    op.drop_column("email_account", "takes_plus_addresses")
    op.drop_column("email_account", "trusted_authserv_id")
