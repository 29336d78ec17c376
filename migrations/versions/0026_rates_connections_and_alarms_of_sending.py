"""How fast and over how many connections an account sends, when a mail was handed over, and that sending fails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ACCOUNT, MAIL = "email_account", "email_message"
HANDED = "ix_email_message_account_id_handed_at"
NUMBERS = (("sends_per_minute", "0"), ("sends_per_hour", "0"), ("send_connections", "1"))
TEXTS = ("sending_error", "sending_error_detail")
MOMENTS = ("sending_failing_since", "sending_alarmed_at")


def upgrade() -> None:
    for name, value in NUMBERS:
        op.add_column(ACCOUNT, sa.Column(name, sa.Integer(), nullable=False, server_default=value))
    for name in TEXTS:
        op.add_column(ACCOUNT, sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
    told = sa.Column("sending_error_told", sa.JSON(), nullable=False, server_default=sa.text("'{}'"))
    op.add_column(ACCOUNT, told)
    for name in MOMENTS:
        op.add_column(ACCOUNT, sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    alarming = sa.Column("is_sending_alarming", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column(ACCOUNT, alarming)
    op.add_column(MAIL, sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True))
    some = sa.text("handed_at IS NOT NULL")
    op.create_index(HANDED, MAIL, ["account_id", "handed_at"], sqlite_where=some, postgresql_where=some)
    op.create_table(
        "send_slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["email_account.id"],
            name=op.f("fk_send_slot_account_id_email_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send_slot")),
        sa.UniqueConstraint("account_id", "number", name=op.f("uq_send_slot_account_id_number")),
    )


def downgrade() -> None:
    op.drop_table("send_slot")
    op.drop_index(HANDED, MAIL)
    op.drop_column(MAIL, "handed_at")
    columns = (*(name for name, _ in NUMBERS), *TEXTS, "sending_error_told", *MOMENTS, "is_sending_alarming")
    for name in reversed(columns):
        op.drop_column(ACCOUNT, name)
