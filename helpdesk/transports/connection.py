"""Opening protected connections that end in time, and saying in words what went wrong with them.

Shared by IMAP and SMTP: the socket with its certificate check, the watch that ends calls which take too long, and the
one translation of socket and TLS errors into the errors of the desk.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from helpdesk.errors import TransientError, TransportError
from helpdesk.policy.addresses import Address, Reach, is_loopback, reach_of
from helpdesk.transports.base import Security, ServerAddress, UnusableServer

logger = logging.getLogger(__name__)

MAX_WORDS = 500
LOOKS_EVERY_S = 30.0  # a shorter time is told to the watching thread, a longer one it finds by itself
EXPIRED, NOT_YET_VALID = 10, 9  # X509_V_ERR_* of OpenSSL
WRONG_NAME = {62, 64}
NOT_TLS = {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}


def _l(sentence: str) -> str:
    """Marks a sentence for the catalogue; it is translated where it is shown."""
    return sentence


class Watch:
    """Ends a connection whose call takes longer than it may.

    A socket's own timeout starts anew with each byte, so a server that drips one byte every few seconds would hold us
    for ever. The watch keeps a second handle of the connection, which stays usable when TLS wraps the first. One thread
    looks at the clock as long as calls follow each other: one for each call would cost more than the calls.
    """

    def __init__(self) -> None:
        self.has_expired = False
        self._handle: socket.socket | None = None
        self._bell = threading.Condition()
        self._ends: dict[object, float] = {}  # of the blocks that run, whichever thread runs them
        self._looks_at = math.inf  # when the thread wakes by itself
        self._thread: threading.Thread | None = None

    def follow(self, connection: socket.socket) -> None:
        """Watch this connection from now on; call before TLS wraps it. It is cut at once when its time is over already."""
        self._let_go()
        handle = connection.dup()
        handle.settimeout(0)
        with self._bell:
            self._handle = handle
            if self.has_expired:
                self._cut()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut the connection when the block has not ended after `seconds`; blocked calls in it then fail."""
        block, ends_at = object(), time.monotonic() + seconds
        with self._bell:
            self._ends[block] = ends_at
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, daemon=True)
                self._thread.start()
            elif ends_at < self._looks_at:
                self._bell.notify()
        try:
            yield
        finally:
            with self._bell:
                self._ends.pop(block, None)

    def other_side_left(self) -> bool:
        """Whether the server already ended the connection; looks without waiting and takes no bytes away."""
        handle = self._handle
        if handle is None:
            return True
        try:
            return handle.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def release(self) -> None:
        """Stop watching; the connection itself is closed by its owner."""
        with self._bell:
            self._thread = None
            self._bell.notify()
        self._let_go()

    def _let_go(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def _look(self) -> None:
        with self._bell:
            while self._thread is threading.current_thread():
                now = time.monotonic()
                if min(self._ends.values(), default=math.inf) <= now:
                    self._cut()
                    self._ends.clear()
                self._looks_at = min((*self._ends.values(), now + LOOKS_EVERY_S))
                was_rung = self._bell.wait(self._looks_at - now)
                if not (was_rung or self._ends):
                    self._thread = None  # nobody calls any more; the next call starts another one

    def _cut(self) -> None:
        self.has_expired = True
        handle = self._handle
        if handle is not None:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)


