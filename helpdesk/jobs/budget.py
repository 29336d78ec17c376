"""How long work may go on: until this process is told to stop, or a run's time is up.

Services ask between two mails, never inside one. The flag belongs to the whole process: a signal sets it, and a worker
whose pool died finds it set, so that no orphan goes on working.
"""

from __future__ import annotations

import os
import signal
import time

BUDGET_S = 120.0
_SLICE_S = 0.1


class _Flag:
    is_set = False
    parent: int | None = None


_flag = _Flag()


def request_stop(*_: object) -> None:
    """Make `should_stop` true; a signal handler."""
    _flag.is_set = True


def stop_on_signals() -> None:
    """Let SIGTERM and SIGINT end the work of this process, and of those it forks, at the next good moment."""
    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)


def follow(parent: int) -> None:
    """Stop too when the process `parent`, which started this one, is gone."""
    _flag.parent = parent


def should_stop() -> bool:
    """Whether to end after the piece of work in hand."""
    return _flag.is_set or (_flag.parent is not None and os.getppid() != _flag.parent)


def deadline() -> float:
    """The `time.monotonic()` at which a run that begins now hands over to its successor."""
    return time.monotonic() + BUDGET_S


def pause(seconds: float) -> None:
    """Sleep, but no longer than until `should_stop`."""
    ends_at = time.monotonic() + seconds
    while not should_stop() and (left := ends_at - time.monotonic()) > 0:
        time.sleep(min(left, _SLICE_S))
