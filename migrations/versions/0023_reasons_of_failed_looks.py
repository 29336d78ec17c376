"""What fills the sentences about a look at a server that failed, for readers in any language."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLES = (("email_account", "last_error_told"), ("email_poll_log", "error_told"))


def upgrade() -> None:
    for table, name in TABLES:
        op.add_column(table, sa.Column(name, sa.JSON(), nullable=False, server_default=sa.text("'{}'")))


def downgrade() -> None:
    for table, name in reversed(TABLES):
        op.drop_column(table, name)
