"""What an account says and whom it assigns, its alarms, when people were last seen, and a mail's events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("email_account") as batch_op:
        batch_op.add_column(sa.Column("is_sending", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("default_assignee_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("signature", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("acknowledgement_text", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("is_alarming", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_email_account_default_assignee_id"), ["default_assignee_id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_email_account_default_assignee_id_user"),
            "user",
            ["default_assignee_id"],
            ["id"],
            ondelete="SET NULL",
        )
    op.add_column("user", sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_event_email_id"), "event", ["email_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_event_email_id"), "event")
    op.drop_column("user", "last_seen_at")
    with op.batch_alter_table("email_account") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_email_account_default_assignee_id_user"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_email_account_default_assignee_id"))
        for name in (
            "alarmed_at",
            "is_alarming",
            "failing_since",
            "acknowledgement_text",
            "signature",
            "default_assignee_id",
            "is_sending",
        ):
            batch_op.drop_column(name)
