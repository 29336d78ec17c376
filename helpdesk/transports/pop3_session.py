"""One signed-in POP3 connection (RFC 1939, 2449, 2595) whose calls end in time and fail in words a person understands.

Nothing a server or a mail said ever enters a command: they hold numbers of ours, and the login of the account.
"""

from __future__ import annotations

import poplib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from helpdesk.errors import TransientError, TransportError
from helpdesk.transports.base import LoginRefused, Security, ServerAddress, UnusableServer
from helpdesk.transports.connection import Watch, explain, open_socket, tls_context, words
from helpdesk.transports.xoauth2 import MECHANISM, Answers, refused

BATCH_PATIENCE = 5  # a mail may take this many times the command timeout
GOODBYE_S = 5.0
PIECE = 64 * 1024
MOST_TOO_MUCH = 256 * 1024 * 1024  # read and thrown away to keep a connection; beyond that it is given up
REFUSED = (poplib.error_proto, ValueError, IndexError)
_TRANSIENT_CODES = re.compile(r"\[(IN-USE|LOGIN-DELAY|SYS/TEMP)\b", re.IGNORECASE)  # RFC 2449, 3206


class Refusal(Exception):
    """The server said -ERR to one command; the connection goes on. `str` gives its words."""


class Pop3Session:
    """Ready for commands when the constructor returns; every method is bounded in time."""

    def __init__(self, server: ServerAddress) -> None:
        self.server = server
        self._watch = Watch()
        self._client: _Pop3 | None = None
        try:
            with self._guarded(server.connect_timeout_s * 2):
                self._client = _Pop3(server, self._watch)
            with self._guarded():
                self._log_in(self._client)
        except BaseException:
            self.abandon()
            raise

    def ask(self, command: str) -> None:
        """Give a command that is answered in one line. Raises Refusal, TransientError."""
        with self._guarded(), _refusals():
            self._connected().ask(command)

    def read(self, command: str, most: int) -> tuple[bytes, bool]:
        """Give a command that is answered in many lines: the first `most` bytes, and whether that is not all.

        What is beyond is read and thrown away, so that the next command gets its own answer. Raises Refusal,
        TransientError.
        """
        with self._guarded(self.server.command_timeout_s * BATCH_PATIENCE), _refusals():
            return self._connected().read(command, most)

    def leave(self) -> None:
        """Say goodbye, which makes the server delete what was named for it. Raises Refusal, TransientError."""
        try:
            self.ask("QUIT")
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Cut the connection: the server deletes nothing. Never raises."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()
        self._watch.release()

    @property
    def is_open(self) -> bool:
        return self._client is not None

    def _connected(self) -> _Pop3:
        if self._client is None:
            raise TransientError("%(host)s ended the connection.", host=self.server.host)
        return self._client

    @contextmanager
    def _guarded(self, seconds: float | None = None) -> Iterator[None]:
        try:
            with self._watch.within(seconds or self.server.command_timeout_s):
                yield
        except (TransportError, Refusal):
            raise
        except (OSError, EOFError, *REFUSED) as error:
            self.abandon()  # nobody knows any more which answer belongs to what
            raise _explain(error, self.server, self._watch) from error

    def _log_in(self, client: _Pop3) -> None:
        server = self.server
        if set("\r\n\0") & set(server.username + server.password):
            raise UnusableServer("User name and password may not hold line ends.")
        if server.security is Security.STARTTLS:
            self._start_tls(client)
        client.sock.settimeout(server.command_timeout_s)
        try:
            if server.has_token:
                client.sign_in(Answers(server))
            else:
                client.user(server.username)
                client.pass_(server.password)
        except poplib.error_proto as error:
            if _is_passing(error) or not _is_no(error):
                raise
            if server.has_token:
                raise refused(server, said(error)) from error
            raise LoginRefused(
                "%(host)s refuses user name or password.", detail=said(error), host=server.host
            ) from error

    def _start_tls(self, client: _Pop3) -> None:
        context = tls_context(self.server)
        try:
            client.stls(context)
        except poplib.error_proto as error:
            raise UnusableServer(
                "%(host)s offers no encryption by STARTTLS.", detail=said(error), host=self.server.host
            ) from error


class _Pop3(poplib.POP3):
    """poplib on a socket of ours: verified TLS, our timeouts, our watch, and answers of bounded size."""

    def __init__(self, server: ServerAddress, watch: Watch) -> None:
        self._address, self._watch = server, watch
        super().__init__(server.host, server.port, timeout=server.connect_timeout_s)

    def _create_socket(self, timeout: float) -> socket.socket:
        return open_socket(self._address, self._watch)

    def sign_in(self, answers: Answers) -> None:
        """RFC 5034, a line at a time: not every server takes the first answer with the command."""
        challenge: bytes = self._shortcmd(f"AUTH {MECHANISM}")  # type: ignore[attr-defined]
        while not challenge.startswith(b"+OK"):
            challenge = self._shortcmd(answers.in_base64(challenge))  # type: ignore[attr-defined]

    def ask(self, command: str) -> None:
        self._shortcmd(command)  # type: ignore[attr-defined]

    def read(self, command: str, most: int) -> tuple[bytes, bool]:
        self._putcmd(command)  # type: ignore[attr-defined]
        self._getresp()  # type: ignore[attr-defined]
        kept = bytearray()
        seen, is_new_line = 0, True
        while True:
            piece = self.file.readline(PIECE)
            if not piece:
                raise EOFError("the answer ends in the middle")
            if is_new_line and piece[:1] == b".":
                if piece.rstrip(b"\r\n") == b".":
                    return bytes(kept), seen > most
                piece = piece[1:]
            is_new_line = piece.endswith(b"\n")
            seen += len(piece)
            if len(kept) < most:
                kept += piece[: most - len(kept)]
            if seen > most + MOST_TOO_MUCH:
                raise ValueError("the answer does not end")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except poplib.error_proto as error:
        if not _is_no(error) or _is_passing(error):
            raise
        raise Refusal(said(error)) from error


def said(error: BaseException) -> str:
    """The server's own words."""
    first = error.args[0] if error.args else ""
    return words(first).removeprefix("-ERR").strip()


def _is_no(error: BaseException) -> bool:
    """A real -ERR, and not an answer that makes no sense."""
    return bool(error.args) and isinstance(error.args[0], bytes) and error.args[0].startswith(b"-ERR")


def _is_passing(error: BaseException) -> bool:
    return _TRANSIENT_CODES.search(words(error.args[0] if error.args else "")) is not None


def _explain(error: BaseException, server: ServerAddress, watch: Watch) -> TransportError:
    if watch.has_expired or isinstance(error, OSError | EOFError | UnicodeError):
        return explain(error, server, watch)
    if error.args and error.args[0] == "-ERR EOF":  # how poplib says that the server has left
        return TransientError("%(host)s ended the connection.", detail=words(error), host=server.host)
    return TransientError(
        "%(host)s cannot serve the mailbox at the moment.",
        detail=said(error) or type(error).__name__,
        host=server.host,
    )
