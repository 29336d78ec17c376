"""Several folders, what happens on the server to a mail that was taken, and what a POP3 server was seen to hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _account() -> list[sa.Column[object]]:
    return [
        sa.Column("other_folders", sa.JSON(), nullable=False, server_default=sa.text("'[]'")),
        sa.Column("after_taking", sa.String(32), nullable=False, server_default="seen"),
        sa.Column("move_to_folder", sa.String(255), nullable=False, server_default=sa.text("''")),
        sa.Column("delete_after_days", sa.Integer(), nullable=False, server_default="14"),
    ]


def _log() -> list[sa.Column[object]]:
    return [
        sa.Column("warning", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("warning_params", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
    ]


def upgrade() -> None:
    for column in _account():
        op.add_column("email_account", column)
    op.add_column(
        "fetch_cursor", sa.Column("owed", sa.JSON(), nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column("fetch_cursor", sa.Column("owed_tries", sa.Integer(), nullable=False, server_default="0"))
    for column in _log():
        op.add_column("email_poll_log", column)
    op.create_table(
        "known_mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fate", sa.String(32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("known_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["email_account.id"],
            name=op.f("fk_known_mail_account_id_email_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_mail")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_known_mail_account_id_key")),
    )


def downgrade() -> None:
    op.drop_table("known_mail")
    for column in reversed(_log()):
        op.drop_column("email_poll_log", column.name)
    op.drop_column("fetch_cursor", "owed_tries")
    op.drop_column("fetch_cursor", "owed")
    for column in reversed(_account()):
        op.drop_column("email_account", column.name)
