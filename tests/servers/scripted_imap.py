"""An IMAP server that misbehaves in ways no real one does on demand."""

import contextlib
import re
import socket
import threading

UID_FETCH = re.compile(rb"UID FETCH ([\d,]+) \((.+)\)", re.IGNORECASE)


class ScriptedImap:
    """Holds `mails` (uid -> bytes). `answers` maps the first word(s) of a command to a reply without its tag.

    Body and header of the UIDs in `broken` are refused with NO, alone or in company. `greeting` may be empty: then the
    server accepts and says nothing. `commands` lists every line it was sent.
    """

    def __init__(self, mails=None):
        self.mails = mails or {}
        self.broken = set()
        self.answers = {}
        self.greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"
        self.commands = []

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(self.greeting)
            for line in connection.makefile("rb"):
                self.commands.append(line)
                tag, _, command = line.strip().partition(b" ")
                connection.sendall(self._answer(tag, command))
                if command.upper() == b"LOGOUT":
                    return

    def _answer(self, tag, command):
        for start, answer in self.answers.items():
            if command.upper().startswith(start):
                return answer.replace(b"TAG", tag)
        if command.upper().startswith((b"SELECT", b"EXAMINE")):
            state = b"* %d EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 99]\r\n" % len(self.mails)
            return state + tag + b" OK [READ-WRITE] selected\r\n"
        if command.upper().startswith(b"UID SEARCH"):
            return (
                b"* SEARCH" + b"".join(b" %d" % uid for uid in self.mails) + b"\r\n" + tag + b" OK done\r\n"
            )
        if match := UID_FETCH.match(command):
            return self._fetch(tag, [int(uid) for uid in match[1].split(b",")], match[2].upper())
        if command.upper().startswith(b"CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + b" OK done\r\n"
        return tag + b" OK done\r\n"

    def _fetch(self, tag, uids, items):
        if b"BODY.PEEK" in items and self.broken & set(uids):
            return tag + b" NO [CORRUPTION] the message cannot be read\r\n"
        out = b""
        for number, uid in enumerate(self.mails, start=1):
            if uid in uids:
                out += b"* %d FETCH (UID %d " % (number, uid) + self._item(self.mails[uid], items) + b")\r\n"
        return out + tag + b" OK done\r\n"

    def _item(self, raw, items):
        if b"RFC822.SIZE" in items:
            return b'RFC822.SIZE %d INTERNALDATE "01-Feb-2026 10:00:00 +0100"' % len(raw)
        section, _, limits = items.replace(b".PEEK", b"").partition(b"<")
        part = raw[: int(limits[2:-1])] if limits else raw
        return section + (b"<0>" if limits else b"") + b" {%d}\r\n" % len(part) + part
