"""How many pictures of the web a designed mail has, and whose pictures a member of the team always wants to see."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE = "picture_permission"
PICTURE = re.compile(r"<img\b[^<>]{0,4000}?\bsrc\s*=\s*[\"']?\s*https?://", re.IGNORECASE)
BATCH = 100


def upgrade() -> None:
    op.add_column("comment", sa.Column("remote_pictures", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("address_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["address_id"],
            ["user_address.id"],
            name=op.f("fk_picture_permission_address_id_user_address"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_picture_permission_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture_permission")),
        sa.UniqueConstraint("user_id", "address_id", name=op.f("uq_picture_permission_user_id_address_id")),
    )
    op.create_index(op.f("ix_picture_permission_address_id"), TABLE, ["address_id"])
    _count_pictures()


def _count_pictures() -> None:
    """Of the mails there are: otherwise nobody could ask for theirs."""
    comment = sa.table("comment", sa.column("id"), sa.column("html"), sa.column("remote_pictures"))
    connection, last = op.get_bind(), 0
    while True:
        designed = sa.select(comment.c.id, comment.c.html).where(comment.c.id > last, comment.c.html != "")
        rows = connection.execute(designed.order_by(comment.c.id).limit(BATCH)).all()
        if not rows:
            return
        for row in rows:
            if count := len(PICTURE.findall(row.html)):
                here = sa.update(comment).where(comment.c.id == row.id)
                connection.execute(here.values(remote_pictures=count))
        last = rows[-1].id


def downgrade() -> None:
    op.drop_table(TABLE)
    op.drop_column("comment", "remote_pictures")
