"""Which form wrote a draft, so that sending it leaves nothing behind; and what fills the reason an answer was stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("draft", sa.Column("form_key", sa.String(64), nullable=False, server_default=sa.text("''")))
    op.add_column(
        "scheduled_reply",
        sa.Column("reason_params", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
    )


def downgrade() -> None:
    op.drop_column("scheduled_reply", "reason_params")
    op.drop_column("draft", "form_key")
