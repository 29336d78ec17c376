"""Time without Redis: waits that grow, one line in the log when it begins to matter and one when it is over."""

from __future__ import annotations

import logging

SILENT_S = 2.0  # a restart, or a store that is still starting, is nobody's business


class Outage:
    """One process's view of Redis being away."""

    def __init__(self, logger: logging.Logger, *, first_s: float = 0.1, longest_s: float = 5.0) -> None:
        self._logger = logger
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s, self._waited_s, self._is_told = first_s, 0.0, False

    def goes_on(self, error: Exception) -> float:
        """Note another failure and return the seconds to wait before the next try."""
        if not self._is_told and self._waited_s >= SILENT_S:
            self._logger.warning("redis away, waiting for it: %s", error)
            self._is_told = True
        wait_s = self._next_s
        self._waited_s += wait_s
        self._next_s = min(wait_s * 2, self._longest_s)
        return wait_s

    def is_over(self) -> None:
        """Note that Redis answered."""
        if self._is_told:
            self._logger.info("redis is back")
        self._next_s, self._waited_s, self._is_told = self._first_s, 0.0, False
