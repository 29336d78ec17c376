"""The alarm clock: tells a worker that there is work, and keeps nothing of its own.

What is to be done lies in the database; a job carries a task's name and ids, as JSON. A wake-up that is lost (Redis
away, a job killed) is made good by the sweep, so nothing here ever raises because of Redis. One Redis database
belongs to one desk.

At most one run of a task with the same ids waits at any time. A wake-up that comes while the job runs must lead to one
more run, because the running one may already have looked: it waits under a second id, ending in `-next`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from flask import current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.serializers import JSONSerializer

from helpdesk.database import after_commit

logger = logging.getLogger(__name__)

FETCH, INGEST, SEND, DEFAULT = QUEUES = ("fetch", "ingest", "send", "default")
WAIT_TTL_S = 3600  # also how long the trace of a job lost between queue and worker can hold its id
RESULT_TTL_S = 300
FAILURE_TTL_S = 24 * 3600
WAKE_TIMEOUT_S = 1.0
SKIP_AFTER_TIMEOUT_S = 5.0
MAX_CONNECTIONS = 50
LATER_KEY = "helpdesk:later"
HEARTBEAT_PREFIX = "helpdesk:heartbeat:"
HEARTBEAT_TTL_S = 60
LISTENING_KEY = "helpdesk:listening"


@dataclass(frozen=True, slots=True)
class Task:
    """Where a task's function lies, the queue it waits in, and when a run counts as hung.

    A run stops by itself long before `timeout_s`; sending waits ten minutes for the answer to a final dot.
    """

    function: str
    queue: str
    timeout_s: int = 300


TASKS: dict[str, Task] = {
    "fetch_account": Task("helpdesk.jobs.tasks.fetch_account", FETCH, timeout_s=600),
    "process_incoming": Task("helpdesk.jobs.tasks.process_incoming", INGEST, timeout_s=600),
    "send_account": Task("helpdesk.jobs.tasks.send_account", SEND, timeout_s=1200),
    "deliver_reply": Task("helpdesk.jobs.tasks.deliver_reply", DEFAULT, timeout_s=60),
    "fetch_due": Task("helpdesk.jobs.tasks.fetch_due", DEFAULT, timeout_s=60),
    "sweep": Task("helpdesk.jobs.tasks.sweep", DEFAULT, timeout_s=60),
    "check_alarms": Task("helpdesk.jobs.tasks.check_alarms", DEFAULT, timeout_s=60),
    "tell_overdue": Task("helpdesk.jobs.tasks.tell_overdue", DEFAULT, timeout_s=300),
    "send_digests": Task("helpdesk.jobs.tasks.send_digests", DEFAULT, timeout_s=300),
    "close_resolved": Task("helpdesk.jobs.tasks.close_resolved", DEFAULT, timeout_s=600),
    "clean_up": Task("helpdesk.jobs.tasks.clean_up", DEFAULT, timeout_s=600),
}


class JsonJob(Job):
    """RQ's own default is pickle, which would let whoever writes to Redis run code in a worker."""

    def __init__(
        self, id: str | None = None, connection: Redis | None = None, serializer: object = None
    ) -> None:
        super().__init__(id, connection, JSONSerializer)


class JsonQueue(Queue):
    """A queue of `JsonJob`s, whatever its maker asked for; rq-scheduler cannot ask."""

    job_class = JsonJob

    def __init__(self, name: str = "default", connection: Redis | None = None, **options: Any) -> None:
        super().__init__(name, connection, **options | {"job_class": JsonJob, "serializer": JSONSerializer})


