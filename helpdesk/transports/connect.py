"""From the protocol named in an account to the source or sender that speaks it."""

from __future__ import annotations

from pathlib import Path

from helpdesk.transports.base import Sender, ServerAddress, Source, UnusableServer
from helpdesk.transports.imap import ImapSource
from helpdesk.transports.maildir import MaildirSender, MaildirSource
from helpdesk.transports.smtp import SmtpSender
from helpdesk.transports.terminal import ConsoleSender, DummySender

INCOMING = ("imap", "maildir")
OUTGOING = ("smtp", "maildir", "console", "dummy")


def open_source(protocol: str, server: ServerAddress | None = None, path: str | Path | None = None) -> Source:
    """Connect and log in. `imap` needs `server`, `maildir` the folder in `path`. Raises as `base.Source` says."""
    match protocol:
        case "imap" if server is not None and server.host:
            return ImapSource(server)
        case "maildir" if path is not None:
            return MaildirSource(path)
    raise UnusableServer("This account has no usable server to fetch mail from.", detail=protocol)


def open_sender(protocol: str, server: ServerAddress | None = None, path: str | Path | None = None) -> Sender:
    """Connect and log in. `smtp` needs `server`, `maildir` the folder in `path`. Raises as `base.Sender` says."""
    match protocol:
        case "smtp" if server is not None and server.host:
            return SmtpSender(server)
        case "maildir" if path is not None:
            return MaildirSender(path)
        case "console":
            return ConsoleSender()
        case "dummy":
            return DummySender()
    raise UnusableServer("This account has no usable server to send mail through.", detail=protocol)


def check_incoming(
    protocol: str, server: ServerAddress | None = None, path: str | Path | None = None
) -> list[str]:
    """Connect, log in, list the folders, leave: what a settings page does before it saves."""
    source = open_source(protocol, server, path)
    try:
        return source.folders()
    finally:
        source.close()


def check_outgoing(
    protocol: str, server: ServerAddress | None = None, path: str | Path | None = None
) -> None:
    """Connect, log in, leave; nothing is sent."""
    open_sender(protocol, server, path).close()
