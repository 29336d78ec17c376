"""The timetable survives what happens to the scheduler, to Redis and to the clock, and never piles up."""

import json
import time
import zlib

import pytest
from redis.exceptions import RedisError
from rq.job import JobStatus

from config import load_config
from helpdesk import queue
from helpdesk.jobs.schedule import NEVER, DeskScheduler, Periodic, timetable
from tests.jobs.conftest import wait_until
from tests.jobs.standins import TASKS

TABLE = [Periodic("periodic-quick", "quick", 30), Periodic("periodic-long", "long", 60)]
ENTRIES = "rq:scheduler:scheduled_jobs"


def scheduler(store, table=TABLE):
    return DeskScheduler(store.client(), table, tasks=TASKS)


def entries(store):
    return {name.decode(): score for name, score in store.client().zrange(ENTRIES, 0, -1, withscores=True)}


def waiting(store, name="default"):
    return [job_id.decode() for job_id in store.client().lrange(f"rq:queue:{name}", 0, -1)]


def make_due(store, *names):
    store.client().zadd(ENTRIES, dict.fromkeys(names or entries(store), int(time.time()) - 1))


class KilledHere(BaseException):
    """A kill -9 at this very command."""


class Mortal:
    """A connection that dies before the n-th command of a kind."""

    def __init__(self, connection, command):
        self._connection, self._command = connection, command

    def __getattr__(self, name):
        if name == self._command:
            raise KilledHere
        return getattr(self._connection, name)


def test_first_turn_queues_everything_once(store):
    scheduler(store).take_turn()
    assert waiting(store) == ["periodic-quick"] and waiting(store, "fetch") == ["periodic-long"]
    assert set(entries(store)) == {"periodic-quick", "periodic-long"}
    assert all(score > time.time() + 20 for score in entries(store).values())


def test_restarts_add_no_copies(store):
    for _ in range(5):
        scheduler(store).take_turn()
    assert len(entries(store)) == 2
    assert waiting(store) == ["periodic-quick"]


def test_redis_holds_json_and_no_pickle(store):
    scheduler(store).take_turn()
    fields = store.client().hgetall("rq:job:periodic-quick")
    assert json.loads(zlib.decompress(fields[b"data"])) == ["tests.jobs.standins.quick", None, [], {}]
    assert json.loads(fields[b"meta"]) == {"interval": 30}


def test_entry_outlives_any_time_without_workers(store):
    scheduler(store).take_turn()
    assert queue.JsonJob.fetch("periodic-quick", connection=store.client()).result_ttl == NEVER
    assert store.client().ttl("rq:job:periodic-quick") == -1


@pytest.mark.parametrize(
    "loss",
    [
        lambda connection: connection.zrem(ENTRIES, "periodic-quick"),
        lambda connection: connection.delete("rq:job:periodic-quick"),
        lambda connection: connection.hset("rq:job:periodic-quick", "data", b"\x80\x04garbage"),
        lambda connection: connection.hset("rq:job:periodic-quick", "status", "nonsense"),
        lambda connection: connection.zadd(ENTRIES, {"periodic-quick": time.time() + 3600}),
        lambda connection: connection.flushall(),
    ],
    ids=["entry lost", "job lost", "data damaged", "job damaged", "clock was ahead", "redis emptied"],
)
def test_what_is_missing_or_damaged_is_written_again(store, loss):
    scheduler(store).take_turn()
    store.client().lpop("rq:queue:default")
    loss(store.client())
    scheduler(store).take_turn()
    assert waiting(store) == ["periodic-quick"]
    assert entries(store)["periodic-quick"] < time.time() + 32


def test_new_interval_replaces_the_old_entry(store):
    scheduler(store).take_turn()
    scheduler(store, [Periodic("periodic-quick", "quick", 5)]).take_turn()
    assert entries(store).keys() == {"periodic-quick"}
    assert entries(store)["periodic-quick"] < time.time() + 6
    assert store.client().exists("rq:job:periodic-long") == 0


@pytest.mark.parametrize("command", ["zadd", "lpos", "delete"])
def test_entry_survives_a_kill_at_any_command_of_a_turn(store, command):
    scheduler(store).take_turn()
    store.client().delete("rq:queue:default")
    make_due(store, "periodic-quick")
    killed = scheduler(store)
    killed.connection = Mortal(store.client(), command)
    with pytest.raises(KilledHere):
        killed.take_turn()
    store.client().delete("rq:scheduler_lock")  # it ends by itself, see below
    make_due(store, "periodic-quick")
    scheduler(store).take_turn()
    assert waiting(store) == ["periodic-quick"]
    assert len(entries(store)) == 2


def test_lock_of_a_killed_scheduler_ends_soon(store):
    assert scheduler(store).acquire_lock()
    assert not scheduler(store).acquire_lock()
    assert 0 < store.client().ttl("rq:scheduler_lock") <= 5


