"""The one database session, the only `commit`, and the small tools that make races decidable.

Doors write as `with transaction(): service(...)`; services flush and never commit. Whatever must happen once the facts
are safe (waking a worker) is registered with `after_commit`. SQLite's own traps are handled here and nowhere else:
writers take the lock at BEGIN (IMMEDIATE), readers never do, and a read that is still open is ended before a write.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    DateTime,
    Engine,
    Insert,
    MetaData,
    Select,
    String,
    Text,
    TypeDecorator,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    ORMExecuteState,
    Session,
    SessionTransaction,
    mapped_column,
    registry,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC datetimes out; a naive one raises instead of being guessed."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: use utcnow() or an aware one")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


intpk = Annotated[int, mapped_column(primary_key=True)]
str32 = Annotated[str, mapped_column(String(32))]
str64 = Annotated[str, mapped_column(String(64))]
str255 = Annotated[str, mapped_column(String(255))]
str998 = Annotated[str, mapped_column(String(998))]
longtext = Annotated[str, mapped_column(Text)]


class Base(DeclarativeBase):
    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: UtcDateTime(), str: String(255)},
    )


db = SQLAlchemy(model_class=Base, session_options={"autoflush": True})


_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


def utcnow() -> datetime:
    return _moment.get() or datetime.now(UTC)


@contextmanager
def as_of(moment: datetime) -> Iterator[None]:
    """Let the clock of this thread stand still at `moment`: how a sample of the last weeks is made."""
    token = _moment.set(moment)
    try:
        yield
    finally:
        _moment.reset(token)


# SQLite: transactions that mean it


def prepare_engine(engine: Engine) -> None:
    """Install what SQLite needs before its first connection; a no-op elsewhere."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin or commit behind our back
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# one transaction per action


@contextmanager
def transaction() -> Iterator[Session]:
    """Run the block as one transaction: commit once at its end, or roll back and pass the error on.

    A read still open on the session is ended first, since SQLite cannot turn an old read into a write (it fails at
    once with SQLITE_BUSY_SNAPSHOT, whatever the time-out); loaded objects are reloaded when next used. Nesting raises
    RuntimeError: a service that needs a transaction of its own belongs to a door.
    """
    session = db.session()
    if session.info.get("writes"):
        raise RuntimeError("transaction() inside transaction()")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("objects were changed outside transaction()")
    session.rollback()
    session.info["writes"] = True
    callbacks = session.info["after_commit"] = []
    try:
        session.connection(execution_options={"writes": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        callbacks = []
        raise
    finally:
        session.info.pop("writes", None)
        session.info.pop("after_commit", None)
    for callback in callbacks:
        callback()


def after_commit(callback: Callable[[], object]) -> None:
    """Call `callback` once the surrounding transaction() has committed; never if it rolls back."""
    callbacks: list[Callable[[], object]] | None = db.session().info.get("after_commit")
    if callbacks is None:
        raise RuntimeError("after_commit() outside transaction()")
    callbacks.append(callback)


def end_read() -> None:
    """Give the read transaction back before slow work (mail servers, password hashing)."""
    session = db.session()
    if session.info.get("writes"):
        raise RuntimeError("slow work inside transaction()")
    session.rollback()


@event.listens_for(Session, "before_flush")
def _refuse_stray_flush(session: Session, *_: object) -> None:
    if not session.info.get("writes") and (session.new or session.dirty or session.deleted):
        raise RuntimeError("a write outside transaction()")


@event.listens_for(Session, "do_orm_execute")
def _refuse_stray_statement(state: ORMExecuteState) -> None:
    writes = state.is_insert or state.is_update or state.is_delete
    if writes and not state.session.info.get("writes"):
        raise RuntimeError("a write outside transaction()")


# asked once

T = TypeVar("T")
ASKED = "asked_in_this_read"


def once(key: Hashable, load: Callable[[], T]) -> T:
    """What `load` returns, loaded once as long as the read lasts: a page names the same people in many places.

    Within transaction() it is loaded every time, so that what was just written is seen.
    """
    session = db.session()
    if session.info.get("writes"):
        return load()
    asked = session.info.get(ASKED, {})
    if key not in asked:
        found = load()
        asked = session.info.setdefault(ASKED, {})
        asked[key] = found
    return cast(T, asked[key])


@event.listens_for(Session, "after_transaction_end")
def _forget_what_was_asked(session: Session, _: SessionTransaction) -> None:
    session.info.pop(ASKED, None)


# who was first


def insert_once(model: type[Base], **values: Any) -> int | None:
    """Insert a row unless a unique constraint knows it already; return its id, or None for a duplicate."""
    statement = _insert_once(model, db.session().get_bind().dialect.name)
    return db.session.execute(statement, values).scalar_one_or_none()


@cache
def _insert_once(model: type[Base], dialect: str) -> Insert:
    """Made once: half of what a short statement costs is putting it together."""
    table = model.__table__
    build: Callable[..., Any] = postgresql.insert if dialect == "postgresql" else sqlite.insert
    key = table.primary_key.columns.values()[0]  # type: ignore[attr-defined]
    statement: Insert = build(table).on_conflict_do_nothing().returning(key)
    return statement


def hold(key: InstrumentedAttribute[int], value: int) -> None:
    """Keep this row as it is until the commit: others that hold it wait, those that only refer to it do not.

    SQLite's one writer holds everything already and is not asked.
    """
    if db.session().get_bind().dialect.name != "sqlite":
        db.session.execute(select(key).where(key == value).with_for_update(key_share=True))


def free_ones(rows: Select[Any]) -> Select[Any]:
    """The rows found, as they stand now and held until the commit; those another transaction is changing are left to it.

    Who changes rows by loading them first would otherwise write over what others have done to them since.
    """
    held = rows.with_for_update(key_share=True, skip_locked=True)
    return held.execution_options(populate_existing=True)


def claim(model: type[Base], *where: Any, **values: Any) -> bool:
    """UPDATE the rows matching `where`; True when exactly one was ours to take.

    Competing callers all name the old state in `where`, so only the first one finds it.
    """
    result = db.session.execute(
        update(model).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    return isinstance(result, CursorResult) and result.rowcount == 1


def add(model: type[Base], values: Mapping[str, Any]) -> None:
    """A plain INSERT without loading the object."""
    db.session.execute(insert(model).values(**values))
