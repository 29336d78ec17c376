"""A mailbox on a real IMAP server, and the settings that make a desk read it."""

import secrets

from helpdesk.transports.base import Security


class Inbox:
    """Mail for `address`, under a user nobody else has."""

    def __init__(self, server, address):
        self.server, self.address = server, address
        self.user = f"u{secrets.token_hex(4)}@desk.example"
        self.server.flags(self.user)  # makes the mailbox

    def deliver(self, raw, **options):
        return self.server.deliver(self.user, raw, **options)

    def flags(self):
        return self.server.flags(self.user)

    def settings(self):
        """The environment of a desk whose first account this is."""
        server = self.server.address(self.user)
        return {
            "SUPPORT_EMAIL": self.address,
            "IMAP_HOST": server.host,
            "IMAP_PORT": server.port,
            "IMAP_USERNAME": server.username,
            "IMAP_PASSWORD": server.password,
            "IMAP_USE_SSL": "true" if server.security is Security.TLS else "false",
            "IMAP_CA_FILE": server.ca_file,
        }


def smtp_settings(sink):
    """The environment that makes a desk send through `sink`."""
    return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": sink.port, "SMTP_USE_TLS": "false"}
