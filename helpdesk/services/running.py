"""Which of the desk's processes are up, as the health page and the launcher ask it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpdesk import queue
from helpdesk.errors import ConfigError
from helpdesk.transports import local

PROCESSES = ("web", "worker", "scheduler")


def refuse_taken_port(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError, with what to do, when the web server could not listen on BIND and PORT."""
    if reason := local.why_not_listen(settings["BIND"], settings["PORT"]):
        raise ConfigError(reason)


def free_port(settings: Mapping[str, Any], *, tries: int = 20) -> int:
    """PORT, or the next one above it that can be had. Raises ConfigError when none of them can."""
    for port in range(settings["PORT"], min(settings["PORT"] + tries, 65536)):
        if local.why_not_listen(settings["BIND"], port) is None:
            return port
    refuse_taken_port(settings)
    return int(settings["PORT"])


def missing(settings: Mapping[str, Any], *, within_s: float) -> list[str]:
    """Return the names of the processes that did not show within the last `within_s` seconds that they are up."""
    beats = queue.heartbeats(settings["REDIS_URL"]) or {}
    is_up = {name: beats.get(name, within_s) < within_s for name in ("worker", "scheduler")}
    is_up["web"] = local.answers(settings["BIND"], settings["PORT"])
    return [name for name in PROCESSES if not is_up[name]]
