"""The worker pool as real processes: it stops in good order, replaces its dead, and outlives Redis."""

import os
import signal
import subprocess
import sys
import time

import pytest
from rq import Queue
from rq.job import JobStatus

from helpdesk import queue
from helpdesk.jobs.pool import LONGEST_WAIT_S, Slot
from helpdesk.jobs.worker import MAX_RSS_BYTES, queues_of
from tests.jobs.conftest import is_running, wait_until
from tests.jobs.standins import TASKS

pytestmark = pytest.mark.processes


def enqueue(store, task, *ids):
    return queue.enqueue(store.client(), task, *ids, tasks=TASKS)


def status(store, job_id):
    return queue.JsonJob.fetch(job_id, connection=store.client()).get_status()


def test_pool_runs_what_is_queued(store, programs):
    programs.pool(store, processes=3)
    for number in range(20):
        enqueue(store, "quick", number)
    assert len({word for word, _ in programs.wait_for("quick", times=20)}) == 20


def test_pool_prepares_once_and_works_whatever_came_of_it(store, programs):
    programs.pool(store, processes=3)
    enqueue(store, "long")
    programs.wait_for("long-begins")
    programs.wait_for("prepared")
    assert len(programs.reports("prepared")) == 1
    assert "not prepared, working all the same: Nothing to prepare." in programs.log()


def test_one_process_serves_every_queue(store, programs):
    programs.pool(store)
    enqueue(store, "broken")
    enqueue(store, "quick")
    assert programs.wait_for("quick")
    wait_until(lambda: status(store, "broken") == JobStatus.FAILED)


def test_defect_leaves_a_traceback_and_a_refusal_one_line(store, programs):
    programs.pool(store)
    for task in ("refused", "broken", "quick"):
        enqueue(store, task)
        wait_until(lambda task=task: status(store, task) in {JobStatus.FAILED, JobStatus.FINISHED})
    assert (
        "WARNING helpdesk.jobs.worker job=refused failed: There is no such account any more."
        in programs.log()
    )
    assert "ERROR helpdesk.jobs.worker job=broken failed: meant to fail" in programs.log()
    assert programs.log().count("Traceback") == 1


def test_term_lets_a_job_end_between_two_mails(store, programs):
    pool = programs.pool(store)
    enqueue(store, "long")
    programs.wait_for("long-begins")
    pool.terminate()
    assert pool.wait(15) == 0
    assert programs.reports("long-ends")
    assert status(store, "long") == JobStatus.FINISHED
    assert queue.heartbeats(store.url) == {}


def test_idle_pool_stops_at_once(store, programs):
    pool = programs.pool(store, processes=3)
    wait_until(lambda: queue.heartbeats(store.url))
    began_at = time.monotonic()
    pool.send_signal(signal.SIGINT)
    assert pool.wait(15) == 0
    assert time.monotonic() - began_at < 10


def test_job_that_does_not_stop_is_killed_in_time(store, programs):
    pool = programs.pool(store, stop_s=0.5)
    enqueue(store, "deaf")
    programs.wait_for("deaf-begins")
    began_at = time.monotonic()
    pool.terminate()
    assert pool.wait(15) == 0
    assert time.monotonic() - began_at < 10


def test_killed_process_is_replaced_and_its_work_wakes_again(store, programs):
    programs.pool(store)
    enqueue(store, "deadly")
    programs.wait_for("deadly")
    assert enqueue(store, "deadly")  # what the sweep does
    (_, first), (_, second) = programs.wait_for("deadly", times=2)
    assert first != second
    enqueue(store, "quick")
    programs.wait_for("quick")


def test_started_job_of_a_killed_process_is_cleared_away(store):
    connection = store.client()
    enqueue(store, "quick")
    job, jobs_queue = queue.JsonQueue.dequeue_any(
        [queue.JsonQueue("default", connection)] * 2, None, connection=connection
    )
    connection.zadd("rq:wip:default", {f"{job.id}:an-execution": time.time() - 1})  # its time ran out
    assert jobs_queue.started_job_registry.get_job_ids() == []
    assert status(store, "quick") == JobStatus.FAILED


