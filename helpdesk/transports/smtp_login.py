"""The beginning of an SMTP connection: socket, encryption, login; and what its errors mean."""

from __future__ import annotations

import base64
import smtplib
import socket

from helpdesk.errors import TransientError, TransportError
from helpdesk.transports.base import LoginRefused, Security, ServerAddress, UnusableServer
from helpdesk.transports.connection import Watch, explain, open_socket, tls_context, words
from helpdesk.transports.xoauth2 import MECHANISM, Answers, refused

AUTHENTICATION_MISSING = {530, 534, 535, 538}


class SmtpClient(smtplib.SMTP):
    """smtplib on a socket of ours: verified TLS, our timeouts, our watch."""

    def __init__(self, server: ServerAddress, watch: Watch) -> None:
        self._address, self._watch = server, watch
        super().__init__(
            server.host, server.port, local_hostname=_own_name(), timeout=server.connect_timeout_s
        )

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return open_socket(self._address, self._watch)

    def extension_number(self, name: str) -> int:
        """The number announced with an extension, 0 when there is none."""
        announced = self.esmtp_features.get(name, "").strip()
        return int(announced) if announced.isascii() and announced.isdigit() else 0


def greet_and_log_in(client: SmtpClient, server: ServerAddress) -> None:
    """EHLO, STARTTLS, AUTH as the account wants it; never a password without the encryption asked for."""
    client.ehlo_or_helo_if_needed()
    if server.security is Security.STARTTLS:
        if not client.has_extn("starttls"):
            raise UnusableServer("%(host)s offers no encryption by STARTTLS.", host=server.host)
        client.starttls(context=tls_context(server))
        client.ehlo_or_helo_if_needed()
    assert client.sock is not None
    client.sock.settimeout(server.command_timeout_s)
    if not server.username:
        return
    if not client.has_extn("auth"):
        raise UnusableServer("%(host)s offers no login; leave the user name empty.", host=server.host)
    if server.has_token:
        _log_in_with_token(client, server)
    elif server.username.isascii() and server.password.isascii():
        client.login(server.username, server.password)
    else:
        _log_in_with_utf8(client, server)


def _log_in_with_utf8(client: SmtpClient, server: ServerAddress) -> None:
    """smtplib knows ASCII passwords only; AUTH PLAIN is UTF-8 (RFC 4616 2)."""
    secret = base64.b64encode(f"\0{server.username}\0{server.password}".encode()).decode("ascii")
    code, reply = client.docmd("AUTH", f"PLAIN {secret}")
    if code not in (235, 503):
        raise smtplib.SMTPAuthenticationError(code, reply)


def _log_in_with_token(client: SmtpClient, server: ServerAddress) -> None:
    """A refusal comes in two steps: a challenge that holds the reason, and the code once it was answered by nothing."""
    if MECHANISM not in client.esmtp_features.get("auth", "").upper().split():
        raise UnusableServer("%(host)s offers no login by OAuth 2.", host=server.host)
    answers = Answers(server)
    code, reply = client.docmd("AUTH", f"{MECHANISM} {answers.in_base64(b'')}")
    if code == 334:
        code, reply = client.docmd(answers.in_base64(_decoded(reply)))
    if code == 535:
        raise refused(server, f"{code} {words(reply)} {answers.challenge}")
    if code not in (235, 503):
        raise smtplib.SMTPAuthenticationError(code, reply)


def _decoded(challenge: bytes) -> bytes:
    try:
        return base64.b64decode(challenge + b"==")
    except ValueError:
        return challenge


def explain_smtp(error: BaseException, server: ServerAddress, watch: Watch) -> TransportError:
    """Turn an error of smtplib, of the socket or of TLS into one of ours."""
    if watch.has_expired or isinstance(error, TransportError):
        return explain(error, server, watch)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error, server)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        lost = error.__context__
        return explain(lost if isinstance(lost, OSError) else ConnectionError(str(error)), server, watch)
    if isinstance(error, smtplib.SMTPException):
        return UnusableServer(
            "%(host)s offers no login this desk can use.", detail=words(error), host=server.host
        )
    return explain(error, server, watch)


def _refusal(error: smtplib.SMTPResponseException, server: ServerAddress) -> TransportError:
    reply = error.smtp_error
    detail = f"{error.smtp_code} {words(reply)}"
    if not 500 <= error.smtp_code < 600:
        return TransientError("%(host)s cannot be used at the moment.", detail=detail, host=server.host)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return LoginRefused("%(host)s refuses user name or password.", detail=detail, host=server.host)
    return UnusableServer("%(host)s refuses to talk to this desk.", detail=detail, host=server.host)


def _own_name() -> str:
    """For EHLO, without asking the name service, which may take long: a full name, else an address literal."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
