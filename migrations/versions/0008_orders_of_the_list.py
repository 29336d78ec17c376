"""Indexes for the list's orders: waiting longest, newest tickets."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_ticket_waiting_since"), "ticket", ["waiting_since"])
    op.create_index(op.f("ix_ticket_created_at"), "ticket", ["created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_ticket_created_at"), table_name="ticket")
    op.drop_index(op.f("ix_ticket_waiting_since"), table_name="ticket")
