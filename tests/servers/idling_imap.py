"""An IMAP server that lets its clients wait by IDLE, and tells or breaks off when the test says so."""

import contextlib
import socket

from tests.servers.scripted_imap import ScriptedImap


class IdlingImap(ScriptedImap):
    """`tell(line)` reaches every client that waits. `is_deaf`: it takes commands and answers nothing any more."""

    def __init__(self, mails=None, *, has_idle=True):
        super().__init__(mails)
        offers = b"IMAP4rev1 AUTH=PLAIN" + b" IDLE" * has_idle
        self.greeting = b"* OK [CAPABILITY " + offers + b"] ready\r\n"
        self.answers[b"CAPABILITY"] = b"* CAPABILITY " + offers + b"\r\nTAG OK done\r\n"
        self.waiting = {}
        self.connections = []
        self.is_deaf = False

    def _converse(self, connection):
        self.connections.append(connection)
        with connection, contextlib.suppress(OSError):
            connection.sendall(self.greeting)
            for line in connection.makefile("rb"):
                self.commands.append(line)
                if not self.is_deaf:
                    self._reply(connection, *line.strip().partition(b" ")[::2])

    def _reply(self, connection, tag, command):
        if command.upper() == b"IDLE" and b"IDLE" not in self.answers:
            self.waiting[connection] = tag
            connection.sendall(b"+ idling\r\n")
        elif tag == b"DONE":
            connection.sendall(self.waiting.pop(connection, b"X") + b" OK terminated\r\n")
        else:
            connection.sendall(self._answer(tag, command))

    def tell(self, line):
        for connection in list(self.waiting):
            connection.sendall(line)

    def drop(self):
        """End every connection."""
        self.waiting.clear()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def count(self, verb):
        """How many commands of this kind came."""
        return sum(verb in line.upper().split()[:2] for line in self.commands)
