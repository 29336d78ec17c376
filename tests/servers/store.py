"""A real Valkey server, the one the desk embeds, on a socket of its own in a short temporary folder."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from helpdesk.jobs.store import server_command


class ValkeyServer:
    """Can be stopped, killed, paused and started again; keeps its data in between."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hd-store-", dir="/tmp"))
        self.socket = self.folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process = None

    def start(self):
        command = server_command(self.socket, self.folder)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self._wait_for_ping()
        return self

    def _wait_for_ping(self):
        ends_at = time.monotonic() + 10
        while True:
            try:
                return self.client().ping()
            except RedisError:
                assert self.process.poll() is None, "the store ended by itself"
                assert time.monotonic() < ends_at, "the store does not answer"
                time.sleep(0.02)

    def client(self):
        return Redis.from_url(self.url, socket_timeout=5)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.resume()
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def refuse(self, trouble):
        """From now on every write is refused: the store is `full`, or `read-only` as the copy of another."""
        if trouble == "full":
            self.client().config_set("maxmemory", 1)
        else:
            self.client().replicaof("127.0.0.1", 1)
        try:
            self.client().set("probe", 1)
        except RedisError:
            return
        raise AssertionError("the store still takes writes")

    def accept(self):
        self.client().replicaof("NO", "ONE")
        self.client().config_set("maxmemory", 0)

    def jobs(self):
        """How many jobs wait in all queues."""
        return sum(self.client().llen(f"rq:queue:{name}") for name in ("fetch", "ingest", "send", "default"))
