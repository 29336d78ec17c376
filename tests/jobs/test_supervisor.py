"""How the launcher stops and what it shows, with small programs in place of the desk's."""

import signal
import subprocess
import sys
import time

import pytest

from tests.jobs.conftest import PROJECT, wait_until

pytestmark = pytest.mark.processes

PROGRAM = """
import signal, sys, time
name, takes_s, order = sys.argv[1], float(sys.argv[2]), sys.argv[3]
def end(*_):
    time.sleep(takes_s)
    open(order, "a").write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("2026 INFO all is well", flush=True)
print("2026 WARNING look here", flush=True)
while True:
    time.sleep(0.05)
"""

RUN = """
import sys
from pathlib import Path
from helpdesk.cli.supervisor import Logs, Supervisor
folder = Path(sys.argv[1])
supervisor = Supervisor(Logs(folder / "logs"), lambda: True, lambda: print("stopping", flush=True))
for line in (folder / "Procfile").read_text().splitlines():
    supervisor.add_process(*line.split(": ", 1))
supervisor.loop()
print("failed:", supervisor.failed)
"""


@pytest.fixture
def supervised(tmp_path):
    """Start programs by name and seconds they need to stop; returns the running supervisor."""
    program, order = tmp_path / "program.py", tmp_path / "order"
    program.write_text(PROGRAM)
    started = []

    def start(**takes_s):
        lines = [
            f"{name}: exec {sys.executable} {program} {name} {takes} {order}"
            for name, takes in takes_s.items()
        ]
        (tmp_path / "Procfile").write_text("\n".join(lines))
        command = [sys.executable, "-c", RUN, str(tmp_path)]
        process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        logs = [tmp_path / "logs" / f"{name}.log" for name in takes_s]
        wait_until(lambda: all(log.exists() and "look here" in log.read_text() for log in logs))
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def test_store_stops_last(supervised, tmp_path):
    process = supervised(store=0, web=0.3, worker=0.6)
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert (tmp_path / "order").read_text().split() == ["web", "worker", "store"]
    assert output.count("stopping") == 1 and "failed: None" in output


def test_second_interrupt_changes_nothing(supervised, tmp_path):
    process = supervised(web=0.5, worker=0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert sorted((tmp_path / "order").read_text().split()) == ["web", "worker"]
    assert "Traceback" not in output


def test_hang_up_of_the_terminal_stops_everything(supervised, tmp_path):
    process = supervised(web=0)
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 0
    assert (tmp_path / "order").read_text().split() == ["web"]


def test_screen_shows_warnings_and_files_everything(supervised, tmp_path):
    process = supervised(web=0)
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert "web       | 2026 WARNING look here" in output
    assert "all is well" not in output
    assert (tmp_path / "logs" / "web.log").read_text().splitlines() == [
        "2026 INFO all is well",
        "2026 WARNING look here",
    ]