def test_pickled_job_of_an_intruder_is_never_loaded(store, programs):
    programs.pool(store)
    intruders = Queue("default", connection=store.client())  # RQ's own default serializer: pickle
    intruders.enqueue("tests.jobs.standins.quick", "-by-intruder", job_id="intruder")
    enqueue(store, "quick", 1)
    programs.wait_for("quick1")
    wait_until(lambda: store.client().hget("rq:job:intruder", "status") == b"failed")
    assert not programs.reports("quick-by-intruder")


def test_hanging_process_is_ended_and_replaced(store, programs):
    programs.pool(store, hung_s=0.3)
    enqueue(store, "hanging")
    (_, hung), *_ = programs.wait_for("hanging")
    enqueue(store, "quick")
    (_, successor), *_ = programs.wait_for("quick")
    assert hung != successor
    assert "hangs in its job" in programs.log()


def test_pool_outlives_a_restart_of_redis(own_store, programs):
    pool = programs.pool(own_store, processes=2)
    enqueue(own_store, "quick", 1)
    ((_, before),) = programs.wait_for("quick1")
    own_store.kill()
    time.sleep(2.5)
    own_store.start()
    enqueue(own_store, "quick", 2)
    programs.wait_for("quick2")
    assert pool.poll() is None
    assert "died" not in programs.log()
    assert before in {pid for _, pid in programs.reports()} and programs.log().count("Traceback") == 0


def test_pool_waits_for_a_store_that_starts_later(own_store, programs):
    own_store.stop()
    programs.pool(own_store)
    time.sleep(1.5)
    own_store.start()
    enqueue(own_store, "quick")
    programs.wait_for("quick")


def test_orphans_of_a_killed_pool_end_by_themselves(store, programs):
    pool = programs.pool(store)
    enqueue(store, "long")
    ((_, orphan),) = programs.wait_for("long-begins")
    pool.kill()
    programs.wait_for("long-ends", within_s=12)
    wait_until(lambda: not is_running(orphan))


def test_three_processes_keep_slow_servers_apart():
    orders = [queues_of(slot, 3) for slot in range(3)]
    for slow in ("fetch", "send"):
        assert any(slow not in order for order in orders)
    for needed in queue.QUEUES:
        assert sum(needed in order for order in orders) >= 2
    assert set(queues_of(0, 1)) == set(queue.QUEUES)
    assert {name for slot in range(2) for name in queues_of(slot, 2)} == set(queue.QUEUES)


def test_process_that_keeps_dying_is_started_later_and_later():
    slot, waits = Slot(0), []
    for _ in range(8):
        slot.started_at = 100.0
        slot.note_death(101.0)
        waits.append(slot.start_again_at - 101.0)
    assert waits[:3] == [1.0, 2.0, 4.0] and waits[-1] == LONGEST_WAIT_S
    slot.note_death(500.0)
    assert slot.start_again_at == 500.0


def test_worker_of_usual_size_is_not_bloated_whatever_started_it(tmp_path):
    """Its size is asked from a process of its own, started by one that is large: this one may be anything."""
    ask = "import wsgi; from helpdesk.jobs.worker import is_bloated; print(is_bloated())"
    large = f"held = b'x' * {MAX_RSS_BYTES}; import subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}], check=True)"
    environment = os.environ | {"INSTANCE_PATH": str(tmp_path), "SECRET_KEY": "0" * 64}
    answer = subprocess.run(
        [sys.executable, "-c", large],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert answer.stdout.strip() == "False"


def test_worker_that_has_grown_large_is_bloated():
    ask = f"from helpdesk.jobs.worker import is_bloated; held = b'x' * {MAX_RSS_BYTES}; print(is_bloated())"
    answer = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, timeout=120, check=True
    )
    assert answer.stdout.strip() == "True"
