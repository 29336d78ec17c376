"""Why an address is left alone: so far because mail came back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "delivery_failure", sa.Column("cause", sa.String(32), nullable=False, server_default="bounce")
    )


def downgrade() -> None:
    op.drop_column("delivery_failure", "cause")
