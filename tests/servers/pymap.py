"""pymap, an IMAP server in Python that needs no root: the everyday stand-in where Dovecot is missing.

It speaks plain IMAP and STARTTLS only, knows no keywords and keeps mails in memory; each user gets a process of his own.
"""

import subprocess
import sys

from imapclient import IMAPClient

from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import Security, ServerAddress
from tests.servers.ports import free_port, wait_for_port

START = "from pymap.main import main; main()"


class PymapServer:
    """The same interface as DovecotServer, as far as it goes."""

    password = "correct horse"
    knows_keywords = False

    def __init__(self, authority):
        self.authority = authority
        self.certificate, self.key = authority.issue("pymap", "localhost", "127.0.0.1")
        self.processes = {}
        self.clients = {}

    def start(self):
        return self

    def stop(self):
        for client in self.clients.values():
            client.shutdown()
        for process, _ in self.processes.values():
            process.terminate()
        for process, _ in self.processes.values():
            process.wait(10)

    def _port_of(self, user):
        if user not in self.processes:
            port = free_port()
            command = [
                sys.executable, "-c", START, "--no-service", "admin", "--no-service", "managesieve",
                "--host", "127.0.0.1", "--port", str(port), "--cert", self.certificate, "--key", self.key,
                "dict", "--demo-user", user, "--demo-password", self.password,
            ]  # fmt: skip
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.processes[user] = (process, port)
            wait_for_port(port, is_alive=lambda: process.poll() is None)
        return self.processes[user][1]

    def address(self, user, **values):
        defaults = {
            "networks": OWN_NETWORKS,
            "host": "localhost",
            "port": self._port_of(user),
            "username": user,
            "password": self.password,
            "security": Security.STARTTLS,
            "ca_file": str(self.authority.ca_file),
            "connect_timeout_s": 5.0,
            "command_timeout_s": 10.0,
        }
        return ServerAddress(**(defaults | values))

    def _client(self, user):
        """Kept open: pymap takes its time to check a password."""
        if user not in self.clients:
            client = IMAPClient("127.0.0.1", self._port_of(user), ssl=False, timeout=10)
            client.plain_login(user, self.password)
            self.clients[user] = client
        return self.clients[user]

    def deliver(self, user, raw, *, folder="INBOX", is_seen=False, arrived_at=None):
        client = self._client(user)
        if not client.folder_exists(folder):
            client.create_folder(folder)
        client.append(folder, raw, (b"\\Seen",) if is_seen else (), arrived_at)

    def flags(self, user, folder="INBOX"):
        client = self._client(user)
        client.select_folder(folder, readonly=True)
        found = client.get_flags(client.search("ALL"))
        return ["S" if b"\\Seen" in flags else "" for _, flags in sorted(found.items())]
