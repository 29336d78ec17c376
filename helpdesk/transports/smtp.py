"""Sending by SMTP: one account's connection, kept for many mails and renewed when the server ended it in between."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from helpdesk.errors import PermanentError
from helpdesk.transports.base import Delivery, Security, ServerAddress
from helpdesk.transports.smtp_connection import ConnectionGone, SmtpConnection

logger = logging.getLogger(__name__)

FINAL_TIMEOUT_S = 600.0  # RFC 5321 4.5.3.2.6
SUBMISSIONS = 465  # TLS from the start, whatever else is set (RFC 8314 3.3)


class SmtpSender:
    """Logged in when the constructor returns."""

    def __init__(self, server: ServerAddress, *, final_timeout_s: float = FINAL_TIMEOUT_S) -> None:
        if server.port == SUBMISSIONS and server.security is Security.STARTTLS:
            server = replace(server, security=Security.TLS)
        self._server = server
        self._final_timeout_s = final_timeout_s
        self._connection: SmtpConnection | None = self._connect()

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        """Hand one message to the server. Raises as `base.Sender` says."""
        if not recipients:
            raise PermanentError("This mail has no recipient.")
        unique = list(dict.fromkeys(recipients))
        if self._connection is not None and self._connection.num_emails:
            try:
                return self._transmit(envelope_from, unique, raw)
            except ConnectionGone as gone:  # idle for too long, or enough mails: nothing was handed over
                logger.debug("smtp host=%s connects again: %s", self._server.host, gone.detail)
        return self._transmit(envelope_from, unique, raw)

    def close(self) -> None:
        """Quit; never raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.leave()

    def _connect(self) -> SmtpConnection:
        connection = SmtpConnection(self._server, self._final_timeout_s)
        return connection.__enter__()

    def _transmit(self, envelope_from: str, recipients: list[str], raw: bytes) -> Delivery:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        try:
            return connection.transmit(envelope_from, recipients, raw)
        finally:
            if connection.host is None:
                self._connection = None
