"""Sent mail as files, for development: one `.eml` for each, exactly the bytes that would have left, in one folder.

The name is the time, then a word made from the bytes, so that a listing is in the order of sending. Whoever reads the
folder reads every link the desk sends: files are for the desk's own user alone.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from helpdesk.transports.base import Delivery, FetchedMail, UnusableServer
from helpdesk.transports.maildir import explained, write_whole

_NAME = re.compile(r"(\d{8})T(\d{6})\.(\d{9})-[0-9a-f]{12}\.eml\Z")


class FileSender:
    """Writes each mail into the folder, whole or not at all. The folder is made; one that cannot be used is told at once."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self._folder / f".{secrets.token_hex(8)}.tmp"
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            raise UnusableServer(
                "The folder for sent mail (EMAIL_FILE_PATH) cannot be written to.", detail=str(error)
            ) from error

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        """Write the mail; the envelope is not kept."""
        now = time.time_ns()
        moment = datetime.fromtimestamp(now // 10**9, UTC)
        name = f"{moment:%Y%m%dT%H%M%S}.{now % 10**9:09d}-{sha256(raw).hexdigest()[:12]}.eml"
        unfinished = self._folder / f".{name}.tmp"
        with explained(self._folder):
            try:
                write_whole(unfinished, raw, self._folder / name)
            finally:
                unfinished.unlink(missing_ok=True)
        return Delivery(response=f"written as {name}", refused={})

    def close(self) -> None:
        """Nothing is held open."""


class FileDrop:
    """Reads such a folder; a mail's number is the time it was written, as digits."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def uids_after(self, last_uid: int) -> list[int]:
        """Numbers of the mails written after `last_uid`, ascending; none where there is no folder."""
        return [uid for uid in sorted(self._files()) if uid > last_uid]

    def fetch(self, uids: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        """Yield the mails whose files still exist, of a longer one the beginning."""
        files = self._files()
        for path in (files[uid] for uid in uids if uid in files):
            with suppress(OSError), path.open("rb") as file:
                status = os.fstat(file.fileno())
                written_at = datetime.fromtimestamp(status.st_mtime, UTC)
                yield FetchedMail(_number(path.name), file.read(max_bytes), status.st_size, written_at)

    def _files(self) -> dict[int, Path]:
        """Plain files with names of ours: a link would have the desk read whatever it leads to."""
        try:
            with os.scandir(self._folder) as entries:
                plain = [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError:
            return {}
        return {_number(path.name): path for path in plain if _NAME.match(path.name)}


def _number(name: str) -> int:
    match = _NAME.match(name)
    return int("".join(match.groups())) if match else 0
