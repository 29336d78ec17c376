"""Indexes that answer alone: the sidebar's numbers, and every order of the list within what one may see."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BEFORE = {
    "ix_ticket_account_id_disposition_status": ["account_id", "disposition", "status"],
    "ix_ticket_disposition_last_activity_at_id": ["disposition", "last_activity_at", "id"],
    "ix_ticket_waiting_since": ["waiting_since"],
    "ix_ticket_due_at": ["due_at"],
    "ix_ticket_created_at": ["created_at"],
}
AFTER = {
    "ix_ticket_account_id_disposition_status_assignee_id_due_at": [
        "account_id", "disposition", "status", "assignee_id", "due_at",
    ],
    "ix_ticket_by_activity": [
        "disposition", "last_activity_at", "id", "status", "account_id", "assignee_id", "priority",
    ],
    "ix_ticket_disposition_waiting_since_id": ["disposition", "waiting_since", "id"],
    "ix_ticket_disposition_due_at_id": ["disposition", "due_at", "id"],
    "ix_ticket_disposition_created_at_id": ["disposition", "created_at", "id"],
}  # fmt: skip


def upgrade() -> None:
    _replace(BEFORE, AFTER)


def downgrade() -> None:
    _replace(AFTER, BEFORE)


def _replace(old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    for name in old:
        op.drop_index(op.f(name), table_name="ticket")
    for name, columns in new.items():
        op.create_index(op.f(name), "ticket", columns)
