"""How an account signs in, what an OAuth 2 provider gave for it, and that somebody wants another look at its mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ACCOUNT = "email_account"
NOTHING = sa.text("''")


def upgrade() -> None:
    for way in ("incoming", "outgoing"):
        method = sa.Column(f"{way}_sign_in", sa.String(32), nullable=False, server_default="password")
        op.add_column(ACCOUNT, method)
    op.add_column(
        ACCOUNT, sa.Column("is_fetch_wanted", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "oauth_connection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(255), nullable=False, server_default=NOTHING),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=False, server_default=NOTHING),
        sa.Column("authorize_url", sa.String(998), nullable=False, server_default=NOTHING),
        sa.Column("token_url", sa.String(998), nullable=False, server_default=NOTHING),
        sa.Column("scopes", sa.Text(), nullable=False, server_default=NOTHING),
        sa.Column("refresh_token", sa.Text(), nullable=False, server_default=NOTHING),
        sa.Column("access_token", sa.Text(), nullable=False, server_default=NOTHING),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewal", sa.String(64), nullable=True),
        sa.Column("renewal_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_hash", sa.String(64), nullable=False, server_default=NOTHING),
        sa.Column("code_verifier", sa.Text(), nullable=False, server_default=NOTHING),
        sa.Column("state_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["email_account.id"],
            name=op.f("fk_oauth_connection_account_id_email_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_connection")),
        sa.UniqueConstraint("account_id", name=op.f("uq_oauth_connection_account_id")),
    )


def downgrade() -> None:
    op.drop_table("oauth_connection")
    for column in ("is_fetch_wanted", "outgoing_sign_in", "incoming_sign_in"):
        op.drop_column(ACCOUNT, column)
