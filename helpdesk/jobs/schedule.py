"""The timetable, and a scheduler that keeps it whatever happens to it or to Redis.

rq-scheduler loses a periodic job for good when it is killed between two of its commands, ends with Redis, and lets a
slow job pile up. Here the next time is written before the job is queued, a job still waiting or running is left
alone, and every few seconds the table in Redis is made equal to `PERIODIC` again, by fixed ids.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq.job import JobStatus
from rq_scheduler import Scheduler

from helpdesk.jobs.budget import pause, should_stop, stop_on_signals
from helpdesk.jobs.outage import Outage
from helpdesk.jobs.worker import DeskWorker
from helpdesk.queue import (
    TASKS,
    JsonJob,
    JsonQueue,
    Task,
    beat,
    connect,
    forget_beat,
    wake_whose_time_has_come,
)

logger = logging.getLogger(__name__)

TURN_S = 1.0
RECONCILE_S = 5.0
LOCK_S = 5  # how long a scheduler that was killed in the middle of a turn can hold up the next one
RUN_PATIENCE_S = 20
FETCH_LOOK_S = 15
ALARM_LOOK_S = 60
OVERDUE_LOOK_S = 300
DIGEST_LOOK_S = 60
HOUR_S = 3600
DAY_S = 86400
REDIS_TIMEOUT_S = 5.0
NEVER = -1  # the entry must outlive any time without workers


@dataclass(frozen=True, slots=True)
class Periodic:
    """A task and how often it runs; `id` is the entry's and its job's name in Redis for ever."""

    id: str
    task: str
    interval_s: int


# id, task, seconds between two runs by the settings; the queue is the task's own
PERIODIC: tuple[tuple[str, str, Callable[[Mapping[str, Any]], int]], ...] = (
    (
        "periodic-fetch",
        "fetch_due",
        lambda settings: min(settings["EMAIL_TO_TICKET_CHECK_INTERVAL"], FETCH_LOOK_S),
    ),
    ("periodic-sweep", "sweep", lambda settings: settings["SWEEP_INTERVAL"]),
    ("periodic-alarms", "check_alarms", lambda _: ALARM_LOOK_S),
    ("periodic-overdue", "tell_overdue", lambda _: OVERDUE_LOOK_S),
    ("periodic-digests", "send_digests", lambda _: DIGEST_LOOK_S),
    ("periodic-close-resolved", "close_resolved", lambda _: HOUR_S),
    ("periodic-clean-up", "clean_up", lambda _: DAY_S),
)


def timetable(settings: Mapping[str, Any]) -> list[Periodic]:
    """Return the periodic table under these settings."""
    return [Periodic(id, task, interval_of(settings)) for id, task, interval_of in PERIODIC]


class DeskScheduler(Scheduler):
    """rq-scheduler, made to survive; several may run, each turn belongs to one of them."""

    job_class = JsonJob
    queue_class = JsonQueue

    def __init__(
        self,
        connection: Redis,
        table: Sequence[Periodic],
        *,
        tasks: Mapping[str, Task] = TASKS,
        turn_s: float = TURN_S,
        reconcile_s: float = RECONCILE_S,
    ) -> None:
        super().__init__(connection=connection, interval=turn_s)
        self._table, self._tasks = list(table), tasks
        self._turn_s, self._reconcile_s = turn_s, reconcile_s
        self._reconcile_at = 0.0
        self._outage = Outage(logger)

    def run(self, burst: bool = False) -> None:
        """Take turns until the process is told to stop; once only with `burst`."""
        while not should_stop():
            pause(self._try_turn())
            if burst:
                break
        self._say_goodbye()

    def _try_turn(self) -> float:
        """Take a turn and return the seconds to wait for the next."""
        try:
            self.take_turn()
        except RedisError as error:
            self._reconcile_at = 0.0  # an emptied or restored Redis may come back
            return self._outage.goes_on(error)
        except Exception:  # a foreign entry must not end the timetable; the next reconcile replaces it
            logger.exception("scheduler turn failed")
            self._reconcile_at = 0.0
        self._outage.is_over()
        return self._turn_s

    def take_turn(self) -> None:
        """Queue what is due, after making the table whole when that is due. Raises RedisError."""
        wake_whose_time_has_come(self.connection)  # a second scheduler may do the same: jobs are idempotent
        must_reconcile = time.monotonic() >= self._reconcile_at
        if not must_reconcile and not self.count(until=int(time.time())):
            return  # a turn with nothing to do writes nothing, not even a lock
        if not self.acquire_lock():
            return
        try:
            if must_reconcile:
                self.reconcile()
                self._reconcile_at = time.monotonic() + self._reconcile_s
            self.enqueue_jobs()
        finally:
            self.remove_lock()

    def acquire_lock(self) -> bool:
        """Take the lock of a turn, or take it up again when Redis was lost before the last turn could release it."""
        is_new = self.connection.set(self.scheduler_lock_key, self.name, ex=LOCK_S, nx=True)
        self._lock_acquired = bool(is_new) or self._is_lock_ours()
        return self._lock_acquired

    def _is_lock_ours(self) -> bool:
        return bool(self.connection.get(self.scheduler_lock_key) == self.name.encode())

    def remove_lock(self) -> None:
        """Release the lock, unless this turn took so long that it belongs to another by now."""
        if self._lock_acquired and self._is_lock_ours():
            self.connection.delete(self.scheduler_lock_key)
        self._lock_acquired = False

    def reconcile(self) -> None:
        """Make the table in Redis equal to ours: drop strangers, write what is missing, altered or far away."""
        beat(self.connection, "scheduler")
        scores = self.connection.zrange(self.scheduled_jobs_key, 0, -1, withscores=True)
        entries = {name.decode(): score for name, score in scores}
        for name in entries.keys() - {row.id for row in self._table}:
            self.connection.zrem(self.scheduled_jobs_key, name)
            self.connection.delete(JsonJob.key_for(name))
            logger.info("periodic=%s removed, no longer in the table", name)
        for row in self._table:
            due = entries.get(row.id)
            latest = time.time() + row.interval_s + 1  # further away only when a clock was set back
            if due is None or due > latest or not self._is_as_written(row):
                self._write(row)

    def _is_as_written(self, row: Periodic) -> bool:
        task = self._tasks[row.task]
        try:
            job = JsonJob.fetch(row.id, connection=self.connection)
            found = (job.func_name, job.origin, job.meta.get("interval"), job.timeout, job.result_ttl)
        except RedisError:
            raise
        except Exception:  # gone, or not readable as one of ours: either way it is written anew
            return False
        return found == (task.function, task.queue, row.interval_s, task.timeout_s, NEVER)

    def _write(self, row: Periodic) -> None:
        task = self._tasks[row.task]
        self.schedule(
            datetime.now(UTC),
            task.function,
            interval=row.interval_s,
            id=row.id,
            queue_name=task.queue,
            timeout=task.timeout_s,
            result_ttl=NEVER,
            description=row.task,
        )
        logger.info("periodic=%s written, every %s s", row.id, row.interval_s)

    def enqueue_job(self, job: JsonJob) -> None:
        """Queue a due job, its next time first: a kill in between costs one turn and never the entry."""
        next_at = int(time.time()) + int(job.meta["interval"])
        self.connection.zadd(self.scheduled_jobs_key, {job.id: next_at})
        queue = self.get_queue_for_job(job)
        if self._is_busy(job, queue):
            logger.debug("periodic=%s still waiting or running", job.id)
            return
        queue.enqueue_job(job)

    def _is_busy(self, job: JsonJob, queue: JsonQueue) -> bool:
        """Whether a run waits or goes on. One that began long ago counts as dead: another costs little."""
        if self.connection.lpos(queue.key, job.id) is not None:
            return True
        if job.get_status(refresh=False) != JobStatus.STARTED or job.started_at is None:
            return False
        if datetime.now(UTC) - job.started_at > timedelta(seconds=RUN_PATIENCE_S):
            return False
        worker = f"{DeskWorker.redis_worker_namespace_prefix}{job.worker_name}"
        return bool(self.connection.exists(worker)) and not self.connection.hexists(worker, "death")

    def _say_goodbye(self) -> None:
        try:
            forget_beat(self.connection, "scheduler")
        except RedisError as error:
            logger.debug("no goodbye, redis is away: %s", error)


def run_scheduler(settings: Mapping[str, Any]) -> None:
    """Keep the timetable until SIGTERM or SIGINT."""
    stop_on_signals()
    connection = connect(settings["REDIS_URL"], REDIS_TIMEOUT_S)
    DeskScheduler(connection, timetable(settings)).run()
