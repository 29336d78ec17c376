"""Mail kept in files, to be taken over once: an mbox file of any size, or a Maildir. Read only, and never as a whole.

First every mail is found with its place and its date, then each is read when its turn comes, the oldest first: an answer
finds the mail it answers. Separators of an mbox are lines `From sender date` after an empty line; `>From` in a text
loses one `>` (mboxrd), `Content-Length` is not believed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from helpdesk.errors import InvalidInput
from helpdesk.mail.headers import read_date
from helpdesk.transports.base import FetchedMail
from helpdesk.transports.partial import MAX_HEADER_BYTES, MAX_TEXT_BYTES, partial_from_beginning

PIECE = 64 * 1024
FIRST = datetime(1982, 8, 13, tzinfo=UTC)  # RFC 822: no mail of before has a date to believe
AHEAD = timedelta(days=1)  # clocks differ, and so do their zones
_SEPARATOR = re.compile(rb"From \S.* \d{1,2}:\d\d.*\d{4}")
_PARTS = ("new", "cur")  # a mail that is read meanwhile goes from the first to the second
MAX_SEPARATOR = 600
_PUT_AWAY = set("DT")  # flags of a Maildir: draft, trashed


@dataclass(frozen=True, slots=True, order=True)
class ArchivedMail:
    """Where a mail lies: from its date on (seconds since 1970) the order they are taken in."""

    at: int
    start: int
    length: int
    name: str = ""

    @property
    def date(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


class Archive:
    """The mails of an mbox file or a Maildir, the oldest first. Raises InvalidInput for anything else."""

    def __init__(self, path: Path, now: datetime) -> None:
        self.path = path
        self._now = now
        if path.is_dir():
            self.mails = sorted(self._of_maildir())
        elif path.is_file():
            self.mails = sorted(self._of_mbox())
        else:
            raise InvalidInput("There is no file or folder %(path)s.", path=str(path))

    def read(self, mail: ArchivedMail, *, max_bytes: int) -> FetchedMail | None:
        """The mail with its date; the beginning of one that is larger. None when its file is gone."""
        try:
            with self._open(mail) as file:
                file.seek(mail.start)
                raw = file.read(min(mail.length, max_bytes))
        except FileNotFoundError:
            return None
        if not mail.name:
            raw = _unquoted(raw)
        is_partial = mail.length > max_bytes
        if is_partial:
            raw = partial_from_beginning(raw[: MAX_HEADER_BYTES + 2 * MAX_TEXT_BYTES])
        return FetchedMail(1, raw, mail.length, mail.date, is_partial)

    def _open(self, mail: ArchivedMail) -> IO[bytes]:
        """A mail program renames a file when the mail is read. Raises FileNotFoundError."""
        try:
            return (self.path / mail.name if mail.name else self.path).open("rb")
        except FileNotFoundError:
            lasting = _lasting_name(Path(mail.name))
            for path in (self.path / "cur").iterdir() if mail.name else ():
                if _lasting_name(path) == lasting and _is_mail(path):
                    return path.open("rb")
            raise

    def _of_maildir(self) -> Iterator[ArchivedMail]:
        if not any((self.path / part).is_dir() for part in _PARTS):
            raise InvalidInput(
                "%(path)s is no Maildir: it has no folder “cur” or “new”.", path=str(self.path)
            )
        for part in _PARTS:
            for path in (self.path / part).glob("*"):
                with suppress(FileNotFoundError):  # renamed meanwhile, and so found in the other part
                    if _is_mail(path):
                        yield self._of_file(path)

    def _of_file(self, path: Path) -> ArchivedMail:
        with path.open("rb") as file:
            stat, header = os.fstat(file.fileno()), _header(file)
        at = self._date(header, datetime.fromtimestamp(stat.st_mtime, UTC))
        return ArchivedMail(at, 0, stat.st_size, f"{path.parent.name}/{path.name}")

    def _of_mbox(self) -> Iterator[ArchivedMail]:
        """Between two separators, without the empty line before the second."""
        separator: bytes | None = None
        start, empty_at, end = 0, 0, 0
        header, is_header = bytearray(), False
        with self.path.open("rb") as file:
            for offset, piece, is_new_line in _pieces(file):
                is_empty = is_new_line and piece in (b"\n", b"\r\n")
                if is_new_line and (empty_at == offset) and _SEPARATOR.match(piece[:MAX_SEPARATOR]):
                    if separator is not None:
                        yield from self._found(separator, bytes(header), start, end)
                    separator, start = piece, offset + len(piece)
                    header, is_header = bytearray(), True
                elif separator is None and not is_empty:
                    raise InvalidInput("%(path)s is no mbox file.", path=str(self.path))
                elif is_header and not is_empty and len(header) < MAX_HEADER_BYTES:
                    header += piece
                is_header = is_header and not is_empty
                end = offset if is_empty else offset + len(piece)
                empty_at = offset + len(piece) if is_empty else -1
        if separator is not None:
            yield from self._found(separator, bytes(header), start, end)

    def _found(self, separator: bytes, header: bytes, start: int, end: int) -> Iterator[ArchivedMail]:
        if header.strip():
            at = self._date(header, _moment(separator.split(b" ", 2)[-1]))
            yield ArchivedMail(at, start, end - start)

    def _date(self, header: bytes, other: datetime | None) -> int:
        """What the mail says, where it can be true; else what its file says."""
        for at in (_moment(_date_field(header)), other):
            if at is not None and FIRST <= at <= self._now + AHEAD:
                return int(min(at, self._now).timestamp())
        return int(self._now.timestamp())


def _is_mail(path: Path) -> bool:
    """A file of the Maildir's own: a link would take over what lies elsewhere on this machine."""
    is_put_away = _PUT_AWAY & set(path.name.rpartition(":2,")[2])
    return path.is_file() and not path.is_symlink() and not is_put_away


def _lasting_name(path: Path) -> str:
    return path.name.partition(":2,")[0]


def _pieces(file: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Lines with their offsets, long ones in pieces; and whether a line begins there."""
    offset, is_new_line = 0, True
    while piece := file.readline(PIECE):
        yield offset, piece, is_new_line
        offset += len(piece)
        is_new_line = piece.endswith(b"\n")


def _header(file: IO[bytes]) -> bytes:
    """The lines up to the empty one, cut when they are too many."""
    header = bytearray()
    for _, piece, _ in _pieces(file):
        if not piece.strip() or len(header) >= MAX_HEADER_BYTES:
            break
        header += piece
    return bytes(header)


def _date_field(header: bytes) -> bytes:
    found = re.search(rb"^date:(.*(?:\r?\n[ \t].*)*)", header, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else b""


def _moment(text: bytes) -> datetime | None:
    return read_date(text.decode("ascii", "replace"))


def _unquoted(raw: bytes) -> bytes:
    return re.sub(rb"(?m)^>(?=>*From )", b"", raw)
