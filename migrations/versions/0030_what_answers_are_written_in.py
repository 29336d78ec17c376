"""Answers are written in Markdown, with pictures in them, signatures of agents and the conversation below."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

WORD = sa.String(32)
COLUMNS = (
    ("comment", "format", WORD, "plain"),
    ("comment", "source", sa.Text(), ""),
    ("upload", "is_picture", sa.Boolean(), sa.false()),
    ("email_account", "quoted_history", WORD, "none"),
    ("user", "signature", sa.Text(), ""),
)


def upgrade() -> None:
    for table, name, type_, default in COLUMNS:
        op.add_column(table, sa.Column(name, type_, nullable=False, server_default=default))
    op.add_column("email_account", sa.Column("max_mail_mb", sa.Integer()))


def downgrade() -> None:
    op.drop_column("email_account", "max_mail_mb")
    for table, name, *_ in reversed(COLUMNS):
        op.drop_column(table, name)
