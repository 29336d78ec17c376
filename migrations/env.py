"""Runs migrations on the application's own engine.

SQLite alters a table by copying it. With foreign keys on, dropping the old copy would silently empty its children, so
they are switched off before BEGIN (the pragma is ignored inside a transaction), checked when all is done, and a
violation rolls everything back. All migrations of one `upgrade` are one transaction on both databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection

from helpdesk.database import UtcDateTime, db
from helpdesk.models.types import Word


def render_item(kind: str, item: object, _autogen: object) -> str | bool:
    """Write our own column types as the plain ones they are stored as."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Word):
        return "sa.String(32)"
    return False


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the shadow tables of full-text search alone."""
    return not (kind == "table" and name is not None and "_search_" in name)


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect().execution_options(writes=True) as connection:
        if connection.dialect.name == "sqlite":
            with foreign_keys_off(connection):
                migrate(connection)
        else:
            migrate(connection)


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        render_item=render_item,
        include_name=include_name,
    )
    with connection.begin():
        context.run_migrations()
        if connection.dialect.name == "sqlite":
            refuse_broken_references(connection)


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


def refuse_broken_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"The migration would break {len(broken)} references; nothing was changed.")


run()
