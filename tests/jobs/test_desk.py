"""`make run`'s launcher as a new user meets it: real processes, real folders, and a sentence for whatever is wrong."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from redis import Redis

from config import SETTINGS, read_settings
from helpdesk import queue
from tests.jobs.conftest import PROJECT, is_running, wait_until

pytestmark = pytest.mark.processes


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Desk:
    """One `python -m helpdesk.cli.desk` in an instance folder of its own."""

    module = "helpdesk.cli.desk"

    def __init__(self, instance, port=None, **settings):
        self.instance, self.port = Path(instance), port or free_port()
        known = {name for setting in SETTINGS for name in (setting.name, *setting.aliases)}
        clean = {name: value for name, value in os.environ.items() if name not in known}
        self.environment = clean | {
            "INSTANCE_PATH": str(instance),
            "PORT": str(self.port),
            "WORKER_PROCESSES": "1",
            **settings,
        }
        self.process = None

    def start(self, *arguments):
        self.output_file = self.instance.parent / f"{self.instance.name}-{time.monotonic_ns()}.out"
        with self.output_file.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, *arguments],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def output(self):
        return self.output_file.read_text()

    def wait_until_ready(self):
        def is_ready():
            assert self.process.poll() is None, self.output()
            return "Ready after" in self.output()

        wait_until(is_ready, within_s=60)
        return self

    def end(self, signum=signal.SIGINT, within_s=30):
        self.process.send_signal(signum)
        return self.process.wait(within_s)

    def refusal(self):
        """Start, and return what it says when it does not start."""
        assert self.start().process.wait(30) == 1
        return self.output()

    def children(self):
        """The process ids of everything started for this instance: its environment or, for the store, its title."""
        setting, found = f"INSTANCE_PATH={self.instance}".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                title = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if setting in environment or f"{self.instance}/redis.sock".encode() in title:
                found.append(int(folder.name))
        return [pid for pid in found if is_running(pid)]

    def pids_of(self, words):
        return [
            pid
            for pid in self.children()
            if words.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        ]

    def status_of(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def desks(short_path):
    made = []

    def make(name="instance", **settings):
        made.append(Desk(short_path / name, **settings))
        return made[-1]

    yield make
    for desk in made:
        if desk.process and desk.process.poll() is None:
            desk.end(signal.SIGTERM)
        for pid in desk.children():
            os.kill(pid, signal.SIGKILL)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_new_user_gets_a_running_desk_and_a_link(desks):
    desk = desks().start().wait_until_ready()
    assert f"http://localhost:{desk.port}/setup/" in desk.output()
    assert desk.status_of("/health") < 500
    assert mode(desk.instance) == 0o700
    assert mode(desk.instance / "secret_key") == mode(desk.instance / "helpdesk.sqlite3") == 0o600
    assert mode(desk.instance / "redis.sock") == 0o700
    assert set(queue.heartbeats(f"unix://{desk.instance}/redis.sock")) == {"worker", "scheduler"}
    assert {path.name for path in (desk.instance / "logs").iterdir()} >= {"web.log"}

    assert "already runs" in Desk(desk.instance).refusal()
    assert "is in use" in desks("other", port=desk.port).refusal()

    assert desk.end() == 0
    assert desk.children() == []
    assert "Stopped." in desk.output()
    assert "redis away" not in "".join(path.read_text() for path in (desk.instance / "logs").iterdir())


def test_second_start_keeps_everything_and_takes_seconds(desks):
    desk = desks(SUPPORT_EMAIL="support@example.com", IMAP_HOST="127.0.0.1", IMAP_PORT=str(free_port()))
    desk.start().wait_until_ready()
    with sqlite3.connect(desk.instance / "helpdesk.sqlite3") as database:
        accounts = database.execute("SELECT address, source FROM email_account").fetchall()
    assert accounts == [("support@example.com", "env")]
    key = (desk.instance / "secret_key").read_text()
    with Redis.from_url(f"unix://{desk.instance}/redis.sock") as store:
        store.set("kept", "yes")
    assert desk.end(signal.SIGTERM) == 0
    began_at = time.monotonic()
    desk.start().wait_until_ready()
    assert time.monotonic() - began_at < 20
    assert (desk.instance / "secret_key").read_text() == key
    with Redis.from_url(f"unix://{desk.instance}/redis.sock") as store:
        assert store.get("kept") == b"yes"


def test_two_desks_run_side_by_side(desks):
    one, two = desks("one").start(), desks("two").start()
    assert one.wait_until_ready().status_of("/health") < 500
    assert two.wait_until_ready().status_of("/health") < 500
    assert one.end() == 0
    assert two.status_of("/health") < 500
    assert two.process.poll() is None


def test_death_of_one_process_stops_the_desk_and_says_why(desks):
    desk = desks().start().wait_until_ready()
    for pid in desk.pids_of("scheduler.py"):
        os.kill(pid, signal.SIGKILL)
    assert desk.process.wait(30) == 1
    assert "because its scheduler process ended by signal 9" in desk.output()
    assert desk.children() == []


def test_processes_of_a_killed_desk_end_and_it_starts_again(desks):
    desk = desks().start().wait_until_ready()
    assert len(desk.children()) > 5 and desk.pids_of("redis.sock")
    desk.end(signal.SIGKILL)
    wait_until(lambda: not desk.children())
    desk.start().wait_until_ready()


def test_own_redis_is_used_when_there_is_one(desks, own_store):
    desk = desks(REDIS_URL=own_store.url).start().wait_until_ready()
    assert not (desk.instance / "redis.sock").exists()
    assert "worker" in queue.heartbeats(own_store.url)
    assert desk.end() == 0


def test_folder_that_cannot_be_written_gets_a_sentence(desks, short_path):
    (short_path / "instance").touch()
    words = desks("instance").refusal()
    assert "cannot be written" in words and "INSTANCE_PATH" in words and "Traceback" not in words


def test_folder_too_long_for_a_socket_gets_a_sentence(desks):
    words = desks("long-" * 20).refusal()
    assert "too long for a socket" in words and "Traceback" not in words


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"BIND": "192.0.2.1"}, "is not an address of this machine"),
        ({"WEB_THREADS": "many"}, "WEB_THREADS"),
        ({"SECRET_KEY": "short"}, "too short"),
    ],
)
def test_unusable_setting_gets_a_sentence(desks, settings, sentence):
    words = desks(**settings).refusal()
    assert sentence in words and "Traceback" not in words


def test_procfiles_name_the_same_processes():
    def commands(name):
        lines = (PROJECT / name).read_text().splitlines()
        return {line.split(":")[0]: line.split(":", 1)[1].strip().removeprefix("exec ") for line in lines}

    ours, platforms = commands("Procfile.dev"), commands("Procfile")
    assert platforms.pop("release") == "flask db upgrade"
    assert ours.pop("store")
    assert ours == platforms


def test_example_of_settings_knows_only_real_ones():
    lines = (PROJECT / ".env.example").read_text().splitlines()
    shown = dict(
        line.removeprefix("#").split("=", 1)
        for line in lines
        if line[:1] == "#" and line[1:2] != " " and "=" in line
    )
    assert shown and set(shown) <= {setting.name for setting in SETTINGS}
    assert read_settings(shown, None)["PORT"] == 8000
