"""Real mail servers for the commands that fetch."""

from tests.servers.fixtures import authority, dovecot, imap_server, mailbox, pymap, sink, smtp_sink  # noqa: F401
