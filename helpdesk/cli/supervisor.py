"""Runs the processes of a Procfile by honcho, for `make run`: quiet while all is well, plain when it is not.

Differences from honcho's own loop: what the processes say goes to files and only warnings to the screen, they get the
time they need to stop, the store stops last, and when the desk itself is killed its processes end too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import re
import signal
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from honcho.manager import Manager
from honcho.printer import Message
from honcho.process import Process

STOP_S = 30.0
STORE_STOP_S = 5.0
LOOK_S = 0.25
LOG_BYTES = 5 * 1024 * 1024
SCREEN_WIDTH = 200
STORE = "store"  # talks about the kernel's settings only; if it ends, its last lines are shown
WORTH_SHOWING = re.compile(r"(^|[ \[])(WARNING|ERROR|CRITICAL)[ \]]")


class Logs:
    """Each process's lines in a file of its own; the screen sees warnings and errors. Stands in for honcho's printer."""

    width = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=12))
        self._files: dict[str, RotatingFileHandler] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def last_lines(self, name: str) -> list[str]:
        return list(self._last[name])

    def write(self, message: Message) -> None:
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for line in text.splitlines():
            self._last[message.name].append(line)
            self._file(message.name).emit(logging.makeLogRecord({"msg": line}))
            if message.name != STORE and WORTH_SHOWING.search(line):
                print(f"  {message.name:<9} | {line[:SCREEN_WIDTH]}", file=sys.stderr, flush=True)

    def _file(self, name: str) -> RotatingFileHandler:
        if name not in self._files:
            self._files[name] = RotatingFileHandler(
                self.path(name), maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8"
            )
        return self._files[name]


class Follower(Process):
    """A process that ends when the desk was killed and could not end it."""

    def run(self, events: object = None, ignore_signals: bool = False) -> None:
        threading.Thread(target=self._follow, args=(os.getppid(), events), daemon=True).start()
        super().run(events, ignore_signals)

    def _follow(self, desk: int, events: object) -> None:
        while os.getppid() == desk:
            time.sleep(LOOK_S)
        events.cancel_join_thread()  # type: ignore[attr-defined] # nobody reads any more
        with contextlib.suppress(ProcessLookupError, AttributeError):
            os.killpg(self._child.pid, signal.SIGTERM)


class Supervisor(Manager):
    """Starts the added processes, calls `on_look` while they come up, and stops them in order.

    `on_look` is called every quarter of a second until it returns True. After `loop`, `failed` names the process that
    ended by itself, or is None.
    """

    def __init__(self, logs: Logs, on_look: Callable[[], bool], on_stop: Callable[[], None]) -> None:
        super().__init__(printer=logs)
        self._process_ctor = Follower
        self._on_look, self._on_stop = on_look, on_stop
        self._is_up = self._is_asked_to_stop = False
        self._look_at = self._kill_at = 0.0
        self._told: set[str] = set()
        self.failed: str | None = None

    def loop(self) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._ask_to_stop)
        self._start()
        while not (self._all_started() and self._all_stopped()):
            self._take_event()
            if self._is_asked_to_stop or self.failed:
                self._stop_in_order()
            elif not self._is_up and time.monotonic() >= self._look_at:
                self._is_up = self._on_look()
                self._look_at = time.monotonic() + LOOK_S

    def _ask_to_stop(self, *_: object) -> None:
        self._is_asked_to_stop = True

    def _take_event(self) -> None:
        try:
            message = self.events.get(timeout=0.1)
        except queue.Empty:
            return
        if message.type == "line":
            self._printer.write(message)
        elif message.type == "start":
            self._processes[message.name]["pid"] = message.data["pid"]
        elif message.type == "stop":
            self._processes[message.name]["returncode"] = message.data["returncode"]
            if not self._is_asked_to_stop and self.failed is None:
                self.failed = message.name

    def returncode_of(self, name: str) -> int:
        """How a process ended; negative: by that signal."""
        return int(self._processes[name]["returncode"])

    def _running(self) -> set[str]:
        return {name for name, process in self._processes.items() if process.get("returncode") is None}

    def _stop_in_order(self) -> None:
        if not self._told:
            self._on_stop()
            self._kill_at = time.monotonic() + STOP_S
        running = self._running()
        self._terminate(running - {STORE} or running)
        if time.monotonic() >= self._kill_at:
            for name in running & self._told:
                self._procmgr.kill(self._processes[name]["pid"])

    def _terminate(self, names: set[str]) -> None:
        """Send SIGTERM to those that are started and were not told yet; the store gets time of its own."""
        for name in names - self._told:
            if pid := self._processes[name].get("pid"):
                self._told.add(name)
                self._procmgr.terminate(pid)
                if name == STORE:
                    self._kill_at = time.monotonic() + STORE_STOP_S
