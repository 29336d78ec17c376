"""One worker process: takes jobs from its queues and runs them in itself, one after the other.

Not one fork per job, as RQ's default: a drain of thousands of mails would pay for starting up again and again, and what
a fork guards against is guarded otherwise. The pool (`pool.py`) replaces a process that died, hangs or has grown too
large; which mail was in work is known to the database. Between two jobs, and by `should_stop` between two mails, the
process looks whether it is to end; a signal never interrupts a mail.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.queue import Queue
from rq.worker import DequeueStrategy, SimpleWorker, WorkerStatus

from helpdesk.errors import HelpdeskError
from helpdesk.jobs.budget import pause, should_stop
from helpdesk.jobs.outage import Outage
from helpdesk.queue import DEFAULT, FETCH, INGEST, SEND, JsonJob, JsonQueue, connect

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_S = 5
LOOK_S = 0.5  # how long one wait for a job lasts, and so the stop of an idle process
SIGN_OF_LIFE_S = 15
MAX_RSS_BYTES = 300 * 1024 * 1024

# Servers that answer slowly can hold up one kind of work and never all: with two processes or more, one does not
# send and one does not fetch, and every one makes tickets of mail. Within its queues a process takes turns.
ORDERS = (
    (FETCH, INGEST, DEFAULT),
    (SEND, INGEST, DEFAULT),
    (INGEST, DEFAULT, SEND, FETCH),
)


def queues_of(slot: int, processes: int) -> tuple[str, ...]:
    """Return what the process in `slot` of `processes` serves, most urgent first."""
    return ORDERS[-1] if processes == 1 else ORDERS[slot % len(ORDERS)]


class DeskWorker(SimpleWorker):
    """RQ's worker without forks, threads and pickles; `on_job` is told each job's latest end, 0 when it is done."""

    job_class = JsonJob
    queue_class = JsonQueue  # type: ignore[assignment]
    log_result_lifespan = False

    def __init__(
        self, queues: tuple[str, ...], *, app: Flask, connection: Redis, on_job: Callable[[float], None]
    ) -> None:
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        super().__init__(queues, name=name, connection=connection)
        self.app = app
        self.on_job = on_job
        self.lost: RedisError | None = None

    @property
    def connection_timeout(self) -> int:
        return REDIS_TIMEOUT_S

    def _install_signal_handlers(self) -> None:
        """Signals set the flag of `budget`; RQ's own handlers would raise in the middle of a command."""

    def subscribe(self) -> None:
        """No thread that listens for commands: nobody sends any."""

    def unsubscribe(self) -> None:
        pass

    def teardown(self) -> None:
        try:
            super().teardown()
        except RedisError as error:
            self.lost = error

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Beat as RQ does, but an idle process only every few seconds: each beat is a write to the store's file."""
        if self.lost:
            return
        last = self.last_heartbeat
        is_fresh = last is not None and (datetime.now(UTC) - last).total_seconds() < SIGN_OF_LIFE_S
        if pipeline is not None or not is_fresh:
            super().heartbeat(timeout, pipeline)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Return the next job, or None when this process is to stop or lost Redis. `timeout` None: do not wait."""
        try:
            self.set_state(WorkerStatus.IDLE)
            while not should_stop() and not self.lost:
                self.heartbeat()
                if self.should_run_maintenance_tasks:
                    self.run_maintenance_tasks()
                if found := self._next_job(wait_s=LOOK_S if timeout else None):
                    return found
                if not timeout:
                    break
        except RedisError as error:
            self.lost = error
        return None

    def _next_job(self, wait_s: float | None) -> tuple[Job, Queue] | None:
        try:
            found = self.queue_class.dequeue_any(
                self._ordered_queues,
                wait_s,  # type: ignore[arg-type] # Redis takes fractions
                connection=self.connection,
            )
        except DequeueTimeout:
            return None
        if found is not None:
            self.reorder_queues(reference_queue=found[1])
        return found

    def check_for_suspension(self, burst: bool) -> None:
        """Nobody suspends a desk's workers."""

    def run_maintenance_tasks(self) -> None:
        try:
            super().run_maintenance_tasks()
        except RedisError as error:
            self.lost = error

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the job. Redis may be lost around it; RQ would call that a defect."""
        try:
            super().execute_job(job, queue)
        except RedisError as error:
            self.lost, self._stop_requested = error, True

    def perform_job(self, job: Job, queue: Queue) -> bool:
        began_at = time.monotonic()
        self.on_job(began_at + float(job.timeout or queue.DEFAULT_TIMEOUT))
        try:
            with self.app.app_context():
                is_done = super().perform_job(job, queue)
        finally:
            self.on_job(0.0)
        took_s = time.monotonic() - began_at
        logger.debug("job=%s queue=%s done=%s took=%.2fs", job.id, queue.name, is_done, took_s)
        self._stop_requested = is_bloated()
        return is_done

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """One line for what the desk foresaw (an account deleted meanwhile); a traceback for a defect."""
        if isinstance(exc_info[1], HelpdeskError):
            logger.warning("job=%s failed: %s", job.id, exc_info[1])
            return
        logger.error("job=%s failed: %s", job.id, exc_info[1], exc_info=exc_info)


def is_bloated() -> bool:
    """Whether this process ever took more memory than a worker may keep."""
    return peak_rss_bytes() > MAX_RSS_BYTES


def peak_rss_bytes() -> int:
    """The most memory this process ever held. Linux's getrusage is no help: it counts what started the process too."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def work(
    queues: tuple[str, ...],
    *,
    app: Flask,
    url: str,
    on_job: Callable[[float], None] = lambda until: None,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Run jobs until the process is told to stop or has grown too large, across any outage of Redis."""
    logging.getLogger("rq").setLevel(logging.WARNING)
    connection = connect(url, float(REDIS_TIMEOUT_S))
    outage = Outage(logger)
    worker: DeskWorker | None = None
    while not should_stop():
        try:
            if worker and worker.lost:
                worker.register_death()  # what it ran has ended, whatever Redis says
            worker = DeskWorker(queues, app=app, connection=connection, on_job=on_job)
            on_ready()
            outage.is_over()
            worker.work(logging_level="WARNING", dequeue_strategy=DequeueStrategy.ROUND_ROBIN)
            if worker.lost:
                raise worker.lost
        except RedisError as error:
            pause(outage.goes_on(error))
        else:
            if is_bloated():
                logger.info("worker pid=%s has grown large, making room for a new one", os.getpid())
                return
            pause(LOOK_S)  # RQ ended by itself, on a job it could not read: never in a tight loop
