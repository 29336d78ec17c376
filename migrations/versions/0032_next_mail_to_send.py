"""An index that finds the next mail to send at once, however many wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

MAIL, NEXT = "email_message", "ix_email_message_next_to_send"


def upgrade() -> None:
    queued = sa.text("state = 'queued'")
    columns = ["account_id", "urgency", "id"]
    op.create_index(NEXT, MAIL, columns, sqlite_where=queued, postgresql_where=queued)


def downgrade() -> None:
    op.drop_index(NEXT, MAIL)
