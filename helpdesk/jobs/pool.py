"""The worker's parent: keeps its processes alive, ends those that hang, and stops all of them in good order."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

from flask import Flask
from redis.exceptions import RedisError

from helpdesk import logs
from helpdesk.errors import HelpdeskError
from helpdesk.jobs.budget import follow, pause, should_stop, stop_on_signals
from helpdesk.jobs.worker import queues_of, work
from helpdesk.queue import beat, connect, forget_beat
from helpdesk.services import environment

logger = logging.getLogger(__name__)

LOOK_S = 0.2
BEAT_S = 5.0
STOP_S = 25.0  # a platform kills after 30
HUNG_S = 60.0  # beyond a job's own time-out, which a hang inside a C library does not notice
YOUNG_S = 10.0
LONGEST_WAIT_S = 30.0


@dataclass(slots=True)
class Slot:
    """One place in the pool. `failures` counts processes in a row that died young."""

    index: int
    process: BaseProcess | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    failures: int = 0

    def note_death(self, now: float) -> None:
        """Plan the successor: at once, or later and later when they keep dying young."""
        self.failures = self.failures + 1 if now - self.started_at < YOUNG_S else 0
        wait_s = min(2.0 ** (self.failures - 1), LONGEST_WAIT_S) if self.failures else 0.0
        self.process, self.start_again_at = None, now + wait_s


@dataclass(slots=True)
class Pool:
    """Runs `settings["WORKER_PROCESSES"]` worker processes, each with an application of its own from `make_app`.

    `prepare` is called in the first of them, within its application, before it works. What a process tells its parent lies in shared memory: whether it is ready, and when its job counts as hung.
    """

    settings: Mapping[str, Any]
    make_app: Callable[[], Flask]
    prepare: Callable[[], None] = lambda: None
    stop_s: float = STOP_S
    hung_s: float = HUNG_S
    _slots: list[Slot] = field(init=False)
    _ready: Any = field(init=False)
    _ends: Any = field(init=False)
    _beat_at: float = 0.0

    def __post_init__(self) -> None:
        count = self.settings["WORKER_PROCESSES"]
        fork = multiprocessing.get_context("fork")
        self._slots = [Slot(index) for index in range(count)]
        self._ready = fork.Array("b", count, lock=False)
        self._ends = fork.Array("d", count, lock=False)

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT, then let every process end the mail it has in hand."""
        stop_on_signals()
        while not should_stop():
            self._look_after_processes()
            self._beat()
            pause(LOOK_S)
        self._stop()

    def _look_after_processes(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is not None:
                self._check(slot, slot.process, now)
            if slot.process is None and now >= slot.start_again_at:
                self._start(slot)

    def _check(self, slot: Slot, process: BaseProcess, now: float) -> None:
        if process.is_alive():
            if 0 < self._ends[slot.index] < now - self.hung_s:
                logger.error("worker pid=%s hangs in its job, ending it", process.pid)
                process.kill()
            return
        slot.note_death(now)
        if process.exitcode:
            logger.warning("worker pid=%s died, exit=%s", process.pid, process.exitcode)

    def _start(self, slot: Slot) -> None:
        self._ready[slot.index], self._ends[slot.index] = 0, 0.0
        fork = multiprocessing.get_context("fork")
        slot.started_at = time.monotonic()
        slot.process = fork.Process(target=self._run_child, args=(slot.index, os.getpid()), daemon=False)
        slot.process.start()

    def _run_child(self, index: int, parent: int) -> None:
        follow(parent)
        app = self.make_app()
        if index == 0:
            self._prepare(app)
        work(
            queues_of(index, len(self._slots)),
            app=app,
            url=self.settings["REDIS_URL"],
            on_job=lambda ends_at: self._ends.__setitem__(index, ends_at),
            on_ready=lambda: self._ready.__setitem__(index, 1),
        )

    def _prepare(self, app: Flask) -> None:
        try:
            with app.app_context():
                self.prepare()
        except HelpdeskError as error:
            logger.error("not prepared, working all the same: %s", error)

    def _beat(self) -> None:
        """Tell the health page that there is a process that works."""
        if time.monotonic() < self._beat_at or not any(self._ready):
            return
        try:
            beat(connect(self.settings["REDIS_URL"]), "worker")
        except RedisError as error:
            logger.debug("no beat, redis is away: %s", error)
        self._beat_at = time.monotonic() + BEAT_S

    def _stop(self) -> None:
        running = [slot.process for slot in self._slots if slot.process is not None]
        for process in running:
            process.terminate()
        ends_at = time.monotonic() + self.stop_s
        for process in running:
            process.join(max(ends_at - time.monotonic(), 0))
            if process.is_alive():
                logger.warning("worker pid=%s did not stop in time, its mail is taken up again", process.pid)
                process.kill()
                process.join()
        try:
            forget_beat(connect(self.settings["REDIS_URL"]), "worker")
        except RedisError as error:
            logger.debug("no goodbye, redis is away: %s", error)


def run_pool(settings: Mapping[str, Any], make_app: Callable[[], Flask]) -> None:
    """Run the workers of this machine until SIGTERM or SIGINT."""
    logs.set_up(settings["LOG_LEVEL"])
    Pool(settings, make_app, prepare=environment.sync_account).run()
