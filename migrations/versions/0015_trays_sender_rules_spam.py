"""Trays for mail that is no ticket, rules about senders, what is believed about spam, and what did not arrive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

IN_A_TRAY = sa.text("tray IS NOT NULL")
OF_THE_DESK = sa.text("account_id IS NULL")
TRAYS = {"held": "held", "failed": "failed", "ignored": "automatic", "discarded": "discarded"}


def upgrade() -> None:
    op.add_column("email_message", sa.Column("tray", sa.String(32), nullable=True))
    _fill_trays()
    op.create_index(
        "ix_email_message_tray", "email_message", ["tray", "account_id", "id"],
        sqlite_where=IN_A_TRAY, postgresql_where=IN_A_TRAY,
    )  # fmt: skip
    op.add_column(
        "email_account",
        sa.Column("spam_check", sa.String(32), nullable=False, server_default=sa.text("'verdict'")),
    )
    op.add_column(
        "email_account", sa.Column("spam_score", sa.Double(), nullable=False, server_default=sa.text("5"))
    )
    _create_sender_rule()
    _create_delivery_failure()


def _fill_trays() -> None:
    mail = sa.table(
        "email_message", sa.column("tray"), sa.column("direction"), sa.column("state"), sa.column("ticket_id")
    )
    received = sa.update(mail).where(mail.c.direction == "in")
    for state, tray in TRAYS.items():
        op.execute(received.where(mail.c.state == state).values(tray=tray))
    unlinked = received.where(mail.c.state == "bounced", mail.c.ticket_id.is_(None))
    op.execute(unlinked.values(tray="undeliverable"))


def _create_sender_rule() -> None:
    op.create_table(
        "sender_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("pattern", sa.String(320), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("note", sa.String(255), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["email_account.id"], name=op.f("fk_sender_rule_account_id_email_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_sender_rule_created_by_id_user"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender_rule")),
    )  # fmt: skip
    op.create_index("ix_sender_rule_of_account", "sender_rule", ["pattern", "account_id"], unique=True)
    op.create_index(
        "ix_sender_rule_of_desk", "sender_rule", ["pattern"], unique=True,
        sqlite_where=OF_THE_DESK, postgresql_where=OF_THE_DESK,
    )  # fmt: skip
    op.create_index(op.f("ix_sender_rule_account_id"), "sender_rule", ["account_id"])
    op.create_index(op.f("ix_sender_rule_created_by_id"), "sender_rule", ["created_by_id"])


def _create_delivery_failure() -> None:
    op.create_table(
        "delivery_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("email_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("stops", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["email_id"], ["email_message.id"], name=op.f("fk_delivery_failure_email_id_email_message"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_failure")),
    )  # fmt: skip
    op.create_index(
        op.f("ix_delivery_failure_address_created_at"), "delivery_failure", ["address", "created_at"]
    )
    op.create_index(op.f("ix_delivery_failure_email_id"), "delivery_failure", ["email_id"])


def downgrade() -> None:
    op.drop_table("delivery_failure")
    op.drop_table("sender_rule")
    op.drop_column("email_account", "spam_score")
    op.drop_column("email_account", "spam_check")
    op.drop_index("ix_email_message_tray", table_name="email_message")
    op.drop_column("email_message", "tray")
