"""One SMTP conversation (RFC 5321) by hand, on Flask-Mail's connection as the carrier.

Flask-Mail connects without timeout, does not look at the certificate and takes recipients from a message. This
subclass replaces all of that: one configured instance per account, finished bytes, recipients from the caller only.
What is certain about a failure decides its error: nothing was taken (TransientError, PermanentError), or nobody knows
(UncertainError, from the final dot on).
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import NoReturn

from flask_mail import Connection, Mail

from helpdesk.errors import PermanentError, TransientError, TransportError, UncertainError
from helpdesk.mail.headers import ascii_domain
from helpdesk.transports.base import (
    NO_UTF8,
    WANTS_UTF8,
    Delivery,
    Security,
    ServerAddress,
    UnusableServer,
)
from helpdesk.transports.connection import Watch, explain, words
from helpdesk.transports.smtp_login import AUTHENTICATION_MISSING, SmtpClient, explain_smtp, greet_and_log_in

DATA_PATIENCE = 10  # handing the bytes over may take this many times the command timeout
GOODBYE_S = 5.0
CHUNK = 64 * 1024

_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f<>]")


class ConnectionGone(TransientError):
    """The server ended the connection before this mail began."""


class SmtpConnection(Connection):
    """`host` is the logged-in client, None before and after."""

    host: SmtpClient | None

    def __init__(self, server: ServerAddress, final_timeout_s: float) -> None:
        settings = {
            "MAIL_SERVER": server.host,
            "MAIL_PORT": server.port,
            "MAIL_USERNAME": server.username,
            "MAIL_PASSWORD": server.password,
            "MAIL_USE_SSL": server.security is Security.TLS,
            "MAIL_USE_TLS": server.security is Security.STARTTLS,
        }
        mail = Mail()
        mail.state = mail.init_mail(settings)  # bound to this account, to no application
        super().__init__(mail)
        self._server = server
        self._final_timeout_s = final_timeout_s
        self._watch = Watch()

    def configure_host(self) -> SmtpClient:
        """Connect, protect, log in. Raises TransientError or UnusableServer."""
        client: SmtpClient | None = None
        try:
            with self._watch.within(self._server.connect_timeout_s * 2):
                client = SmtpClient(self._server, self._watch)
            with self._watch.within(self._server.command_timeout_s):
                greet_and_log_in(client, self._server)
            return client
        except (smtplib.SMTPException, OSError, ValueError, TransportError) as error:
            if client is not None:
                client.close()
            raised = explain_smtp(error, self._server, self._watch)
            self._watch.release()
            raise raised from error

    def __exit__(self, kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
        self.leave()

    def leave(self) -> None:
        """Quit; what the server says to that does not matter any more."""
        host = self.host
        if host is not None:
            with suppress(Exception), self._watch.within(GOODBYE_S):
                host.quit()
        self._drop()

    def transmit(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        """Hand over one message to `recipients`, which are unique. Raises as `base.Sender` says."""
        body = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
        if not body.endswith(b"\r\n"):
            body += b"\r\n"
        self._begin(envelope_from, recipients, body)
        refused = self._name_recipients(recipients)
        if len(refused) == len(recipients):
            self._reset()
            return Delivery(response="", refused=refused)
        self._hand_over(re.sub(rb"(?m)^\.", b"..", body))
        response = self._final_answer()
        self.num_emails += 1
        return Delivery(response=response, refused=refused)

    def _begin(self, envelope_from: str, recipients: Sequence[str], body: bytes) -> None:
        client = self._client()
        limit = client.extension_number("size")
        if 0 < limit < len(body):
            raise PermanentError(
                "The mail is too large for %(host)s: it takes %(limit)s kB at most.",
                host=self._server.host,
                limit=limit // 1024,
            )
        address = self._own_address(envelope_from)
        options = [f"SIZE={len(body)}"] if client.has_extn("size") else []
        needs_utf8 = not all(_local_part(a).isascii() for a in [envelope_from, *recipients])
        needs_utf8 = needs_utf8 or not body.partition(b"\r\n\r\n")[0].isascii()
        if not body.isascii() and client.has_extn("8bitmime"):
            options.append("BODY=8BITMIME")
        has_utf8 = needs_utf8 and client.has_extn("smtputf8")
        client.command_encoding = "utf-8" if has_utf8 else "ascii"
        if has_utf8:
            options.append("SMTPUTF8")
        with self._gone_is_harmless():
            code, text = self._command("MAIL", " ".join([f"FROM:<{address}>", *options]))
            if not 200 <= code < 300:
                self._refuse(code, text, "%(host)s does not take mail from this sender.")

    def _own_address(self, envelope_from: str) -> str:
        try:
            return self._wire_address(envelope_from) if envelope_from else ""
        except ValueError as error:
            raise PermanentError(
                "The sender's address cannot be used with %(host)s.",
                detail=str(error),
                host=self._server.host,
            ) from error

    @contextmanager
    def _gone_is_harmless(self) -> Iterator[None]:
        try:
            yield
        except TransientError as error:
            if self.host is None:
                raise ConnectionGone(error.template, detail=error.detail, **error.params) from error
            raise

    def _name_recipients(self, recipients: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Returns those refused. Raises when all are, unless some only for now."""
        refused: dict[str, tuple[int, str]] = {}
        for recipient in recipients:
            try:
                code, text = self._command("RCPT", f"TO:<{self._wire_address(recipient)}>")
            except ValueError as error:
                code, text = 553, str(error)
            if code == 421 or not 200 <= code < 600:
                self._refuse(code, text, "%(host)s ended the connection.")
            if code >= 300:
                refused[recipient] = (code, text)
        kinds = {code >= 500 for code in _codes(refused)}
        if len(refused) == len(recipients) and (len(kinds) == 1 or AUTHENTICATION_MISSING & _codes(refused)):
            self._refuse_all(refused)
        return refused

    def _refuse_all(self, refused: dict[str, tuple[int, str]]) -> NoReturn:
        self._reset()
        detail = "; ".join(f"{recipient}: {code} {text}" for recipient, (code, text) in refused.items())
        codes = _codes(refused)
        if codes & AUTHENTICATION_MISSING:
            raise UnusableServer("%(host)s wants a login first.", detail=detail, host=self._server.host)
        if all(text.startswith(WANTS_UTF8) for _, text in refused.values()):
            raise PermanentError(NO_UTF8, detail=detail, recipients=", ".join(refused))
        kind = PermanentError if all(code >= 500 for code in codes) else TransientError
        raise kind("%(host)s takes none of the recipients.", detail=detail, host=self._server.host)

    def _hand_over(self, stuffed: bytes) -> None:
        """Send everything but the final dot: until that is out, the server must not deliver (RFC 5321 4.1.1.4)."""
        code, text = self._command("DATA")
        if code != 354:
            self._refuse(code, text, "%(host)s does not take this mail.")
        client = self._client()
        assert client.sock is not None
        try:
            with self._watch.within(self._server.command_timeout_s * DATA_PATIENCE):
                for start in range(0, len(stuffed), CHUNK):  # a timeout bounds each call, not each byte
                    client.sock.sendall(stuffed[start : start + CHUNK])
        except OSError as error:
            self._lost_before_the_dot(error)
        if self._watch.other_side_left():
            self._lost_before_the_dot(ConnectionResetError("the server left before the end of the mail"))

    def _final_answer(self) -> str:
        """Send the final dot and wait for what the server says to it."""
        client = self._client()
        assert client.sock is not None
        try:
            client.sock.settimeout(self._final_timeout_s)
            with self._watch.within(self._final_timeout_s):
                try:
                    client.sock.sendall(b".\r\n")
                except ConnectionError as error:
                    self._lost_before_the_dot(error)
                code, reply = client.getreply()
            client.sock.settimeout(self._server.command_timeout_s)
        except (smtplib.SMTPException, OSError) as error:
            raise self._unknown(words(error)) from error
        text = words(reply)
        if 400 <= code < 600:
            self._refuse(code, text, "%(host)s does not take this mail.")
        if not 200 <= code < 300:
            raise self._unknown(f"{code} {text}")
        return f"{code} {text}"

    def _unknown(self, detail: str) -> UncertainError:
        self._drop()
        return UncertainError(
            "%(host)s got the whole mail but did not say whether it takes it.",
            detail=detail,
            host=self._server.host,
        )

    def _lost_before_the_dot(self, error: OSError) -> NoReturn:
        """A server that refuses in the middle says why before it leaves; that word counts more than the loss."""
        code, reply = 0, b""
        with suppress(Exception), self._watch.within(GOODBYE_S):
            code, reply = self._client().getreply()
        if 400 <= code < 600:
            self._drop()
            self._refuse(code, words(reply), "%(host)s does not take this mail.")
        raised = explain(error, self._server, self._watch)
        self._drop()
        raise raised from error

    def _refuse(self, code: int, text: str, sentence: str) -> NoReturn:
        """Raise what a reply that is not a yes means; the connection is kept for the next mail when it can be."""
        detail = f"{code} {text}"
        if code == 421 or not 400 <= code < 600:
            self._drop()
            raise TransientError("%(host)s ended the connection.", detail=detail, host=self._server.host)
        self._reset()
        if code in AUTHENTICATION_MISSING:
            raise UnusableServer("%(host)s wants a login first.", detail=detail, host=self._server.host)
        kind = PermanentError if code >= 500 else TransientError
        raise kind(sentence, detail=detail, host=self._server.host)

    def _reset(self) -> None:
        if self.host is not None:
            with suppress(TransportError):
                code, _ = self._command("RSET")
                if not 200 <= code < 300:
                    self._drop()

    def _command(self, verb: str, arguments: str = "") -> tuple[int, str]:
        try:
            with self._watch.within(self._server.command_timeout_s):
                code, reply = self._client().docmd(verb, arguments)
        except (smtplib.SMTPException, OSError) as error:
            raised = explain_smtp(error, self._server, self._watch)
            self._drop()
            raise raised from error
        return code, words(reply)

    def _wire_address(self, address: str) -> str:
        """As SMTP takes it: host names in ASCII. Raises ValueError with a reason."""
        if _UNSAFE.search(address):
            raise ValueError("the address holds characters no mail server takes")
        local, at, domain = address.rpartition("@")
        try:
            domain = domain if domain.isascii() else ascii_domain(domain)
        except UnicodeError as error:
            raise ValueError("the part after @ is not the name of a host") from error
        if (
            not local.isascii()
            and self._client().command_encoding == "ascii"
            and not self._client().has_extn("smtputf8")
        ):
            raise ValueError(f"{WANTS_UTF8} the server does not take letters beyond ASCII before the @")
        return f"{local}{at}{domain}"

    def _client(self) -> SmtpClient:
        if self.host is None or self.host.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        return self.host

    def _drop(self) -> None:
        host, self.host = self.host, None
        if host is not None:
            with suppress(OSError):
                host.close()
        self._watch.release()


def _codes(refused: Mapping[str, tuple[int, str]]) -> set[int]:
    return {code for code, _ in refused.values()}


def _local_part(address: str) -> str:
    return address.rpartition("@")[0]
