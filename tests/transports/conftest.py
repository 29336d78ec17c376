"""The servers transports are tested against."""

from tests.servers.fixtures import (  # noqa: F401
    authority,
    dovecot,
    fault_proxy,
    imap_server,
    mailbox,
    pymap,
    sink,
    smtp_sink,
)
