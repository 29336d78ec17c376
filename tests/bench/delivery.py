"""How soon a delivered mail is a ticket: the whole desk of `make run`, and a local Dovecot that tells of new mail.

`make bench-delivery`. Times from the moment the mail lies in the mailbox to its committed ticket: mails one by one, the
last of a burst, and the first after the mail server was killed and came back. Nothing is asserted here.
"""

import argparse
import os
import signal
import sqlite3
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests import factories
from tests.jobs.test_desk import Desk
from tests.scenarios.desk import wait_for
from tests.scenarios.inbox import Inbox
from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer
from tests.servers.ports import wait_for_port


class Course:
    """One desk and one mailbox; every mail is from somebody else, so that none is held."""

    def __init__(self, folder, server):
        self.server, self.inbox, self.sent = server, Inbox(server, factories.SUPPORT), 0
        settings = {name: str(value) for name, value in self.inbox.settings().items()}
        self.desk = Desk(folder / "desk", WORKER_PROCESSES="3", **settings)
        self.database = folder / "desk" / "helpdesk.sqlite3"
        self.log = folder / "desk" / "logs" / "listener.log"

    def deliver(self):
        self.sent += 1
        sender = f"p{self.sent}@customer.example"
        raw = factories.make_mail(
            sender=sender, subject=f"Matter {self.sent}", message_id=f"<{self.sent}.{sender}>"
        )
        self.inbox.deliver(raw)

    def wait(self):
        """Until all that was sent is a ticket."""
        wait_for(lambda: self._tickets() >= self.sent, seconds=400, what="the ticket", every=0.01)

    def _tickets(self):
        connection = sqlite3.connect(self.database, timeout=10)
        try:
            return connection.execute("SELECT count(*) FROM ticket").fetchone()[0]
        finally:
            connection.close()

    def start(self):
        self.desk.start().wait_until_ready()
        wait_for(lambda: self.log.exists() and "listening" in self.log.read_text(), seconds=60)
        time.sleep(3)  # the first look at the mailbox is over

    def one_by_one(self, count):
        took = []
        for _ in range(count):
            began_at = time.monotonic()
            self.deliver()
            self.wait()
            took.append(time.monotonic() - began_at)
            time.sleep(1.5)
        return took

    def burst(self, count):
        for _ in range(count):
            self.deliver()
            last_at = time.monotonic()
            time.sleep(0.2)
        self.wait()
        return time.monotonic() - last_at

    def restart(self):
        server = self.server
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        time.sleep(3)
        server.process = subprocess.Popen(
            [server.program, "-F", "-c", server.folder / "dovecot.conf"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        wait_for_port(server.tls_port)
        began_at = time.monotonic()
        self.deliver()
        self.wait()
        return time.monotonic() - began_at

    def end(self):
        if self.desk.process and self.desk.process.poll() is None:
            self.desk.end(signal.SIGTERM)
        for pid in self.desk.children():
            os.kill(pid, signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=10)
    count = parser.parse_args().mails
    with tempfile.TemporaryDirectory(prefix="hd-b-", dir="/tmp") as name:
        folder = Path(name)
        server = DovecotServer(Authority(folder)).start()
        course = Course(folder, server)
        try:
            course.start()
            took = course.one_by_one(count)
            print(
                f"{count} mails one by one: {min(took):.2f} to {max(took):.2f} s, median {statistics.median(took):.2f} s"
            )
            print(f"the last of {count} mails within {count * 0.2:.0f} s: {course.burst(count):.2f} s")
            print(f"after the mail server was killed and came back: {course.restart():.1f} s")
        finally:
            course.end()
            server.stop()


if __name__ == "__main__":
    main()
