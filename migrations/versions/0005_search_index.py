"""The search index: all words of a ticket in one row, and FTS5 or a tsvector over them; filled for what is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

from helpdesk.policy.search_words import document

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 500
KEEP_IN_STEP = (
    """CREATE TRIGGER ticket_search_added AFTER INSERT ON ticket_search_words BEGIN
    INSERT INTO ticket_search_fts (rowid, words) VALUES (new.ticket_id, new.words); END""",
    """CREATE TRIGGER ticket_search_removed AFTER DELETE ON ticket_search_words BEGIN
    INSERT INTO ticket_search_fts (ticket_search_fts, rowid, words) VALUES ('delete', old.ticket_id, old.words); END""",
    """CREATE TRIGGER ticket_search_changed AFTER UPDATE ON ticket_search_words BEGIN
    INSERT INTO ticket_search_fts (ticket_search_fts, rowid, words) VALUES ('delete', old.ticket_id, old.words);
    INSERT INTO ticket_search_fts (rowid, words) VALUES (new.ticket_id, new.words); END""",
)
# what a ticket's row is made of, each text with its ticket, in the order in which they are cut when they are too many
TEXTS = (
    "SELECT id, subject FROM ticket WHERE id IN :ids",
    """SELECT p.ticket_id, u.name || ' ' || a.email FROM participant p JOIN user_address a ON a.id = p.address_id
    JOIN "user" u ON u.id = a.user_id WHERE p.ticket_id IN :ids ORDER BY p.id""",
    """SELECT c.ticket_id, f.filename FROM attachment f JOIN comment c ON c.id = f.comment_id
    WHERE c.ticket_id IN :ids AND NOT f.is_inline ORDER BY f.id""",
    "SELECT ticket_id, author_name || ' ' || author_email || ' ' || text FROM comment WHERE ticket_id IN :ids ORDER BY id",
)


def upgrade() -> None:
    connection = op.get_bind()
    is_postgresql = connection.dialect.name == "postgresql"
    op.create_table(
        "ticket_search_words",
        sa.Column(
            "ticket_id", sa.Integer(), sa.ForeignKey("ticket.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("words", sa.Text(), nullable=False),
    )
    fill(connection)
    if is_postgresql:
        op.execute(
            "ALTER TABLE ticket_search_words ADD COLUMN lexemes tsvector "
            "GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, words)) STORED"
        )
        op.execute("CREATE INDEX ix_ticket_search_words_lexemes ON ticket_search_words USING gin (lexemes)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE ticket_search_fts USING fts5(words, content='ticket_search_words', "
        "content_rowid='ticket_id', columnsize=0, prefix='3', tokenize='unicode61 remove_diacritics 0')"
    )
    op.execute("INSERT INTO ticket_search_fts (ticket_search_fts) VALUES ('rebuild')")
    for trigger in KEEP_IN_STEP:
        op.execute(trigger)


def fill(connection: Connection) -> None:
    """Write the row of every ticket, in batches so that memory stays flat."""
    insert = sa.text("INSERT INTO ticket_search_words (ticket_id, words) VALUES (:ticket_id, :words)")
    for ids in batches(connection):
        texts: dict[int, list[str]] = defaultdict(list)
        for statement in TEXTS:
            chosen = sa.text(statement).bindparams(sa.bindparam("ids", ids, expanding=True))
            for ticket_id, text in connection.execute(chosen):
                texts[ticket_id].append(text)
        connection.execute(insert, [{"ticket_id": id, "words": document(texts[id])} for id in ids])


def batches(connection: Connection) -> Iterator[Sequence[int]]:
    last = 0
    following = sa.text("SELECT id FROM ticket WHERE id > :last ORDER BY id LIMIT :size")
    while ids := connection.execute(following, {"last": last, "size": BATCH}).scalars().all():
        yield ids
        last = ids[-1]


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE ticket_search_fts")
    op.drop_table("ticket_search_words")
