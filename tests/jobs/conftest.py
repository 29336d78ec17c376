"""A real store for every test of jobs: one server per test process, emptied between tests, or one of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from flask import Flask

from helpdesk import queue
from helpdesk.jobs import budget
from tests.servers.store import ValkeyServer


@pytest.fixture(scope="session")
def valkey_server():
    server = ValkeyServer().start()
    yield server
    server.remove()


@pytest.fixture
def store(valkey_server):
    """An empty store that may not be stopped."""
    valkey_server.client().flushall()
    return valkey_server


@pytest.fixture
def own_store():
    """A store the test may stop, kill and start again."""
    server = ValkeyServer().start()
    yield server
    server.remove()


@pytest.fixture(autouse=True)
def _forget_outages():
    queue._reach.is_away, queue._reach.skip_until = False, 0.0
    budget._flag.is_set = False


@pytest.fixture
def desk(store):
    """A bare application whose wake-ups go to `store`."""
    app = Flask("desk-of-a-test")
    app.config["REDIS_URL"] = store.url
    return app


def wait_until(condition, within_s=30.0):
    """Return the first true value of `condition()`; fail when there is none in time."""
    ends_at = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < ends_at, "waited too long"
        time.sleep(0.02)
    return value


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def short_path():
    """A folder whose name leaves room for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="hd-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Programs:
    """Real processes of `standins.py`, with what their tasks reported and what they logged."""

    def __init__(self, folder):
        self.report_file, self.log_file = folder / "report", folder / "log"
        self.report_file.touch()
        self.processes = []

    def start(self, *arguments):
        environment = os.environ | {"REPORT": str(self.report_file), "PYTHONPATH": str(PROJECT)}
        command = [sys.executable, "-m", "tests.jobs.standins", *map(str, arguments)]
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def pool(self, store, processes=1, stop_s=5.0, hung_s=60.0):
        return self.start("pool", store.url, processes, stop_s, hung_s)

    def scheduler(self, store, interval_s=1, task="quick"):
        return self.start("scheduler", store.url, interval_s, task)

    def reports(self, word=None):
        """The reported words with their process ids, in order; only those that begin with `word`."""
        lines = [line.split() for line in self.report_file.read_text().splitlines()]
        return [(said, int(pid)) for said, pid in lines if word is None or said.startswith(word)]

    def wait_for(self, word, times=1, within_s=40.0):
        return wait_until(lambda: len(found := self.reports(word)) >= times and found, within_s)

    def log(self):
        return self.log_file.read_text()

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture
def programs(tmp_path):
    running = Programs(tmp_path)
    yield running
    running.stop()
