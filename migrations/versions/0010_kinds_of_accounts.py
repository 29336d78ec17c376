"""Whose a mail account is: the whole team's, a department's or one person's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "email_account", sa.Column("kind", sa.String(length=32), nullable=False, server_default="shared")
    )


def downgrade() -> None:
    op.drop_column("email_account", "kind")
