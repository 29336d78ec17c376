"""How many pictures nobody could see were taken out of a designed mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("comment", sa.Column("tracking_pixels", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("comment", "tracking_pixels")
