"""Waking workers: once per piece of work, never in the way of a page, and nothing but JSON in Redis."""

import json
import logging
import time
import zlib

import pytest
from redis.exceptions import RedisError
from rq.job import JobStatus

from helpdesk import queue
from helpdesk.database import transaction


def waiting(store, name="fetch"):
    return [job_id.decode() for job_id in store.client().lrange(f"rq:queue:{name}", 0, -1)]


def begin_to_run(store, name="fetch"):
    """What a worker does with the first waiting job, short of running it."""
    connection = store.client()
    job, _ = queue.JsonQueue.dequeue_any([queue.JsonQueue(name, connection)] * 2, None, connection=connection)
    with connection.pipeline() as pipe:
        job.prepare_for_execution("a-worker", pipe)
        pipe.execute()
    return job


def test_wake_queues_the_task_with_its_ids(store):
    assert queue.enqueue(store.client(), "fetch_account", 7)
    job = queue.JsonJob.fetch("fetch_account-7", connection=store.client())
    assert (job.func_name, list(job.args), job.origin) == (
        "helpdesk.jobs.tasks.fetch_account",
        [7],
        "fetch",
    )


def test_same_wake_up_waits_once(store):
    connection = store.client()
    assert [queue.enqueue(connection, "fetch_account", 7) for _ in range(3)] == [True, False, False]
    queue.enqueue(connection, "fetch_account", 8)
    assert waiting(store) == ["fetch_account-7", "fetch_account-8"]


def test_wake_up_during_a_run_leads_to_one_more_run(store):
    connection = store.client()
    queue.enqueue(connection, "fetch_account", 7)
    begin_to_run(store)
    assert [queue.enqueue(connection, "fetch_account", 7) for _ in range(3)] == [True, False, False]
    assert waiting(store) == ["fetch_account-7-next"]


def test_the_two_ids_take_turns(store):
    connection = store.client()
    queue.enqueue(connection, "fetch_account", 7)
    first = begin_to_run(store)
    queue.enqueue(connection, "fetch_account", 7)
    first.set_status(JobStatus.FINISHED)
    begin_to_run(store)
    queue.enqueue(connection, "fetch_account", 7)
    assert waiting(store) == ["fetch_account-7"]


def test_wake_up_works_again_after_a_run(store):
    connection = store.client()
    for status in (JobStatus.FINISHED, JobStatus.FAILED):
        queue.enqueue(connection, "fetch_account", 7)
        begin_to_run(store).set_status(status)
    assert queue.enqueue(connection, "fetch_account", 7)
    assert waiting(store) == ["fetch_account-7"]


def test_traces_of_lost_jobs_do_not_block_a_wake_up(store):
    connection = store.client()
    for _ in range(2):  # both ids taken by workers that died
        queue.enqueue(connection, "fetch_account", 7)
        begin_to_run(store)
    assert queue.enqueue(connection, "fetch_account", 7)
    assert len(waiting(store)) == 1


def test_waiting_id_without_its_job_is_queued_again(store):
    connection = store.client()
    queue.enqueue(connection, "fetch_account", 7)
    connection.delete("rq:job:fetch_account-7")
    assert queue.enqueue(connection, "fetch_account", 7)


def test_redis_holds_json_and_no_pickle(store):
    connection = store.client()
    queue.enqueue(connection, "send_account", 3)
    fields = connection.hgetall("rq:job:send_account-3")
    assert json.loads(zlib.decompress(fields[b"data"])) == ["helpdesk.jobs.tasks.send_account", None, [3], {}]
    assert json.loads(fields.get(b"meta") or b"{}") == {}
    assert not [value for value in fields.values() if value.startswith(b"\x80")]


@pytest.mark.parametrize("task", sorted(queue.TASKS))
def test_every_task_has_a_known_queue_and_a_valid_id(store, task):
    assert queue.TASKS[task].queue in queue.QUEUES
    assert queue.enqueue(store.client(), task, 1)


def test_wake_finds_redis_by_the_settings(desk, store):
    with desk.app_context():
        queue.wake("process_incoming")
    assert waiting(store, "ingest") == ["process_incoming"]


