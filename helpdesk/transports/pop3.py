"""Fetching by POP3: what lies there and under which lasting names, mails without changing them, deleting.

A name is the server's UIDL. Where it has none, or gives one to two mails, the name is made from the mail's size and
header, and of two that are equal even there from all their bytes: no mail is ever taken for another.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from helpdesk.errors import TransientError
from helpdesk.mail.headers import read_date
from helpdesk.transports.base import FetchedMail, ListedMail, ServerAddress
from helpdesk.transports.connection import words
from helpdesk.transports.partial import MAX_HEADER_BYTES, MAX_TEXT_BYTES, partial_from_beginning
from helpdesk.transports.pop3_session import Pop3Session, Refusal

logger = logging.getLogger(__name__)
MAX_LISTING_BYTES = 16 * 1024 * 1024  # 200,000 mails
BEGINNING_BYTES = MAX_HEADER_BYTES + 2 * MAX_TEXT_BYTES
BEGINNING_LINES = 1000
_ENTRY = re.compile(rb"(\d{1,9})[ \t]+(\S.*)")
_SIZE = re.compile(rb"\d{1,15}")
_NAME = re.compile(rb"[!-~]{1,200}")
_FIELD = re.compile(rb"^(received|date):(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)


class Pop3Drop:
    """One connection to one account, signed in when the constructor returns. Mail is changed by `close` alone."""

    def __init__(self, server: ServerAddress) -> None:
        self._session = Pop3Session(server)
        self._server = server
        self._has_handed_over = False

    def listing(self) -> list[ListedMail]:
        """Every mail, in the server's order, which is mostly that of arrival."""
        sizes = {number: int(size) for number, size in self._list("LIST").items() if _SIZE.fullmatch(size)}
        names = self._names(sizes)
        found = sorted((number, size) for number, size in sizes.items() if names[number])
        return [ListedMail(number, size, names[number]) for number, size in found]

    def arrived_at(self, number: int) -> datetime | None:
        """When our own server says it got the mail, else when its author says he wrote it; None when nobody says."""
        try:
            return arrived_at(self._beginning(number, 0)[0])
        except Refusal:
            return None

    def fetch(self, mails: Sequence[ListedMail], *, max_bytes: int) -> Iterator[FetchedMail]:
        """Yield the mails; larger ones, and those the server does not hand over, in part.

        Raises TransientError when the server hands over none of those it names.
        """
        refused: list[tuple[ListedMail, str]] = []
        for mail in mails:
            try:
                fetched = self._fetch(mail, max_bytes)
            except Refusal as refusal:
                refused.append((mail, str(refusal)))
            else:
                self._has_handed_over = True
                yield fetched
        if refused and not self._has_handed_over:
            raise TransientError(
                "%(host)s does not hand over the mails it names.",
                detail=refused[0][1],
                host=self._server.host,
            )
        for mail, problem in refused:
            yield self._refused(mail, problem)

    def delete(self, numbers: Sequence[int]) -> None:
        """Have these deleted when the connection is closed; one that cannot be deleted stays."""
        for number in numbers:
            try:
                self._session.ask(f"DELE {int(number)}")
            except Refusal as refusal:
                logger.warning("pop3 host=%s a mail cannot be deleted: %s", self._server.host, refusal)

    def close(self) -> None:
        """Say goodbye, which is when the server deletes. Never raises: what was not deleted is named again."""
        if self._session.is_open:
            with suppress(Exception):
                self._session.leave()

    def _list(self, command: str) -> dict[int, bytes]:
        """Number and the rest of each line; lines that make no sense are left out. Raises Refusal."""
        text, is_cut = self._session.read(command, MAX_LISTING_BYTES)
        if is_cut:
            raise TransientError("%(host)s lists more mails than the desk can read.", host=self._server.host)
        found = (_ENTRY.fullmatch(line.rstrip(b"\r\n\t ")) for line in text.splitlines())
        return {int(entry[1]): entry[2] for entry in found if entry}

    def _names(self, sizes: Mapping[int, int]) -> dict[int, str]:
        try:
            uidls = self._list("UIDL") if sizes else {}
        except Refusal as refusal:
            logger.info("pop3 host=%s has no UIDL: %s", self._server.host, refusal)
            uidls = {}
        names = {number: _name(uidls[number]) for number in sizes if number in uidls}
        for lines in (0, None):
            count = Counter(names.values())
            doubtful = [number for number in sizes if count[names.get(number, "")] != 1]
            names |= {number: self._made_name(number, sizes[number], lines) for number in doubtful}
        return names

    def _made_name(self, number: int, size: int, lines: int | None) -> str:
        """From the header, or for None of all bytes; "" for a mail that nobody can name nor read."""
        try:
            if lines is None:
                raw, _ = self._session.read(f"RETR {int(number)}", max(size, BEGINNING_BYTES))
                return "bytes/" + hashlib.sha256(raw).hexdigest()
            header, _ = self._beginning(number, lines)
            return "header/" + hashlib.sha256(b"%d " % size + header).hexdigest()
        except Refusal as refusal:
            logger.warning(
                "pop3 host=%s a mail without a name cannot be read: %s", self._server.host, refusal
            )
            return ""

    def _fetch(self, mail: ListedMail, max_bytes: int) -> FetchedMail:
        """Raises Refusal. The size is what the server says; whether it is true is seen when the mail comes."""
        if mail.size <= max_bytes:
            raw, is_cut = self._session.read(f"RETR {int(mail.number)}", max_bytes)
            if mail.size and not raw:
                raise Refusal("an empty answer")
        else:
            raw, is_cut = self._beginning(mail.number, BEGINNING_LINES)[0], True
        arrived = arrived_at(raw[:MAX_HEADER_BYTES])
        if is_cut:
            part = partial_from_beginning(raw[:BEGINNING_BYTES])
            return FetchedMail(mail.number, part, max(mail.size, len(raw)), arrived, is_partial=True)
        return FetchedMail(mail.number, raw, len(raw), arrived)

    def _refused(self, mail: ListedMail, problem: str) -> FetchedMail:
        """The header alone, or a short message of ours when that is refused as well."""
        shown = words(problem)
        try:
            raw = partial_from_beginning(self._session.read(f"TOP {int(mail.number)} 0", MAX_HEADER_BYTES)[0])
        except Refusal:
            text = f"The mail server names a mail it does not hand over.\r\nIt says: {shown}\r\n"
            subject = "Subject: A mail that cannot be fetched\r\nMIME-Version: 1.0\r\n"
            raw = f"{subject}\r\n{text}".encode("ascii", "replace")
        return FetchedMail(mail.number, raw, mail.size, None, is_partial=True, problem=shown)

    def _beginning(self, number: int, lines: int) -> tuple[bytes, bool]:
        """TOP is not required of a server; then the whole mail is read as far as its beginning goes."""
        try:
            return self._session.read(f"TOP {int(number)} {int(lines)}", BEGINNING_BYTES)
        except Refusal:
            raw, is_cut = self._session.read(f"RETR {int(number)}", BEGINNING_BYTES)
            return raw if lines else raw.partition(b"\r\n\r\n")[0], is_cut


def arrived_at(header: bytes) -> datetime | None:
    """The moment in the topmost Received field, which our own server wrote, else in Date; None for nonsense."""
    found: dict[bytes, bytes] = {}
    for field in _FIELD.finditer(header.partition(b"\r\n\r\n")[0]):
        found.setdefault(field[1].lower(), field[2])
    stamps = (found.get(b"received", b"").rpartition(b";")[2], found.get(b"date", b""))
    return next((at for at in map(_moment, stamps) if at is not None), None)


def _moment(text: bytes) -> datetime | None:
    return read_date(text.decode("ascii", "replace"))


def _name(uidl: bytes) -> str:
    """As it is when it is what RFC 1939 allows, and not too long; else what it hashes to."""
    if _NAME.fullmatch(uidl):
        return uidl.decode("ascii")
    return "uidl/" + hashlib.sha256(uidl).hexdigest()
