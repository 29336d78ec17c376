"""Migrations: one head, equal to the models, up and down on both databases, nothing emptied on the way."""

import shutil
from hashlib import sha256

import pytest
from alembic.script import ScriptDirectory
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.models import Ticket
from helpdesk.services import queries, search
from helpdesk.services.queries import TicketFilter
from tests import factories


def test_there_is_one_head(context):
    scripts = ScriptDirectory(context.extensions["migrate"].directory)
    assert len(scripts.get_heads()) == 1


def test_models_and_migrations_agree(context):
    check()


def test_down_and_up_again(context):
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    check()


@pytest.mark.parametrize("statement", ["UPDATE event SET type = 'x'", "DELETE FROM event"])
def test_events_cannot_be_changed(context, statement):
    with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(
            text(
                "INSERT INTO event (id, type, occurred_at, data) VALUES (1, 'a.b', '2026-01-02 03:04:05', '{}')"
            )
        )
    with (
        pytest.raises(DBAPIError, match="append-only"),
        db.engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        connection.execute(text(statement))


BATCH_ALTER = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "9999", "{head}"
def upgrade():
    recreate = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("blob", recreate=recreate) as batch:
        batch.add_column(sa.Column("extra", sa.Integer()))
def downgrade():
    pass
"""


def test_altering_a_parent_keeps_its_children(context, tmp_path):
    """A batch alter on SQLite drops the old table; with foreign keys on that would empty its children."""
    folder = context.extensions["migrate"].directory
    head = ScriptDirectory(folder).get_current_head()
    shutil.copytree(folder, tmp_path / "migrations")
    (tmp_path / "migrations" / "versions" / "9999_alter.py").write_text(BATCH_ALTER.format(head=head))
    with transaction():
        storage.keep(storage.stage(b"kept"))
    upgrade(directory=str(tmp_path / "migrations"))
    assert storage.read(sha256(b"kept").hexdigest()) == b"kept"


def test_people_and_their_addresses_survive_going_down_and_up(context):
    """Dropping a column of `user` copies that table on SQLite; its children must not go with the old copy."""
    account = factories.make_account()
    factories.make_agent(accounts=[account])
    factories.make_ticket(account)
    tables = ("user", "user_address", "grant", "email_account", "ticket", "participant", "comment")

    def counts():
        with db.engine.connect() as connection:
            return [connection.scalar(text(f'SELECT count(*) FROM "{table}"')) for table in tables]

    before = counts()
    db.session.remove()
    downgrade(revision="0001")
    upgrade()
    assert counts() == before
    assert min(before) > 0


def test_the_search_index_is_filled_for_what_is_there(context):
    """A desk of any size finds its old tickets right after the upgrade; more of them than fill one batch."""
    account = factories.make_account()
    first = factories.make_ticket(account, subject="Printer", text="It hums like an okapi.")
    columns = [
        column.name for column in Ticket.__table__.columns if column.name not in ("id", "number", "form_key")
    ]
    copied = ", ".join(columns)
    with transaction() as session:
        for number in range(2, 1103):
            session.execute(
                text(
                    f"INSERT INTO ticket (id, number, {copied}) SELECT :n, :n, {copied} FROM ticket WHERE id = :id"
                ),
                {"n": number + 10, "id": first.id},
            )
    before = search_rows()
    downgrade(revision="0004")
    upgrade()
    after = search_rows()
    assert len(after) == 1102
    assert before.items() <= after.items()
    viewer = factories.make_admin()
    (row,) = queries.list_tickets(viewer, TicketFilter(query=search.parse("okapi"))).rows
    assert row.ticket.id == first.id
    assert len(queries.list_tickets(viewer, TicketFilter(query=search.parse("printer"))).rows) == 50


def test_pictures_of_mails_that_are_there_can_be_asked_for(context):
    ticket = factories.make_ticket(factories.make_account(), text="Look")
    with transaction() as session:
        told = text("UPDATE comment SET html = :html WHERE ticket_id = :id")
        html = '<p><img src="https://x.example/a.png"><IMG alt=b SRC=http://x.example/b.png><img src="cid:c"></p>'
        session.execute(told, {"html": html, "id": ticket.id})
    downgrade(revision="0018")
    upgrade()
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT remote_pictures FROM comment")).scalar_one() == 2


def search_rows():
    with db.engine.connect() as connection:
        return dict(connection.execute(text("SELECT ticket_id, words FROM ticket_search_words")).all())
