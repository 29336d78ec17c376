"""A notification may be about a mail that is no ticket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("notification") as batch_op:
        batch_op.alter_column("ticket_id", existing_type=sa.Integer(), nullable=True)
        batch_op.add_column(sa.Column("email_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_notification_email_id_email_message"),
            "email_message",
            ["email_id"],
            ["id"],
            ondelete="CASCADE",
        )
        batch_op.create_index(op.f("ix_notification_email_id"), ["email_id"])


def downgrade() -> None:
    op.execute("DELETE FROM notification WHERE ticket_id IS NULL")
    with op.batch_alter_table("notification") as batch_op:
        batch_op.drop_index(op.f("ix_notification_email_id"))
        batch_op.drop_constraint(op.f("fk_notification_email_id_email_message"), type_="foreignkey")
        batch_op.drop_column("email_id")
        batch_op.alter_column("ticket_id", existing_type=sa.Integer(), nullable=False)
