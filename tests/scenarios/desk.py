"""A whole desk as real processes: web, worker, scheduler and `flask` commands on one instance folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
SECRET_KEY = "a-key-for-scenarios-0123456789abcdefghij"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, *, seconds=30.0, what="it", every=0.1):
    """Return the first true value of `condition()`; fail loudly with `what` when none comes in time."""
    ends_at = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < ends_at, f"{what} did not happen within {seconds} s"
        time.sleep(every)


class Desk:
    """Processes in groups of their own, so that each can be killed alone; logs lie in the instance folder."""

    COMMANDS = {
        "worker": [sys.executable, "worker.py"],
        "scheduler": [sys.executable, "scheduler.py"],
        "listener": [sys.executable, "-m", "flask", "listen"],
    }

    def __init__(self, folder, *, database_url=None, redis_url, **settings):
        self.folder = Path(folder)
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.processes = {}
        self.env = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
        } | {
            "FLASK_APP": "wsgi.py",
            "PYTHONUNBUFFERED": "1",
            "SECRET_KEY": SECRET_KEY,
            "INSTANCE_PATH": str(self.folder),
            "REDIS_URL": redis_url,
            "PORT": str(self.port),
            "WORKER_PROCESSES": "2",
            "WEB_WORKERS": "1",
            "SWEEP_INTERVAL": "2",
            "CLAIM_SECONDS": "3",
            "EMAIL_TO_TICKET_CHECK_INTERVAL": "2",
        }
        if database_url:
            self.env["DATABASE_URL"] = database_url
        self.env |= {name: str(value) for name, value in settings.items()}

    def flask(self, *arguments, check=True, stdin=None, seconds=120):
        """Run a `flask` command and return its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *map(str, arguments)],
            cwd=PROJECT, env=self.env, capture_output=True, timeout=seconds, input=stdin, check=False,
        )  # fmt: skip
        output = done.stdout.decode()
        assert not check or done.returncode == 0, (
            f"flask {arguments}: {output}\n{done.stderr.decode()[-3000:]}"
        )
        return output

    def migrate(self):
        self.flask("db", "upgrade")
        return self

    def _command(self, name):
        if name == "web":
            return [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{self.port}",
                    "--worker-class", "gthread", "--threads", "8"]  # fmt: skip
        return self.COMMANDS[name]

    def start(self, *names, **env):
        for name in names or ("web", "worker", "scheduler"):
            log = (self.folder / f"{name}.log").open("ab")
            self.processes[name] = subprocess.Popen(
                self._command(name),
                cwd=PROJECT,
                env=self.env | env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            log.close()
        return self

    def wait_until_answering(self):
        wait_for(self._answers, seconds=60, what="the web server's answer")
        return self

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self, name):
        """SIGKILL to the process and its children."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self, *names, seconds=40):
        """SIGTERM, as a platform does; a process that does not end in time fails the test."""
        for name in names or tuple(self.processes):
            self.processes[name].terminate()
        for name in names or tuple(self.processes):
            process = self.processes.pop(name)
            try:
                process.wait(seconds)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def remove(self):
        for name in tuple(self.processes):
            self.kill(name)

    def tickets(self):
        return json.loads(self.flask("list-tickets", "--format", "json"))

    def ticket(self, number):
        return json.loads(self.flask("show-ticket", number, "--format", "json"))

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""
