"""A TCP proxy that breaks connections where a test wants it."""

import contextlib
import socket
import threading
import time


class FaultProxy:
    """Forwards 127.0.0.1:`port` to the target.

    `cut_after` bytes from the server the connection is reset, `stall_after` bytes nothing more is passed on; both count
    from the end of the first `marker` in the server's words, when one is set. `upstream` counts the client's bytes
    instead. `pace` passes one byte at a time with that many seconds in between. `heal()` forgets all faults.
    """

    def __init__(self, target_port, host="127.0.0.1"):
        self.target = (host, target_port)
        self.connections = 0
        self.heal()
        self._sockets = set()

    def heal(self):
        self.cut_after = None
        self.stall_after = None
        self.marker = b""
        self.upstream = False
        self.pace = None

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()

    def cut_all(self):
        """Reset what is open."""
        for connection in list(self._sockets):
            self._reset(connection)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            self._sockets |= {client, server}
            for source, target, is_up in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._forward, args=(source, target, is_up), daemon=True).start()

    def _forward(self, source, target, is_up):
        passed, tail, is_counting = 0, b"", False
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                is_counting = is_counting or not self.marker
                start = 0
                if is_up == self.upstream and not is_counting:
                    joined = tail + data
                    position = joined.find(self.marker)
                    tail = joined[-len(self.marker) :]
                    if position >= 0:
                        is_counting = True
                        start = max(0, position + len(self.marker) - (len(joined) - len(data)))
                limit = self._limit() if is_up == self.upstream and is_counting else None
                if limit is not None and passed + len(data) - start > limit:
                    target.sendall(data[: start + limit - passed])
                    return self._break(source, target)
                if is_counting:
                    passed += len(data) - start
                self._pass_on(target, data, is_up)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        return None

    def _limit(self):
        return self.cut_after if self.cut_after is not None else self.stall_after

    def _break(self, source, target):
        if self.cut_after is not None:
            time.sleep(0.05)  # lets what was passed on arrive first
            self._reset(source)
            self._reset(target)

    def _pass_on(self, target, data, is_up):
        if self.pace is None or is_up:
            return target.sendall(data)
        for number in range(len(data)):
            target.sendall(data[number : number + 1])
            time.sleep(self.pace)
        return None

    def _reset(self, connection):
        """Both ends notice at once: shutting down wakes a thread that reads, closing alone does not."""
        self._sockets.discard(connection)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
