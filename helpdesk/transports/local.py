"""Looks at this machine: whether a port can be had, whether the desk's web server answers."""

from __future__ import annotations

import errno
import http.client
import socket

TIMEOUT_S = 2.0
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def why_not_listen(bind: str, port: int) -> str | None:
    """Return a sentence that says why a server cannot listen there, None when it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
    except OSError as error:
        return _reason(error, bind, port)
    return None


def _reason(error: OSError, bind: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return (
            f"Port {port} is in use. Stop the program that uses it, or choose another: PORT={other} make run"
        )
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for the system. Choose one above 1023: PORT=8000 make run"
    return (
        f"BIND={bind} is not an address of this machine. Use 127.0.0.1, or 0.0.0.0 to be reached from others."
    )


def answers(bind: str, port: int) -> bool:
    """Whether a web server there answers GET /health, with whatever it says about itself."""
    connection = http.client.HTTPConnection(LOOPBACK.get(bind, bind), port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
