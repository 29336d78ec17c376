"""An SMTP server that gives just the answers it was told."""

import contextlib
import socket
import threading
import time

from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.transports.base import Security, ServerAddress

USUAL = {
    "GREETING": b"220 ready\r\n",
    "EHLO": b"250 here\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    "END": b"250 taken\r\n",
    "RSET": b"250 ok\r\n",
    "QUIT": b"221 bye\r\n",
}


class ScriptedSmtp:
    """`answers` replaces the usual ones; an empty one is silence. `MIDDLE`: said within the mail, then the line is cut;
    when empty the server stops reading there. `leaves_at_data`: it says nothing more from the 354 on."""

    def __init__(self, answers):
        self.answers = answers
        self.delay_at_end = 0
        self.leaves_at_data = False
        self._open = []

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def address(self, **values):
        defaults = {
            "networks": OWN_NETWORKS,
            "host": "127.0.0.1",
            "port": values.pop("port", None) or self.port,
            "security": Security.PLAIN,
            "connect_timeout_s": 1.0,
            "command_timeout_s": 1.0,
        }
        return ServerAddress(**(defaults | values))

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _answer(self, connection, step):
        connection.sendall(self.answers.get(step, USUAL.get(step, b"500 what?\r\n")))

    def _converse(self, connection):
        with contextlib.suppress(OSError, ValueError):
            self._answer(connection, "GREETING")
            lines = connection.makefile("rb")
            for line in lines:
                verb = line[:4].upper().decode("latin-1")
                self._answer(connection, verb)
                if verb == "DATA" and self.leaves_at_data:
                    connection.shutdown(socket.SHUT_WR)
                if verb == "QUIT":
                    return connection.close()
                if verb == "DATA" and self.answers.get("DATA", USUAL["DATA"]).startswith(b"354"):
                    if not self._read_mail(connection, lines):
                        return None
                    time.sleep(self.delay_at_end)
                    self._answer(connection, "END")
        return None

    def _read_mail(self, connection, lines):
        if "MIDDLE" in self.answers:
            lines.readline()
            if self.answers["MIDDLE"]:
                connection.sendall(self.answers["MIDDLE"])
                time.sleep(0.1)
                connection.shutdown(socket.SHUT_WR)
                time.sleep(0.5)  # keeps the answer readable: closing with unread bytes would reset it away
                connection.close()
            return False
        return any(line == b".\r\n" for line in lines)
