"""Mail kept in a folder of this machine (Maildir): the practice mailbox, and a server for tests.

Whoever can write to the folder can be any customer, so it is for practice on loopback. UIDs are handed out by a list of
our own beside the mails; a lock file lets several processes look at once. Envelopes of sent mail lie in side files, so
the mails stay exactly the bytes that were sent.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from helpdesk.errors import PermanentError, TransientError, TransportError
from helpdesk.transports.base import Delivery, FetchedMail, FolderState
from helpdesk.transports.partial import MAX_HEADER_BYTES, MAX_TEXT_BYTES, partial_from_beginning

UID_LIST = "helpdesk-uids.json"
LOCK = "helpdesk-uids.lock"
ENVELOPES = "envelopes"


def deposit(folder: Path, raw: bytes) -> str:
    """Put a mail into a Maildir, whole or not at all, and return its name."""
    make_maildir(folder)
    name = f"{time.time_ns()}.{os.getpid()}_{secrets.token_hex(8)}.helpdesk"
    write_whole(folder / "tmp" / name, raw, folder / "new" / name)
    return name


def make_maildir(folder: Path) -> None:
    """Make the three folders a Maildir consists of; readable by this user only."""
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)


class MaildirSource:
    """Reads a Maildir as if it were an IMAP account: `path` is INBOX, `path/.Name` the folder Name."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._folder = self._path
        with explained(self._path):
            make_maildir(self._path)

    def open_folder(self, folder: str) -> FolderState:
        """Select a folder and give each new mail in it its UID."""
        self._folder = self._path if folder.upper() == "INBOX" else self._path / f".{_checked(folder)}"
        if not (self._folder / "cur").is_dir():
            raise PermanentError("There is no folder %(folder)s in this mailbox.", folder=folder)
        with explained(self._folder):
            uids = _update_uid_list(self._folder)
        return FolderState(uidvalidity=uids.uidvalidity, next_uid=uids.next_uid)

    def uids_after(self, last_uid: int) -> list[int]:
        """UIDs of mails that came after `last_uid`."""
        return [uid for uid in self._files() if uid > last_uid]

    def uids_since(self, day: date, *, unseen_only: bool) -> list[int]:
        """UIDs of mails whose file is from `day` (UTC) or later."""
        return [
            uid
            for uid, path in self._files().items()
            if not (unseen_only and "S" in _flags(path)) and _is_since(path, day)
        ]

    def fetch(self, uids: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        """Yield the mails whose files still exist."""
        for uid in uids:
            with explained(self._folder):
                mail = self._read(uid, max_bytes)
            if mail is not None:
                yield mail

    def mark_seen(self, uids: Sequence[int]) -> None:
        """Move into `cur` with the flag S."""
        files = self._files()
        for uid in uids:
            path = files.get(uid)
            if path is not None and "S" not in _flags(path):
                flags = "".join(sorted(_flags(path) + "S"))
                with explained(self._folder), suppress(FileNotFoundError):
                    path.rename(self._folder / "cur" / f"{_base(path)}:2,{flags}")

    @property
    def can_move(self) -> bool:
        """A file is renamed or it is not."""
        return True

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move the files into another folder, made when it is missing."""
        target = self._path / f".{_checked(folder)}"
        self._each(uids, lambda path: path.rename(target / "cur" / path.name), made=target)

    def copy(self, uids: Sequence[int], folder: str) -> None:
        """Copy the mails into another folder."""
        target = self._path / f".{_checked(folder)}"
        self._each(uids, lambda path: deposit(target, path.read_bytes()), made=target)

    def delete(self, uids: Sequence[int]) -> None:
        """Delete the files."""
        self._each(uids, Path.unlink)

    def _each(self, uids: Sequence[int], tell: Callable[[Path], object], made: Path | None = None) -> None:
        files = self._files()
        with explained(self._folder):
            if made is not None:
                make_maildir(made)
            for path in (files[uid] for uid in uids if uid in files):
                with suppress(FileNotFoundError):
                    tell(path)

    def folders(self) -> list[str]:
        """INBOX and the folders beside it."""
        with explained(self._path):
            names = [p.name[1:] for p in self._path.glob(".*") if (p / "cur").is_dir()]
        return ["INBOX", *sorted(names)]

    def close(self) -> None:
        """Nothing is held open."""

    def _files(self) -> dict[int, Path]:
        """Where each mail lies now, by ascending UID: its file moves when another process marks it."""
        with explained(self._folder):
            uids = _update_uid_list(self._folder).uids
            found = {_base(path): path for path in _mail_files(self._folder)}
        return {uid: found[name] for name, uid in uids.items() if name in found}

    def _read(self, uid: int, max_bytes: int) -> FetchedMail | None:
        for _ in range(2):  # the second look finds a file that was marked, and thereby renamed, in between
            path = self._files().get(uid)
            if path is None:
                return None
            with suppress(FileNotFoundError), path.open("rb") as file:
                return _fetched(uid, file.fileno(), max_bytes)
        return None


class MaildirSender:
    """Keeps sent mail in a Maildir instead of sending it; who would have got it stands in `envelopes/NAME.json`."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        """Store the mail and its envelope."""
        with explained(self._path):
            name = deposit(self._path, raw)
            (self._path / ENVELOPES).mkdir(mode=0o700, exist_ok=True)
            envelope = {"from": envelope_from, "recipients": list(recipients)}
            target = self._path / ENVELOPES / f"{name}.json"
            write_whole(self._path / "tmp" / f"{name}.json", json.dumps(envelope).encode(), target)
        return Delivery(response=f"kept as {name}", refused={})

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(slots=True)
class _UidList:
    """Which UID each file name (without its flags) was given, ascending; those of vanished mails are forgotten."""

    uidvalidity: int
    next_uid: int
    uids: dict[str, int]


def _update_uid_list(folder: Path) -> _UidList:
    """Give the mails that have none a UID, oldest first, and keep the list before anyone is told a number."""
    with (folder / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = _load_uid_list(folder / UID_LIST)
        names = {_base(path) for path in _mail_files(folder)}
        new = sorted(names - listed.uids.keys(), key=_arrival)
        kept = {name: uid for name, uid in listed.uids.items() if name in names}
        kept |= {name: listed.next_uid + number for number, name in enumerate(new)}
        updated = _UidList(listed.uidvalidity, listed.next_uid + len(new), kept)
        if updated != listed or not (folder / UID_LIST).exists():
            text = json.dumps([updated.uidvalidity, updated.next_uid, updated.uids])
            write_whole(folder / f"{UID_LIST}.new", text.encode(), folder / UID_LIST)
        return updated


def _load_uid_list(path: Path) -> _UidList:
    """A lost or damaged list means new numbers, and says so by a new UIDVALIDITY."""
    try:
        uidvalidity, next_uid, uids = json.loads(path.read_bytes())
        return _UidList(int(uidvalidity), int(next_uid), {str(name): int(uid) for name, uid in uids.items()})
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return _UidList(time.time_ns() // 1000, 1, {})  # a folder may be made anew within a second


def _arrival(name: str) -> tuple[int, str]:
    """Names of Maildir files begin with a time; programs differ in its unit."""
    digits = name.partition(".")[0]
    return (int(digits.ljust(19, "0")[:19]) if digits.isdigit() else 0, name)


def _mail_files(folder: Path) -> list[Path]:
    """Plain files only: a folder is no mail, and a link would have the desk read whatever it leads to."""
    found: list[Path] = []
    for part in ("new", "cur"):
        with os.scandir(folder / part) as entries:
            found += [Path(e.path) for e in entries if e.name[0] != "." and e.is_file(follow_symlinks=False)]
    return found


def _base(path: Path) -> str:
    return path.name.partition(":2,")[0]


def _flags(path: Path) -> str:
    return path.name.partition(":2,")[2]


def _is_since(path: Path, day: date) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).date() >= day
    except FileNotFoundError:
        return False


def _fetched(uid: int, file: int, max_bytes: int) -> FetchedMail:
    status = os.fstat(file)
    is_partial = status.st_size > max_bytes
    wanted = MAX_HEADER_BYTES + 2 * MAX_TEXT_BYTES if is_partial else status.st_size
    raw = _read_exactly(file, wanted)
    return FetchedMail(
        uid=uid,
        raw=partial_from_beginning(raw) if is_partial else raw,
        size=status.st_size,
        internal_date=datetime.fromtimestamp(status.st_mtime, UTC),
        is_partial=is_partial,
    )


def _read_exactly(file: int, count: int) -> bytes:
    chunks = []
    while count > 0 and (chunk := os.read(file, count)):
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def write_whole(temporary: Path, data: bytes, target: Path) -> None:
    """Data and name are on the disk when this returns; a crash leaves the old state or the new one."""
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _checked(folder: str) -> str:
    if not folder or folder.startswith(".") or "/" in folder or any(ord(letter) < 32 for letter in folder):
        raise PermanentError("%(folder)s cannot be the name of a folder.", folder=repr(folder))
    return folder


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the machine says about a folder, as a transport's error."""
    try:
        yield
    except TransportError:
        raise
    except PermissionError as error:
        raise PermanentError("The desk may not use the mail folder.", detail=str(error)) from error
    except OSError as error:
        raise TransientError("The mail folder cannot be used at the moment.", detail=str(error)) from error
