"""One desk an instance folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from helpdesk.errors import ConfigError

LOCK_WAIT_S = 2.0  # the processes of a desk that was killed need a moment to end


def hold(instance: Path) -> IO[str]:
    """Take the instance for this desk alone, for as long as the returned file is open. Raises ConfigError."""
    file = (instance / "desk.lock").open("a+", encoding="ascii")
    ends_at = time.monotonic() + LOCK_WAIT_S
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        if time.monotonic() > ends_at:
            file.seek(0)
            raise ConfigError(
                "Another desk already runs in %(folder)s (process %(process)s). Stop it, or give this one a folder of "
                "its own: INSTANCE_PATH=instance-2 PORT=8001 make run",
                folder=str(instance),
                process=file.read().strip() or "unknown",
            )
        time.sleep(0.1)
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