def tls_context(server: ServerAddress) -> ssl.SSLContext:
    """Verify certificate and name, against the account's own authority when it has one. Raises UnusableServer."""
    try:
        return ssl.create_default_context(cafile=server.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise UnusableServer(
            "The file with the certificate authority cannot be read.", detail=words(error)
        ) from error


def open_socket(server: ServerAddress, watch: Watch) -> socket.socket:
    """Connect, with TLS when the account asks for it from the start. The timeout left on it is the connect timeout."""
    connection = _connect(server)
    try:
        watch.follow(connection)
        if server.security is Security.TLS:
            return tls_context(server).wrap_socket(connection, server_hostname=server.host)
        if server.security is Security.PLAIN:
            require_protection(connection.getpeername()[0], server)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(server: ServerAddress) -> socket.socket:
    """Look the name up once and connect to one of the addresses that were checked.

    A second look-up could answer differently (DNS rebinding). The certificate is still checked against the name.
    """
    found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    for *_, place in found:
        _require_admitted(ipaddress.ip_address(str(place[0]).partition("%")[0]), server)
    end = time.monotonic() + server.connect_timeout_s
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(max(end - time.monotonic(), 0.1))
            connection.connect(place)
        except OSError as error:
            failure = error
            connection.close()
        else:
            # Without it the last bytes of a mail wait for the server to confirm those before: 40 ms and more.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(server.connect_timeout_s)
            return connection
    raise failure


def _require_admitted(address: Address, server: ServerAddress) -> None:
    """Raises UnusableServer for an address that this account may not use, before anything is sent to it."""
    if server.networks.admit(address):
        return
    logger.warning(
        "refused connection host=%s address=%s reach=%s", words(server.host), address, reach_of(address)
    )
    if reach_of(address) is Reach.NOWHERE:
        raise UnusableServer(
            "%(host)s is at %(address)s, where no mail server can be.", host=server.host, address=str(address)
        )
    raise UnusableServer(
        "%(host)s is at %(address)s, inside a private network. If it is your own mail server, the person who runs "
        "this desk adds its network to the setting MAIL_ALLOWED_NETWORKS.",
        host=server.host,
        address=str(address),
    )


def require_protection(peer: str, server: ServerAddress) -> None:
    """Plain text stays on this machine, judged by the address we are connected to: a name can point anywhere."""
    if not (is_loopback(peer) or server.allow_plaintext):
        raise UnusableServer(
            "The connection to %(host)s would not be encrypted. Use TLS or STARTTLS, or allow plain text for this account.",
            host=server.host,
        )


def words(said: object) -> str:
    """What a server or library said, as one printable line of bounded length."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:MAX_WORDS]


def explain(error: BaseException, server: ServerAddress, watch: Watch | None = None) -> TransportError:
    """Turn a socket or TLS error into one of ours, with a sentence for the person who set the account up."""
    if isinstance(error, TransportError):
        return error
    if isinstance(error, TimeoutError) or (watch is not None and watch.has_expired):
        return _transient(_l("%(host)s did not answer in time."), error, server)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error, server)
    if isinstance(error, ssl.SSLError) and error.reason in NOT_TLS:
        return UnusableServer(
            "%(host)s does not speak TLS on port %(port)s. Is this the port for STARTTLS?",
            detail=words(error),
            host=server.host,
            port=server.port,
        )
    if isinstance(error, UnicodeError):
        return UnusableServer("%(host)s is not the name of a server.", detail=words(error), host=server.host)
    return _transient(_sentence(error), error, server)


def _sentence(error: BaseException) -> str:
    match error:
        case socket.gaierror():
            return _l("The server %(host)s is unknown, or the name service does not answer.")
        case ConnectionRefusedError():
            return _l("%(host)s refuses connections on port %(port)s.")
        case ssl.SSLError():
            return _l("No encrypted connection to %(host)s could be made.")
        case ConnectionError() | EOFError():
            return _l("%(host)s ended the connection.")
        case OSError():
            return _l("%(host)s cannot be reached.")
        case _:
            return _l("%(host)s answered something that makes no sense.")


def _certificate(error: ssl.SSLCertVerificationError, server: ServerAddress) -> UnusableServer:
    match error.verify_code:
        case code if code in WRONG_NAME:
            sentence = _l("The certificate of %(host)s is for another name.")
        case code if code == EXPIRED:
            sentence = _l("The certificate of %(host)s has expired.")
        case code if code == NOT_YET_VALID:
            sentence = _l("The certificate of %(host)s is not valid yet.")
        case _:
            sentence = _l("The certificate of %(host)s comes from an authority this desk does not trust.")
    return UnusableServer(sentence, detail=words(error.verify_message or error), host=server.host)


def _transient(sentence: str, error: BaseException, server: ServerAddress) -> TransientError:
    params = {"host": server.host, "port": server.port} if "%(port)s" in sentence else {"host": server.host}
    return TransientError(sentence, detail=words(error) or type(error).__name__, **params)