def test_redis_away_is_one_warning_and_no_error(desk, caplog):
    desk.config["REDIS_URL"] = "unix:///tmp/there-is-no-store-here.sock"
    with desk.app_context(), caplog.at_level(logging.INFO):
        for _ in range(5):
            queue.wake("process_incoming")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_wakes_again_once_redis_is_back(own_store, desk, caplog):
    desk.config["REDIS_URL"] = own_store.url
    with desk.app_context(), caplog.at_level(logging.INFO):
        own_store.stop()
        queue.wake("process_incoming")
        own_store.start()
        queue.wake("process_incoming")
    assert waiting(own_store, "ingest") == ["process_incoming"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_redis_that_hangs_costs_one_second_and_not_one_per_wake_up(own_store, desk):
    desk.config["REDIS_URL"] = own_store.url
    own_store.pause()
    began_at = time.monotonic()
    with desk.app_context():
        for account_id in range(10):
            queue.wake("send_account", account_id)
    assert 0.9 < time.monotonic() - began_at < 6


def test_wake_leaves_after_the_commit_only(app, store):
    app.config["REDIS_URL"] = store.url
    with app.app_context():
        with transaction():
            queue.wake_after_commit("send_account", 1)
            assert waiting(store, "send") == []
        assert waiting(store, "send") == ["send_account-1"]


def test_wake_is_forgotten_with_a_rollback(app, store):
    app.config["REDIS_URL"] = store.url
    with app.app_context():
        with pytest.raises(ZeroDivisionError), transaction():
            queue.wake_after_commit("send_account", 1)
            raise ZeroDivisionError
        assert waiting(store, "send") == []


def test_unknown_task_is_refused_where_it_is_written(app):
    with app.app_context(), pytest.raises(KeyError), transaction():
        queue.wake_after_commit("send_acount", 1)


def test_heartbeats_tell_who_is_well(store):
    connection = store.client()
    assert queue.heartbeats(store.url) == {}
    queue.beat(connection, "worker")
    assert 0 <= queue.heartbeats(store.url)["worker"] < 3
    queue.forget_beat(connection, "worker")
    assert queue.heartbeats(store.url) == {}


def test_heartbeats_are_unknown_while_redis_is_away(own_store):
    own_store.stop()
    assert queue.heartbeats(own_store.url) is None
    assert not queue.is_answering(own_store.url)


@pytest.mark.parametrize(
    ("url", "is_unprotected"),
    [
        ("unix:///tmp/redis.sock", False),
        ("redis://:word@redis.example:6379/0", False),
        ("redis://desk:word@redis.example:6379/0", False),
        ("redis://redis.example:6379/0", True),
        ("rediss://redis.example:6379/0", True),
    ],
)
def test_store_without_password_or_private_socket_is_unprotected(url, is_unprotected):
    assert queue.is_unprotected(url) is is_unprotected


def test_store_refuses_everybody_else(store):
    assert store.socket.stat().st_mode & 0o077 == 0


def test_enqueue_tells_its_caller_about_an_outage(own_store):
    own_store.stop()
    with pytest.raises(RedisError):
        queue.enqueue(own_store.client(), "sweep")


def note(store, seconds, *words):
    store.client().zadd(queue.LATER_KEY, {" ".join(map(str, words)): time.time() + seconds})


def test_a_wake_up_for_later_waits_for_its_time(store):
    note(store, 60, "deliver_reply", 7)
    assert queue.wake_whose_time_has_come(store.client()) == 0
    note(store, -1, "deliver_reply", 7)
    assert queue.wake_whose_time_has_come(store.client()) == 1
    assert waiting(store, "default") == ["deliver_reply-7"]
    assert queue.wake_whose_time_has_come(store.client()) == 0


def test_a_note_nobody_understands_is_struck_out(store):
    note(store, -1, "no_such_task", 7)
    note(store, -1, "deliver_reply", "x")
    assert queue.wake_whose_time_has_come(store.client()) == 2
    assert waiting(store, "default") == []
    assert store.client().zcard(queue.LATER_KEY) == 0