def test_own_lock_left_behind_by_an_outage_is_taken_up_again(store):
    keeper = scheduler(store)
    keeper.acquire_lock()
    keeper.take_turn()
    assert waiting(store) == ["periodic-quick"]


def test_late_scheduler_leaves_the_lock_of_its_successor(store):
    late, successor = scheduler(store), scheduler(store)
    late.acquire_lock()
    store.client().delete("rq:scheduler_lock")
    successor.acquire_lock()
    late.remove_lock()
    assert store.client().get("rq:scheduler_lock") == successor.name.encode()


def test_waiting_job_does_not_pile_up(store):
    for _ in range(4):
        scheduler(store).take_turn()
        make_due(store)
    assert waiting(store) == ["periodic-quick"]


def begin_to_run(store):
    connection = store.client()
    job, _ = queue.JsonQueue.dequeue_any(
        [queue.JsonQueue("default", connection)] * 2, None, connection=connection
    )
    with connection.pipeline() as pipe:
        job.prepare_for_execution("a-worker", pipe)
        pipe.hset("rq:worker:a-worker", "birth", "now")
        pipe.execute()
    return job


def test_running_job_is_left_alone_and_queued_after_its_end(store):
    scheduler(store).take_turn()
    job = begin_to_run(store)
    make_due(store)
    scheduler(store).take_turn()
    assert waiting(store) == []
    job.set_status(JobStatus.FINISHED)
    make_due(store)
    scheduler(store).take_turn()
    assert waiting(store) == ["periodic-quick"]


def test_job_of_a_worker_that_said_goodbye_does_not_hold_up_the_next(store):
    scheduler(store).take_turn()
    begin_to_run(store)
    store.client().hset("rq:worker:a-worker", "death", "now")
    make_due(store)
    scheduler(store).take_turn()
    assert waiting(store) == ["periodic-quick"]


def test_job_of_a_dead_worker_does_not_hold_up_the_next(store):
    scheduler(store).take_turn()
    begin_to_run(store)
    store.client().hset("rq:job:periodic-quick", "started_at", "2020-01-01T00:00:00.000000Z")
    make_due(store)
    scheduler(store).take_turn()
    assert waiting(store) == ["periodic-quick"]


def test_turn_without_redis_waits_and_tries_again(own_store):
    keeper = scheduler(own_store)
    own_store.stop()
    waits = [keeper._try_turn() for _ in range(8)]
    assert waits == sorted(waits) and waits[-1] <= 5
    with pytest.raises(RedisError):
        keeper.take_turn()
    own_store.start()
    keeper._try_turn()
    assert waiting(own_store) == ["periodic-quick"]


def test_the_desks_own_table_follows_the_settings():
    settings = load_config(
        {"SECRET_KEY": "k" * 40, "SWEEP_INTERVAL": "20", "EMAIL_TO_TICKET_CHECK_INTERVAL": "5"}, ENV_FILE=None
    )
    rows = {row.id: (row.task, row.interval_s) for row in timetable(settings)}
    assert rows["periodic-fetch"] == ("fetch_due", 5)
    assert rows["periodic-sweep"] == ("sweep", 20)
    assert all(row.task in queue.TASKS for row in timetable(settings))


# real processes


@pytest.mark.processes
def test_scheduler_outlives_an_outage_and_keeps_time(own_store, programs):
    running = programs.scheduler(own_store)
    programs.pool(own_store)
    programs.wait_for("quick")
    own_store.kill()
    time.sleep(3)
    own_store.start()
    seen = len(programs.reports())
    programs.wait_for("quick", times=seen + 2)
    assert running.poll() is None
    assert programs.log().count("Traceback") == 0


@pytest.mark.processes
def test_killed_scheduler_is_followed_by_one_that_keeps_time(store, programs):
    for _ in range(3):
        killed = programs.scheduler(store)
        wait_until(lambda: waiting(store))
        killed.kill()
        killed.wait()
        store.client().delete("rq:queue:default")
    assert len(entries(store)) <= 1
    programs.scheduler(store)
    wait_until(lambda: waiting(store))
    assert set(entries(store)) == {"periodic-test"}


@pytest.mark.processes
def test_two_schedulers_and_a_slow_job_lead_to_one_run_at_a_time(store, programs):
    for _ in range(2):
        programs.scheduler(store, task="long")
    programs.pool(store, processes=3)
    programs.wait_for("long-begins")
    time.sleep(2.5)
    assert len(programs.reports("long-begins")) == 1
    assert waiting(store, "fetch") == []


@pytest.mark.processes
def test_term_ends_the_scheduler_cleanly(store, programs):
    running = programs.scheduler(store)
    wait_until(lambda: "scheduler" in queue.heartbeats(store.url))
    running.terminate()
    assert running.wait(15) == 0
    assert queue.heartbeats(store.url) == {}
    assert store.client().get("rq:scheduler_lock") is None
