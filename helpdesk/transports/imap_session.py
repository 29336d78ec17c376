"""One logged-in IMAP connection whose calls end in time and fail in words a person understands."""

from __future__ import annotations

import imaplib
import logging
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, LoginError

from helpdesk.errors import TransientError, TransportError
from helpdesk.transports.base import LoginRefused, Security, ServerAddress, UnusableServer
from helpdesk.transports.connection import Watch, explain, open_socket, tls_context, words
from helpdesk.transports.xoauth2 import MECHANISM, Answers, refused

logging.getLogger("imapclient").setLevel(logging.INFO)  # at DEBUG it would write mails into the log
# One line names all UIDs a search found: 200,000 mails make 1.6 MB, beyond the million bytes imaplib reads.
imaplib._MAXLINE = 16 * 1024 * 1024  # type: ignore[attr-defined]

MOST_LITERAL = 256 * 1024 * 1024  # many times the largest mail anybody takes; what is larger is read in part
BATCH_PATIENCE = 5  # a batch of mails may take this many times the command timeout
GOODBYE_S = 5.0
# What imapclient's parser raises on answers no honest server gives.
NONSENSE = (ValueError, AssertionError, AttributeError, KeyError, IndexError, TypeError, RecursionError)
REFUSED = (imaplib.IMAP4.error, *NONSENSE)  # includes `abort`: let that and OSError pass first

_SAFE_NAME = re.compile(r'[^\x00-\x20\x7f-\U0010ffff(){}%*"\\\]]+')
_TRANSIENT_CODES = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\b")  # RFC 5530
_PREFIX = re.compile(r"^(?:UID )?\w+ (?:failed|command error): (?:(?:NO|BAD) )?")


class ImapSession:
    """`client` is ready for commands when the constructor returns; use it inside `guarded()` only."""

    def __init__(self, server: ServerAddress) -> None:
        self.server = server
        self.has_handed_over = False  # a mail, so that one it refuses is that mail's fault
        self._watch = Watch()
        try:
            with self.guarded(server.connect_timeout_s * 2):
                self.client = _Client(server, self._watch)
            with self.guarded():
                self._log_in()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Translate what goes wrong in the block, for who bounds its time himself."""
        try:
            yield
        except TransportError:
            raise
        except (OSError, EOFError, *REFUSED) as error:
            raise _explain(error, self.server, self._watch) from error

    @contextmanager
    def guarded(self, seconds: float | None = None) -> Iterator[None]:
        """Bound the time of the block and translate what goes wrong in it."""
        with self.explained(), self._watch.within(seconds or self.server.command_timeout_s):
            yield

    @contextmanager
    def guarded_batch(self) -> Iterator[None]:
        """The same with the patience mails need."""
        with self.guarded(self.server.command_timeout_s * BATCH_PATIENCE):
            yield

    def existing(self, uids: Sequence[int]) -> list[int]:
        """Those of `uids` that still exist. Inside `guarded`."""
        if not uids:
            return []
        self.client.noop()  # lets the server tell this connection what vanished
        wanted = set(uids)
        listed = ",".join(str(int(uid)) for uid in uids)
        return sorted(uid for uid in self.client.search(["UID", listed]) if uid in wanted)

    def close(self) -> None:
        """Log out, without waiting long for a server that does not answer; never raises."""
        with suppress(Exception):
            self.client.socket().settimeout(min(GOODBYE_S, self.server.command_timeout_s))
            with self._watch.within(GOODBYE_S):
                self.client.logout()
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection without a word; never raises."""
        with suppress(Exception):
            self.client.shutdown()
        self._watch.release()

    def _log_in(self) -> None:
        client, server = self.client, self.server
        if set("\r\n\0") & set(server.username + server.password):
            raise UnusableServer("User name and password may not hold line ends.")
        if server.security is Security.STARTTLS:
            client.starttls(ssl_context=tls_context(server))
        client.socket().settimeout(server.command_timeout_s)
        if server.has_token:
            self._log_in_with_token()
        elif _SAFE_NAME.fullmatch(server.username) and server.password.isascii():
            client.login(server.username, server.password)
        elif client.has_capability(
            "AUTH=PLAIN"
        ):  # imaplib sends the name of LOGIN unquoted and in ASCII only
            client.plain_login(server.username, server.password)
        else:
            raise UnusableServer(
                "%(host)s accepts plain letters in user name and password only.", host=server.host
            )

    def _log_in_with_token(self) -> None:
        if not self.client.has_capability(f"AUTH={MECHANISM}"):
            raise UnusableServer("%(host)s offers no login by OAuth 2.", host=self.server.host)
        answers = Answers(self.server)
        try:
            self.client.sasl_login(MECHANISM, answers)
        except LoginError as error:
            if is_passing(error) or isinstance(error.__context__, imaplib.IMAP4.abort):
                raise
            raise refused(self.server, f"{said(error)} {answers.challenge}") from error


class _Client(IMAPClient):
    """IMAPClient on a socket of ours: verified TLS, our timeouts, our watch."""

    def __init__(self, server: ServerAddress, watch: Watch) -> None:
        self._address, self._watch = server, watch
        super().__init__(
            server.host,
            server.port,
            ssl=server.security is Security.TLS,
            timeout=SocketTimeout(server.connect_timeout_s, server.connect_timeout_s),
        )
        self._imap.debug = 0
        self.normalise_times = False  # arrival dates with their zone

    def _create_IMAP4(self) -> imaplib.IMAP4:
        return _Imap4(self._address, self._watch)


class _Imap4(imaplib.IMAP4):
    def __init__(self, server: ServerAddress, watch: Watch) -> None:
        self._address, self._watch = server, watch
        super().__init__(server.host, server.port)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        return open_socket(self._address, self._watch)

    def read(self, size: int) -> bytes:
        """A literal of the announced size, unless memory would end before it does."""
        if size > MOST_LITERAL:
            raise self.abort(f"a literal of {size} bytes")
        return super().read(size)


def is_passing(error: BaseException) -> bool:
    """Whether the server says that its refusal is about now, not about what was asked."""
    return _TRANSIENT_CODES.search(str(error)) is not None


def said(error: BaseException) -> str:
    """The server's own words, without what imaplib and imapclient put in front."""
    text = words(_PREFIX.sub("", str(error)))
    return text[2:-1] if re.fullmatch(r"b(['\"]).*\1", text) else text


def _explain(error: BaseException, server: ServerAddress, watch: Watch) -> TransportError:
    if watch.has_expired or isinstance(error, OSError | EOFError | UnicodeError):
        return explain(error, server, watch)
    detail = said(error)
    was_cut = isinstance(error.__context__, imaplib.IMAP4.abort)  # imapclient hides it in a LoginError
    if isinstance(error, LoginError) and not was_cut and not is_passing(error):
        return LoginRefused("%(host)s refuses user name or password.", detail=detail, host=server.host)
    if isinstance(error, CapabilityError):
        return UnusableServer("%(host)s offers no encryption by STARTTLS.", detail=detail, host=server.host)
    if was_cut or isinstance(error, imaplib.IMAP4.abort):
        return TransientError("%(host)s ended the connection.", detail=detail, host=server.host)
    return TransientError(
        "%(host)s cannot serve the mailbox at the moment.",
        detail=detail or type(error).__name__,
        host=server.host,
    )
