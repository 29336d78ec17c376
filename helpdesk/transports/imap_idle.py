"""Waiting for mail by IMAP IDLE (RFC 2177): one connection that says when something new lies in a folder.

1. Log in and open the folder by EXAMINE, so that listening never changes a flag.
2. From then on the lines are read here and not by imaplib, which cannot wait for a moment and go on.
3. The server tells of new mail by a count (EXISTS) above the one before; what was expunged lowers it.
4. Every few minutes IDLE is ended and begun anew: servers may end one that lasts half an hour, routers forget silent
   connections sooner, and a server that died without a word is found out by not answering.

What came before `IdleConnection` was ready, or while it was away, nobody tells: whoever listens looks once himself.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress

from helpdesk.errors import PermanentError, TransientError
from helpdesk.transports.base import ServerAddress
from helpdesk.transports.connection import words
from helpdesk.transports.imap_session import ImapSession

RENEW_S = 240.0  # routers at home drop connections that were silent for five minutes
LEAVE_S = 1.0
CHUNK = 4096
MAX_LINE = 64 * 1024
_COUNT = re.compile(rb"\* (\d{1,10}) (EXISTS|EXPUNGE)\b", re.IGNORECASE)


class CannotIdle(PermanentError):
    """The server does not offer IDLE: its mail is looked for from time to time."""


class IdleConnection:
    """Listens to `folder` when the constructor returns; used by one thread.

    Raises TransportError from every call once the connection is of no use, CannotIdle when IDLE is not to be had.
    """

    def __init__(self, server: ServerAddress, folder: str, *, renew_s: float = RENEW_S) -> None:
        self._renew_s, self._patience_s = renew_s, server.command_timeout_s
        self._buffer = b""
        self._number = self._count = 0
        self._has_news = False
        self._session = ImapSession(server)
        try:
            self._open(folder)
        except BaseException:
            self.leave()
            raise

    def wait(self, seconds: float) -> bool:
        """Whether mail came; returns at once when it did and after `seconds` otherwise.

        Takes longer only while IDLE is renewed, and then no longer than the server may take for an answer.
        """
        ends_at = time.monotonic() + seconds
        with self._session.explained():
            if time.monotonic() >= self._renew_at:
                self._renew()
            while not self._has_news and (line := self._line(ends_at)) is not None:
                self._note(line)
                if line.startswith(self._tag):
                    raise self._ended("the server ended IDLE")
                if time.monotonic() >= ends_at:  # lines that never stop come without waiting
                    break
        has_news, self._has_news = self._has_news, False
        return has_news

    def leave(self) -> None:
        """Say goodbye and hang up, without waiting for an answer; never raises."""
        with suppress(Exception):
            sock = self._session.client.socket()
            sock.settimeout(LEAVE_S)
            sock.sendall(b"DONE\r\nBYE LOGOUT\r\n")
        self._session.hang_up()

    def _open(self, folder: str) -> None:
        client = self._session.client
        with self._session.guarded():
            if not client.has_capability("IDLE"):
                raise self._cannot()
            self._count = int(client.select_folder(folder, readonly=True)[b"EXISTS"])
        with self._session.explained():
            self._begin()

    def _begin(self) -> None:
        self._number += 1
        self._tag = b"IDLE%d " % self._number
        self._send(self._tag + b"IDLE\r\n")
        ends_at = time.monotonic() + self._patience_s
        while not (line := self._answer(ends_at)).startswith(b"+"):
            if line.startswith(self._tag):
                raise self._cannot(words(line))
        self._renew_at = time.monotonic() + self._renew_s

    def _renew(self) -> None:
        self._send(b"DONE\r\n")
        ends_at = time.monotonic() + self._patience_s
        while not self._answer(ends_at).startswith(self._tag):
            pass
        self._begin()

    def _answer(self, ends_at: float) -> bytes:
        """A line the server owes us. Raises TimeoutError: a connection that died in silence ends here."""
        line = self._line(ends_at)
        if line is None or time.monotonic() >= ends_at:
            raise TimeoutError("no answer to IDLE")
        self._note(line)
        return line

    def _note(self, line: bytes) -> None:
        if line[:5].upper() == b"* BYE":
            raise self._ended(words(line))
        if (match := _COUNT.match(line)) is None:
            return
        if match[2].upper() == b"EXPUNGE":
            self._count = max(self._count - 1, 0)
            return
        count = int(match[1])
        self._has_news |= count > self._count
        self._count = count

    def _line(self, ends_at: float) -> bytes | None:
        """The next line without its end, None when none is whole by then."""
        sock = self._session.client.socket()
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE:
                raise self._ended("an endless line")
            left = ends_at - time.monotonic()
            if left <= 0:
                return None
            sock.settimeout(left)
            try:
                chunk = sock.recv(CHUNK)
            except TimeoutError:
                return None
            if not chunk:
                raise EOFError
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def _send(self, data: bytes) -> None:
        sock = self._session.client.socket()
        sock.settimeout(self._patience_s)
        sock.sendall(data)

    def _ended(self, detail: str) -> TransientError:
        host = self._session.server.host
        return TransientError("%(host)s ended the connection.", detail=detail, host=host)

    def _cannot(self, detail: str = "") -> CannotIdle:
        host = self._session.server.host
        return CannotIdle("%(host)s does not tell of new mail by itself.", detail=detail, host=host)
