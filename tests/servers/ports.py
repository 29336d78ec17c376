"""Free ports, and waiting for servers to listen on them."""

import socket
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, *, is_alive=lambda: True, seconds=15):
    """Return when something listens on `port`; raise when it does not in time or its process ended."""
    ends_at = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if not is_alive() or time.monotonic() > ends_at:
                raise
            time.sleep(0.02)
