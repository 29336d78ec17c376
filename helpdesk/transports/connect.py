"""From the protocol named in an account to the source or sender that speaks it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from helpdesk.transports.base import Maildrop, Sender, ServerAddress, Source, UnusableServer
from helpdesk.transports.file_drop import FileSender
from helpdesk.transports.imap import ImapSource
from helpdesk.transports.maildir import MaildirSender, MaildirSource
from helpdesk.transports.pop3 import Pop3Drop
from helpdesk.transports.smtp import SmtpSender
from helpdesk.transports.terminal import ConsoleSender, DummySender

INCOMING = ("imap", "pop3", "maildir")
OUTGOING = ("smtp", "maildir", "file", "console", "dummy")


def open_source(
    protocol: str, server: ServerAddress | None = None, path: str | Path | None = None
) -> Source | Maildrop:
    """Connect and log in: a `Maildrop` for `pop3`, else a `Source`. Raises as `base.Source` says.

    `imap` and `pop3` need `server`, `maildir` the folder in `path`.
    """
    match protocol:
        case "imap" if server is not None and server.host:
            return ImapSource(server)
        case "pop3" if server is not None and server.host:
            return Pop3Drop(server)
        case "maildir" if path is not None:
            return MaildirSource(path)
    raise UnusableServer("This account has no usable server to fetch mail from.", detail=protocol)


def open_sender(protocol: str, server: ServerAddress | None = None, path: str | Path | None = None) -> Sender:
    """Connect and log in. `smtp` needs `server`, `maildir` and `file` the folder in `path`. Raises as `base.Sender`."""
    match protocol:
        case "smtp" if server is not None and server.host:
            return SmtpSender(server)
        case "maildir" if path is not None:
            return MaildirSender(path)
        case "file" if path is not None:
            return FileSender(path)
        case "console":
            return ConsoleSender()
        case "dummy":
            return DummySender()
    raise UnusableServer("This account has no usable server to send mail through.", detail=protocol)


def look_inside(connection: Source | Maildrop, folders: Sequence[str]) -> None:
    """Open what is to be read, without reading it. Raises PermanentError, TransientError."""
    if isinstance(connection, Maildrop):
        connection.listing()
        return
    for folder in folders:
        connection.open_folder(folder)


def check_outgoing(
    protocol: str, server: ServerAddress | None = None, path: str | Path | None = None
) -> None:
    """Connect, log in, leave; nothing is sent."""
    open_sender(protocol, server, path).close()
