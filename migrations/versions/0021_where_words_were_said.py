"""On which ticket something was said, when that one was merged into the one it is on now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("comment", sa.Column("came_from_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("comment", "came_from_id")
