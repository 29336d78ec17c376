"""One file with everything a one-machine desk knows, taken while it runs, and the way back.

The archive is a tar with a manifest, a copy of the database, the large files, the key and the practice mailbox. The
copy is one consistent moment (SQLite's VACUUM INTO); files never change and are gone from the folder only long after
the last row that names them, so copying them afterwards is safe. A desk on PostgreSQL is backed up with that database's
own tools.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from helpdesk.database import utcnow
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.storage import sync_folder

FORMAT = 1
DATABASE = "helpdesk.sqlite3"
KEY = "secret_key"
MANIFEST = "manifest.json"
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself: `revision` is the database's migration, `tickets` and `files` are counts."""

    created_at: str
    revision: str
    tickets: int
    files: int
    database_sha256: str
    format: int = FORMAT


@dataclass(slots=True)
class Written:
    """The archive and what was wrong with the desk's own files: names of lost or damaged ones."""

    path: Path
    manifest: Manifest
    size: int = 0
    damaged: list[str] = field(default_factory=list)


def default_name(now: datetime | None = None) -> str:
    return f"helpdesk-{now or utcnow():%Y%m%d-%H%M%S}.tar.gz"


def write(instance: Path, target: Path) -> Written:
    """Back up the desk in `instance` to `target`, a .tar or .tar.gz readable by its owner only.

    Raises Conflict when the file exists, InvalidInput when there is no SQLite desk or the place cannot be written.
    A half-written archive never bears the name.
    """
    if not (instance / DATABASE).is_file():
        raise InvalidInput("There is no desk to back up in %(folder)s.", folder=str(instance))
    if target.exists():
        raise Conflict("%(file)s exists already; it is left alone.", file=str(target))
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            return _write(instance, target, Path(folder))
    except OSError as error:
        raise InvalidInput(
            "The backup could not be written to %(file)s: %(reason)s.",
            file=str(target),
            reason=error.strerror or "disk error",
        ) from error


def _write(instance: Path, target: Path, folder: Path) -> Written:
    snapshot = _snapshot(instance / DATABASE, folder / DATABASE)
    blobs, written = _describe(snapshot, target)
    part = folder / "archive"
    with open(part, "xb", opener=private) as file:
        with tarfile.open(fileobj=file, mode="w:gz" if target.name.endswith("gz") else "w:") as archive:
            _add_bytes(archive, MANIFEST, json.dumps(asdict(written.manifest), indent=2).encode())
            archive.add(snapshot, DATABASE, filter=_anonymous)
            for path in _small_files(instance):
                archive.add(path, str(path.relative_to(instance)), filter=_anonymous)
            for sha256 in blobs:
                _add_blob(archive, instance, sha256, written.damaged)
        file.flush()
        os.fsync(file.fileno())
    written.size = part.stat().st_size
    os.replace(part, target)
    sync_folder(target.parent)
    return written


def _snapshot(database: Path, copy: Path) -> Path:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy


def _describe(snapshot: Path, target: Path) -> tuple[list[str], Written]:
    with closing(sqlite3.connect(snapshot)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        (tickets,) = connection.execute("SELECT count(*) FROM ticket").fetchone()
        blobs = [
            row[0] for row in connection.execute("SELECT sha256 FROM blob WHERE is_file ORDER BY sha256")
        ]
    created_at = f"{utcnow():%Y-%m-%dT%H:%M:%SZ}"
    manifest = Manifest(created_at, revision, tickets, len(blobs), sha256_of(snapshot))
    return blobs, Written(target, manifest)


def _small_files(instance: Path) -> Iterator[Path]:
    if (instance / KEY).is_file():
        yield instance / KEY
    yield from sorted(path for path in (instance / "practice").rglob("*") if path.is_file())


def _add_blob(archive: tarfile.TarFile, instance: Path, sha256: str, damaged: list[str]) -> None:
    path = instance / blob_name(sha256)
    if not path.is_file() or sha256_of(path) != sha256:
        damaged.append(sha256)
    with suppress(FileNotFoundError):
        archive.add(path, blob_name(sha256), filter=_anonymous)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o600, int(utcnow().timestamp())
    archive.addfile(member, io.BytesIO(data))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def blob_name(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def private(path: str, flags: int) -> int:
    """An `opener` for files of their owner alone."""
    return os.open(path, flags, 0o600)
