"""A small POP3 server in this process that also misbehaves in ways no real one does on demand."""

import contextlib
import socket
import threading


class ScriptedPop3:
    """Holds `mails`, pairs of UIDL and bytes. `answers` maps the beginning of a command to a reply.

    `cut[number]` ends the connection after so many bytes of that mail. `commands` lists every line it was sent.
    `without` holds commands it does not know. Mails are deleted at QUIT alone.
    """

    def __init__(self, *mails):
        self.mails = list(mails)
        self.answers = {}
        self.cut = {}
        self.refused = set()
        self.without = set()
        self.greeting = b"+OK ready\r\n"
        self.commands = []
        self.connections = 0

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def said(self, command):
        """How often a command was given."""
        return sum(line.upper().startswith(command) for line in self.commands)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        marked = set()
        with connection, contextlib.suppress(OSError):
            connection.sendall(self.greeting)
            for line in connection.makefile("rb"):
                self.commands.append(line)
                command = line.strip().upper()
                answer = self._answer(command, marked)
                if command.startswith(b"RETR") and _number(command) in self.cut:
                    connection.sendall(answer[: len(b"+OK\r\n") + self.cut[_number(command)]])
                    return
                connection.sendall(answer)
                if command == b"QUIT":
                    kept = [mail for at, mail in enumerate(self.mails, 1) if at not in marked]
                    self.mails = kept
                    return

    def _answer(self, command, marked):
        for start, answer in self.answers.items():
            if command.startswith(start):
                return answer
        word = command.split(b" ")[0]
        if word in self.without:
            return b"-ERR unknown command\r\n"
        there = [(at, mail) for at, mail in enumerate(self.mails, 1) if at not in marked]
        match word:
            case b"LIST":
                return _lines(b"%d %d" % (at, len(raw)) for at, (_, raw) in there)
            case b"UIDL":
                return _lines(b"%d %s" % (at, uidl) for at, (uidl, _) in there)
            case b"CAPA":
                return _lines([b"UIDL", b"TOP"])
            case b"RETR" | b"TOP" | b"DELE" if _number(command) in self.refused:
                return b"-ERR cannot be read\r\n"
            case b"RETR":
                return _text(self.mails[_number(command) - 1][1])
            case b"TOP":
                header, _, body = self.mails[_number(command) - 1][1].partition(b"\r\n\r\n")
                lines = body.splitlines(keepends=True)[: int(command.split()[2])]
                return _text(header + b"\r\n\r\n" + b"".join(lines))
            case b"DELE":
                marked.add(_number(command))
        return b"+OK\r\n"


def _number(command):
    return int(command.split()[1])


def _lines(lines):
    return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"


def _text(raw):
    stuffed = (b"." + raw if raw.startswith(b".") else raw).replace(b"\n.", b"\n..")
    return b"+OK\r\n" + stuffed + (b"" if stuffed.endswith(b"\n") else b"\r\n") + b".\r\n"
