"""Raw mails and files, kept once under the sha256 of their bytes.

Two steps, so that no file is written while a transaction holds the lock: `stage(data)` before it, `keep(blob)` inside
it. Small blobs, and all of them on PostgreSQL (web and worker may not share a disk), lie in the database in chunks;
on SQLite larger ones lie in `INSTANCE_PATH/blobs`, written to a temporary name, fsynced with their folder, renamed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flask import current_app
from sqlalchemy import ColumnElement, ForeignKey, LargeBinary, String, delete, exists, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.database import Base, db, insert_once, utcnow
from helpdesk.errors import HelpdeskError

CHUNK_BYTES = 1024 * 1024
LARGE_BYTES = 256 * 1024


class StorageError(HelpdeskError):
    """The bytes cannot be kept or are gone or changed."""

    code = "storage"


class Blob(Base):
    """Bytes known by their hash; `is_file` tells where they lie."""

    __tablename__ = "blob"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int]
    is_file: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(index=True)


class BlobChunk(Base):
    """A piece of a blob that lies in the database; `position` counts from 0."""

    __tablename__ = "blob_chunk"

    sha256: Mapped[str] = mapped_column(
        String(64), ForeignKey("blob.sha256", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class StagedBlob:
    """Bytes that are safe to refer to once `keep` was called; `data` is None when they lie in a file."""

    sha256: str
    size: int
    data: bytes | None = field(repr=False)


def stage(data: bytes) -> StagedBlob:
    """Make `data` ready to be kept; writes the file of a large one. Raises StorageError when the disk is full."""
    digest = hashlib.sha256(data).hexdigest()
    if len(data) <= LARGE_BYTES or db.engine.dialect.name != "sqlite":
        return StagedBlob(digest, len(data), data)
    try:
        _write_file(path_of(digest), data)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError("A file could not be stored: the disk of the desk is full.") from error
        raise StorageError(
            "A file could not be stored: %(reason)s.", reason=error.strerror or "disk error"
        ) from error
    return StagedBlob(digest, len(data), None)


def keep(blob: StagedBlob) -> str:
    """Record a staged blob inside the running transaction and return its sha256. Keeping it twice is harmless.

    Raises StorageError when its file was cleared away since it was staged; staging it again helps.
    """
    if blob.data is None and not path_of(blob.sha256).is_file():
        raise StorageError("The stored file %(sha256)s is missing.", sha256=blob.sha256)
    is_new = insert_once(
        Blob, sha256=blob.sha256, size=blob.size, is_file=blob.data is None, created_at=utcnow()
    )
    if is_new is not None and blob.data is not None:
        chunks = range(0, max(len(blob.data), 1), CHUNK_BYTES)
        rows = [
            {"sha256": blob.sha256, "position": position, "data": blob.data[start : start + CHUNK_BYTES]}
            for position, start in enumerate(chunks)
        ]
        db.session.execute(BlobChunk.__table__.insert(), rows)  # type: ignore[attr-defined]
    return blob.sha256


def read(sha256: str) -> bytes:
    """Return the bytes. Raises StorageError when they are missing or no longer match their hash."""
    pieces = (
        select(Blob.is_file, BlobChunk.data)
        .outerjoin(BlobChunk, BlobChunk.sha256 == Blob.sha256)
        .where(Blob.sha256 == sha256)
        .order_by(BlobChunk.position)
    )
    rows = db.session.execute(pieces).all()
    if not rows:
        raise StorageError("The stored file %(sha256)s is missing.", sha256=sha256)
    data = _read_file(sha256) if rows[0].is_file else b"".join(row.data or b"" for row in rows)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise StorageError("The stored file %(sha256)s was changed or damaged.", sha256=sha256)
    return data


def is_whole(blob: Blob) -> bool:
    """Whether the bytes of `blob` are there in full length; does not read them."""
    if blob.is_file:
        path = path_of(blob.sha256)
        return path.is_file() and path.stat().st_size == blob.size
    stored = db.session.scalar(
        select(func.sum(func.length(BlobChunk.data))).where(BlobChunk.sha256 == blob.sha256)
    )
    return (stored or 0) == blob.size


def is_used() -> ColumnElement[bool]:
    """A condition on `Blob`: some row of some table refers to it."""
    owners = [
        column
        for table in Base.metadata.sorted_tables
        if table is not BlobChunk.__table__
        for column in table.columns
        if any(key.target_fullname == "blob.sha256" for key in column.foreign_keys)
    ]
    return or_(*(exists().where(column == Blob.sha256) for column in owners))


def unused(before: datetime) -> ColumnElement[bool]:
    """A condition on `Blob`: older than `before` and nobody's. Younger ones may belong to work that is going on."""
    return ~is_used() & (Blob.created_at < before)


def drop(sha256: str, before: datetime) -> bool:
    """Within a transaction: forget a blob if it still is `unused`; False when it is not.

    On SQLite the transaction holds the only right to write, so nobody can refer to the blob meanwhile; whoever staged
    the same bytes just now has touched the file, or finds it gone in `keep`. Where several write at once the foreign
    key refuses one of the two.
    """
    blob = db.session.scalar(select(Blob).where(Blob.sha256 == sha256, unused(before)))
    if blob is None:
        return False
    path = path_of(sha256)
    if blob.is_file and path.is_file():
        if path.stat().st_mtime >= before.timestamp():
            return False
        path.unlink()
    db.session.execute(delete(BlobChunk).where(BlobChunk.sha256 == sha256))
    db.session.execute(delete(Blob).where(Blob.sha256 == sha256))
    return True


def path_of(sha256: str) -> Path:
    return Path(current_app.config["INSTANCE_PATH"]) / "blobs" / sha256[:2] / sha256


def _read_file(sha256: str) -> bytes:
    try:
        return path_of(sha256).read_bytes()
    except OSError as error:
        raise StorageError("The stored file %(sha256)s is missing.", sha256=sha256) from error


def _write_file(path: Path, data: bytes) -> None:
    if path.is_file() and path.stat().st_size == len(data):
        path.touch()  # it is wanted again: see drop()
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names that were written or moved there last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