@lru_cache(maxsize=16)
def connect(url: str, timeout_s: float = WAKE_TIMEOUT_S) -> Redis:
    """Return this process's client for `url`; opens no connection yet, and never waits longer than `timeout_s`."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(timeout_s, 5.0),
        max_connections=MAX_CONNECTIONS,
        health_check_interval=30,
        # Once more over a new connection, as the server may have closed the idle one; a time-out is final.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    return client


def job_id(task: str, *ids: int) -> str:
    """RQ allows letters, digits, `_` and `-` only."""
    return "-".join([task, *map(str, ids)])


def enqueue(connection: Redis, task: str, *ids: int, tasks: Mapping[str, Task] = TASKS) -> bool:
    """Queue a run unless one already waits; False when it does. Raises RedisError.

    1. A waiting run begins after now, so it sees what the caller committed: nothing to do.
    2. Otherwise take the plain id, unless its job runs or was just taken by a worker: saving a job under the id of a
       running one would let the end of that run expire it.
    Two callers at once may both queue: the second run then finds nothing to do.
    """
    entry = tasks[task]
    queue = JsonQueue(entry.queue, connection)
    first = job_id(task, *ids)
    names = (first, f"{first}-next")
    with connection.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.lpos(queue.key, name)
            pipe.hget(JsonJob.key_for(name), "status")
        position, status, next_position, next_status = pipe.execute()
    if (position is not None and status) or (next_position is not None and next_status):
        return False
    is_taken = bool(status) and status.decode() in {JobStatus.QUEUED, JobStatus.STARTED}
    queue.redis_server_version = (7, 0, 0)  # spares an INFO; it decides only how old servers are spoken to
    queue.enqueue_call(
        entry.function,
        args=ids,
        job_id=names[is_taken],
        timeout=entry.timeout_s,
        ttl=WAIT_TTL_S,
        result_ttl=RESULT_TTL_S,
        failure_ttl=FAILURE_TTL_S,
        description=" ".join([task, *map(str, ids)]),
    )
    return True


class _Reach:
    """What this process last saw of Redis, so that an outage is one line in the log and not one per wake-up."""

    is_away = False
    skip_until = 0.0

    def lost(self, error: RedisError) -> None:
        if isinstance(error, RedisTimeout):  # a server that hangs must not cost every page a second
            self.skip_until = time.monotonic() + SKIP_AFTER_TIMEOUT_S
        if not self.is_away:
            logger.warning("redis away, the sweep will find the work: %s", error)
        self.is_away = True

    def found(self) -> None:
        if self.is_away:
            logger.info("redis is back")
        self.is_away = False


_reach = _Reach()


def wake(task: str, *ids: int) -> None:
    """Tell the workers that `task` has work. Never raises because of Redis: the sweep finds what was not told."""
    if time.monotonic() < _reach.skip_until:
        return
    try:
        enqueue(connect(current_app.config["REDIS_URL"]), task, *ids)
    except RedisError as error:
        _reach.lost(error)
    else:
        _reach.found()


def wake_after_commit(task: str, *ids: int) -> None:
    """Call `wake` once the surrounding transaction has committed; a rollback forgets it."""
    if task not in TASKS:
        raise KeyError(task)
    after_commit(partial(wake, task, *ids))


def wake_at_after_commit(at: datetime, task: str, *ids: int) -> None:
    """Once the transaction has committed, have `wake` called at a time to come; the scheduler keeps the time."""
    if task not in TASKS:
        raise KeyError(task)
    after_commit(partial(_note_for_later, at.timestamp(), " ".join([task, *map(str, ids)])))


def _note_for_later(at: float, note: str) -> None:
    if time.monotonic() < _reach.skip_until:
        return
    try:
        connect(current_app.config["REDIS_URL"]).zadd(LATER_KEY, {note: at})
    except RedisError as error:
        _reach.lost(error)
    else:
        _reach.found()


def wake_whose_time_has_come(connection: Redis) -> int:
    """Queue the tasks noted for now or earlier and return how many. Raises RedisError.

    A note is struck out after its job was queued: a kill in between costs a second run that finds nothing to do.
    """
    notes: Any = connection.zrangebyscore(LATER_KEY, 0, time.time(), start=0, num=100)
    for note in notes:
        task, *ids = note.decode().split()
        if task in TASKS and all(id.isdigit() for id in ids):
            enqueue(connection, task, *map(int, ids))
        connection.zrem(LATER_KEY, note)
    return len(notes)


# signs of life


def beat(connection: Redis, process: str) -> None:
    """Say that `process` ("worker", "scheduler") is well; the word is forgotten after a minute. Raises RedisError."""
    connection.set(f"{HEARTBEAT_PREFIX}{process}", int(time.time()), ex=HEARTBEAT_TTL_S)


def forget_beat(connection: Redis, process: str) -> None:
    """Take the word back at an orderly end. Raises RedisError."""
    connection.delete(f"{HEARTBEAT_PREFIX}{process}")


def heartbeats(url: str) -> dict[str, float] | None:
    """Seconds since each process last was well, by name; what is missing is not running. None: Redis is away."""
    names = ("worker", "scheduler")
    try:
        values = connect(url).mget([HEARTBEAT_PREFIX + name for name in names])
    except RedisError:
        return None
    now = time.time()
    return {name: max(now - float(at), 0.0) for name, at in zip(names, values, strict=True) if at}


def tell_listening(connection: Redis, counts: Mapping[str, int]) -> None:
    """Say how many accounts the listener has in which state; forgotten after a minute. Raises RedisError."""
    connection.set(LISTENING_KEY, json.dumps(dict(counts)), ex=HEARTBEAT_TTL_S)


def forget_listening(connection: Redis) -> None:
    """Take the word back at an orderly end. Raises RedisError."""
    connection.delete(LISTENING_KEY)


def listening(url: str) -> dict[str, int] | None:
    """What the listener said last; None: it does not run, or Redis is away."""
    try:
        value: Any = connect(url).get(LISTENING_KEY)
    except RedisError:
        return None
    return {str(state): int(count) for state, count in json.loads(value).items()} if value else None


def is_answering(url: str) -> bool:
    """Whether Redis answers a PING now."""
    try:
        return bool(connect(url).ping())
    except RedisError:
        return False


def is_unprotected(url: str) -> bool:
    """Whether everybody who can reach the server may use it: neither a password nor a private socket."""
    has_password = bool(connect(url).connection_pool.connection_kwargs.get("password"))
    return not has_password and not url.startswith("unix:")
