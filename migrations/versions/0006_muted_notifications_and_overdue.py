"""What people do not want to be told, and the due date whose passing was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "user", sa.Column("muted_notifications", sa.JSON(), nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column("ticket", sa.Column("overdue_told_for", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("ticket", "overdue_told_for")
    op.drop_column("user", "muted_notifications")
