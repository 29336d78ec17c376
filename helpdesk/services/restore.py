"""Puts a backup back: unpacked beside the desk, checked whole, and only then set in place.

What was there before is put aside, not deleted. Large files are known by their hash and only ever added. The database
changes last and in one step, so that a restore that is interrupted leaves a desk that works.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from helpdesk.database import utcnow
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.services.backup import (
    CHUNK,
    DATABASE,
    FORMAT,
    KEY,
    MANIFEST,
    Manifest,
    blob_name,
    private,
    sha256_of,
)
from helpdesk.storage import sync_folder

ALLOWED = re.compile(
    r"manifest\.json|helpdesk\.sqlite3|secret_key|blobs/[0-9a-f]{2}/[0-9a-f]{64}|practice/[\w.,:=@/-]+"
)

SMALL = {MANIFEST: 64 * 1024, KEY: 64 * 1024}  # read into memory whole
PATIENCE_S = 10.0
RESERVE = 256 * 1024 * 1024  # bytes left for the rest of the machine

WAITING = {
    "email_message": "SELECT count(*) FROM email_message WHERE direction = 'out' AND state IN ('queued', 'sending')",
    "scheduled_reply": "SELECT count(*) FROM scheduled_reply WHERE state = 'waiting'",
    "digest_entry": "SELECT count(DISTINCT user_id) FROM digest_entry",
}


@dataclass(frozen=True, slots=True)
class Restored:
    """What the archive said of itself, and where the earlier database was put; None when there was none.

    `missing` large files were not whole. `held` mails were waiting to be sent and now wait for an admin's word: since the
    backup they may have gone out.
    """

    manifest: Manifest
    aside: Path | None
    missing: int
    held: int


def restore(archive: Path, instance: Path, *, revisions: Collection[str], force: bool = False) -> Restored:
    """Replace the desk in `instance` by the one in `archive`; the desk must not run.

    `revisions` are the migrations this program knows. Raises InvalidInput for what is no whole backup, or one of a
    newer program, Conflict when there is a desk already and `force` was not given. Nothing is changed then.
    """
    if (instance / DATABASE).exists() and not force:
        raise Conflict(
            "There is a desk in %(folder)s already. With --force its database is put aside.",
            folder=str(instance),
        )
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=instance, prefix=".restore-") as folder:
            unpacked = Path(folder)
            _unpack(archive, unpacked)
            manifest = _check(unpacked, revisions)
            missing = _check_files(unpacked)
            held = _hold_sending(unpacked)
            return Restored(manifest, _set_in_place(unpacked, instance), missing, held)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput(
            "%(file)s could not be restored: %(reason)s.",
            file=str(archive),
            reason=reason or type(error).__name__,
        ) from error


def _unpack(archive: Path, folder: Path) -> None:
    """Write the members a backup may have; any other name, a link or a device is refused."""
    with tarfile.open(archive, mode="r:*") as tar:
        for member in tar:
            if not member.isreg() or not ALLOWED.fullmatch(member.name) or ".." in member.name:
                raise InvalidInput("%(file)s is not a backup of a desk.", file=str(archive))
            _refuse_size(member, folder)
            path = folder / member.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(path, "xb", opener=private) as file:
                shutil.copyfileobj(tar.extractfile(member), file, CHUNK)  # type: ignore[arg-type]  # a regular file has bytes
                file.flush()
                os.fsync(file.fileno())


def _refuse_size(member: tarfile.TarInfo, folder: Path) -> None:
    """A few kilobytes may unpack to more than the disk holds: its size is asked before it is written."""
    if member.size > SMALL.get(member.name, member.size):
        raise InvalidInput("The file is not a backup of a desk.")
    if member.size > shutil.disk_usage(folder).free - RESERVE:
        raise InvalidInput("There is not enough room on the disk to unpack the backup.")


def _read_manifest(folder: Path) -> Manifest:
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InvalidInput("The file is not a backup of a desk.") from error
    texts = (manifest.created_at, manifest.revision, manifest.database_sha256)
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise InvalidInput("The file is not a backup of a desk.")
    if not all(isinstance(count, int) for count in (manifest.tickets, manifest.files, manifest.format)):
        raise InvalidInput("The file is not a backup of a desk.")
    return manifest


def _damaged() -> InvalidInput:
    return InvalidInput("The database in the backup is damaged.")


@contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """The unpacked database. Raises InvalidInput for one that cannot be read, or is none of ours."""
    try:
        with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
            yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes damaged names as they are
        raise _damaged() from error


def _check(folder: Path, revisions: Collection[str]) -> Manifest:
    manifest = _read_manifest(folder)
    if manifest.format != FORMAT or manifest.revision not in revisions:
        raise InvalidInput("The backup was made by a newer version of Helpdesk; update the program first.")
    if not (folder / DATABASE).is_file() or sha256_of(folder / DATABASE) != manifest.database_sha256:
        raise _damaged()
    with _reading(folder) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if verdict != "ok" or broken:
        raise _damaged()
    return manifest


def _check_files(folder: Path) -> int:
    """How many of the large files are missing or damaged; those are not taken over."""
    with _reading(folder) as connection:
        names = [row[0] for row in connection.execute("SELECT sha256 FROM blob WHERE is_file")]
    missing = 0
    for sha256 in names:
        path = folder / blob_name(sha256)
        if not path.is_file() or sha256_of(path) != sha256:
            path.unlink(missing_ok=True)
            missing += 1
    return missing


def _hold_sending(folder: Path) -> int:
    """Keep what waited when the backup was taken from being sent a second time; counts it."""
    with _reading(folder) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        waiting = sum(
            connection.execute(query).fetchone()[0] for table, query in WAITING.items() if table in names
        )
        if waiting:
            connection.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('hold_sending', 'true')")
    return int(waiting)


def _set_in_place(unpacked: Path, instance: Path) -> Path | None:
    for path in sorted(path for path in unpacked.rglob("*") if path.is_file()):
        name = path.relative_to(unpacked)
        if name.parts[0] in {"blobs", "practice"}:
            _move(path, instance / name)
    aside = _put_aside(instance) if (instance / DATABASE).exists() else None
    if (unpacked / KEY).is_file():
        os.replace(unpacked / KEY, instance / KEY)
    os.replace(unpacked / DATABASE, instance / DATABASE)
    sync_folder(instance)
    return aside


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.replace(path, target)
    sync_folder(target.parent)


def _put_aside(instance: Path) -> Path:
    """Keep copies of the database as it is and of the key. A log that is left would be applied to the new database.

    The database may be damaged, or somebody may still read it: its log is then kept beside its copy.
    """
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(instance / DATABASE, timeout=PATIENCE_S)) as connection,
    ):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = instance / f"before-restore-{utcnow():%Y%m%d-%H%M%S}"
    aside.mkdir(mode=0o700)
    logs = [f"{DATABASE}{ending}" for ending in ("-wal", "-shm")]
    for name in (DATABASE, *logs, KEY):
        if (instance / name).is_file():
            shutil.copy2(instance / name, aside / name)
    for name in logs:
        (instance / name).unlink(missing_ok=True)
    return aside
