"""Stand-ins for the desk's tasks, and the programs that run them: a worker pool or a scheduler in a real process.

What a task does it leaves behind as lines `word pid` in the file REPORT names.
"""

import os
import signal
import sys
import time
from pathlib import Path

from flask import Flask

from helpdesk import logs
from helpdesk.errors import NotFound
from helpdesk.jobs import schedule
from helpdesk.jobs.budget import should_stop, stop_on_signals
from helpdesk.jobs.pool import Pool
from helpdesk.queue import Task, connect

TASKS = {
    "quick": Task("tests.jobs.standins.quick", "default"),
    "long": Task("tests.jobs.standins.long", "fetch"),
    "deaf": Task("tests.jobs.standins.deaf", "ingest"),
    "deadly": Task("tests.jobs.standins.deadly", "ingest"),
    "hanging": Task("tests.jobs.standins.hanging", "ingest", timeout_s=1),
    "refused": Task("tests.jobs.standins.refused", "default"),
    "broken": Task("tests.jobs.standins.broken", "default"),
}


def report(word):
    with open(os.environ["REPORT"], "a", encoding="ascii") as file:
        file.write(f"{word} {os.getpid()}\n")


def quick(*ids):
    report("quick" + "".join(map(str, ids)))


def long(*ids):
    """Work in small pieces, asking between them whether to go on."""
    report("long-begins")
    ends_at = time.monotonic() + 60
    while not should_stop() and time.monotonic() < ends_at:
        time.sleep(0.02)
    report("long-ends")


def deaf(*ids):
    report("deaf-begins")
    time.sleep(60)


def deadly():
    """Take the worker down; the second try finds the mark of the first and lives."""
    mark = Path(os.environ["REPORT"] + ".mark")
    report("deadly")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def hanging():
    """Hang as a C library would: deaf to the alarm of the job's time-out."""
    report("hanging")
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)


def refused():
    report("refused")
    raise NotFound("There is no such account any more.")


def broken():
    report("broken")
    raise RuntimeError("meant to fail")


def prepare():
    report("prepared")
    raise NotFound("Nothing to prepare.")


def run_pool(url, processes, stop_s, hung_s):
    def make_app():
        app = Flask("desk-of-a-test")
        app.config["REDIS_URL"] = url
        return app

    settings = {"REDIS_URL": url, "WORKER_PROCESSES": int(processes)}
    Pool(settings, make_app, prepare, stop_s=float(stop_s), hung_s=float(hung_s)).run()


def run_scheduler(url, interval_s, task):
    stop_on_signals()
    table = [schedule.Periodic("periodic-test", task, int(interval_s))]
    scheduler = schedule.DeskScheduler(connect(url), table, tasks=TASKS, turn_s=0.1, reconcile_s=0.3)
    scheduler.run()


if __name__ == "__main__":
    logs.set_up("DEBUG")
    {"pool": run_pool, "scheduler": run_scheduler}[sys.argv[1]](*sys.argv[2:])
