"""Words of a sender nobody vouches for, and which accounts customers may choose for a new ticket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "comment", sa.Column("is_unverified", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "email_account", sa.Column("is_offered", sa.Boolean(), nullable=False, server_default=sa.true())
    )


def downgrade() -> None:
    op.drop_column("email_account", "is_offered")
    op.drop_column("comment", "is_unverified")
