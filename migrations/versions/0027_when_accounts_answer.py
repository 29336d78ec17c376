"""At which times an account confirms new tickets by itself, and what it says while nobody is there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TABLE = "email_account"


def upgrade() -> None:
    when = sa.Column("acknowledges_when", sa.String(32), nullable=False, server_default="always")
    op.add_column(TABLE, when)
    op.add_column(TABLE, sa.Column("closed_text", sa.Text(), nullable=False, server_default=sa.text("''")))
    hours = sa.Column("business_hours", sa.JSON(), nullable=False, server_default=sa.text("'{}'"))
    op.add_column(TABLE, hours)


def downgrade() -> None:
    for name in ("business_hours", "closed_text", "acknowledges_when"):
        op.drop_column(TABLE, name)
