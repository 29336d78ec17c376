"""How fast queued mail leaves: from rows to a local SMTP server, with one worker, against what that server takes at most.

`make bench-sending`. Two kinds: answers, whose bytes are finished, and notifications, whose bytes are made when they are
claimed. The limit is measured in the same run: the same bytes, handed over by the same transport, without the desk. CPU
is this worker's own, so not the server's and not PostgreSQL's; statements and commits are those of one mail. Memory is
what the worker holds after a tenth of the mails, and the most it ever held: the two are equal where nothing piles up.
Nothing is asserted here, since the numbers belong to the machine.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import event, insert, select, text, update

from config import load_config
from helpdesk import storage
from helpdesk.app import create_app
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Comment, EmailAccount, EmailMessage, Event, Ticket
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import accounts, settings
from helpdesk.services.outbox import deliver, queue
from tests import factories
from tests.bench import lists
from tests.bench.ingest import cpu_s, max_mb
from tests.scenarios.desk import PROJECT, Desk
from tests.servers.postgres import PostgresServer, binaries
from tests.servers.smtp_sink import SmtpSink

KINDS = ("answers", "notifications")
LIMIT_COUNT = 2000  # as many mails show what the server takes
HEAD = (
    f"{'database':<12}{'kind':<15}{'mails':>7}{'mails/s':>9}{'limit/s':>9}{'CPU ms':>8}{'statements':>12}{'commits':>9}"
    f"{'MB at 1/10':>12}{'max MB':>8}"
)


class Counted(list):
    """Takes everything and keeps nothing."""

    def append(self, _mail):
        pass


def sink():
    """The server, a process of its own: it ends with its input."""
    server = SmtpSink().start()
    server._taken = Counted()
    print(server.port, flush=True)
    sys.stdin.read()
    server.remove()


# what waits


def fill(kind, count, port):
    lists.build(count)
    with transaction():
        settings.instance_id()
        account = db.session.get_one(EmailAccount, 1)
        account.outgoing_host, account.outgoing_port, account.outgoing_security = "127.0.0.1", port, "plain"
        db.session.execute(update(Ticket).values(account_id=1, assignee_id=1))
    first = select(Comment.ticket_id, db.func.min(Comment.id)).group_by(Comment.ticket_id)
    comments = dict(db.session.execute(first).all())
    for start in range(1, count + 1, 500):
        numbers = range(start, min(start + 500, count + 1))
        with transaction():
            rows = answers(numbers) if kind == "answers" else notifications(numbers, comments)
            db.session.execute(insert(EmailMessage), rows)
    if db.engine.dialect.name == "postgresql":
        with transaction():
            db.session.execute(text("SELECT setval('event_id_seq', (SELECT max(id) FROM event))"))


def row(number, **values):
    now = utcnow()
    base = {
        "account_id": 1, "direction": Direction.OUT, "state": EmailState.QUEUED, "ticket_id": number, "due_at": now,
        "created_at": now, "from_address": "a1@desk.example", "message_id": "", "message_id_hash": "", "size": 0,
    }  # fmt: skip
    return base | values


def answers(numbers):
    words = "The part was sent this morning and will be with you in two days.\n" * 60
    for number in numbers:
        to = f"p{number}@customer.example"
        raw = factories.make_mail("a1@desk.example", to, text=f"Ticket {number}\n{words}")
        sha256 = storage.keep(storage.stage(raw))
        yield row(
            number, purpose=queue.REPLY, urgency=1, recipients={"to": [to]}, raw_sha256=sha256, payload={}
        )


def notifications(numbers, comments):
    """By turns that a ticket is the reader's now, and that its customer wrote."""
    last = db.session.scalar(select(db.func.max(Event.id))) or 0
    facts = [
        {"id": last + at, "occurred_at": utcnow(), "ticket_id": number, "actor_id": None}
        | (
            {"type": "ticket.assigned", "data": {"before": None, "after": 1}, "comment_id": None}
            if number % 2
            else {"type": "comment.added", "data": {}, "comment_id": comments[number]}
        )
        for at, number in enumerate(numbers, 1)
    ]
    db.session.execute(insert(Event), facts)
    for fact in facts:
        yield row(
            fact["ticket_id"], purpose=queue.NOTIFICATION, urgency=queue.OTHER_URGENCY, raw_sha256=None,
            recipients={"to": ["p1@customer.example"]}, payload={"user_id": 1, "events": [fact["id"]]},
        )  # fmt: skip


# sending it


class Course:
    """Counts what one drain asks of the database, and looks at its memory on the way."""

    def __init__(self, count):
        self.count, self.seen, self.statements, self.commits, self.early_mb = count, 0, 0, 0, 0.0
        event.listen(db.engine, "before_cursor_execute", self._executed)
        event.listen(db.engine, "commit", self._committed)

    def _executed(self, _connection, _cursor, statement, *_):
        self.statements += not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK"))

    def _committed(self, _connection):
        self.commits += 1

    def look(self):
        self.seen += 1
        if self.seen == self.count // 10:
            self.early_mb = max_mb()
        return False


def send(count):
    """Drain the queue, then hand the same bytes to the server without it; prints what both took."""
    course = Course(count)
    began, cpu = time.perf_counter(), cpu_s()
    deliver.drain(1, should_stop=course.look)
    took, cpu = time.perf_counter() - began, cpu_s() - cpu
    max_after = max_mb()
    sent = select(db.func.count(EmailMessage.id)).where(EmailMessage.state == EmailState.SENT)
    assert db.session.scalar(sent) == count
    print(json.dumps({
        "rate": count / took, "limit": limit(), "cpu_ms": 1000 * cpu / count, "statements": course.statements / count,
        "commits": course.commits / count, "early_mb": course.early_mb, "max_mb": max_after,
    }))  # fmt: skip


def limit():
    rows = select(EmailMessage.raw_sha256, EmailMessage.recipients).where(
        EmailMessage.state == EmailState.SENT
    )
    mails = [
        (people["to"], storage.read(sha256)) for sha256, people in db.session.execute(rows.limit(LIMIT_COUNT))
    ]
    sender = accounts.sender_of(db.session.get_one(EmailAccount, 1))
    db.session.rollback()
    began = time.perf_counter()
    for to, raw in mails:
        sender.send("a1@desk.example", to, raw)
    took = time.perf_counter() - began
    sender.close()
    return len(mails) / took


def child(step, kind, count, port):
    if step == "sink":
        return sink()
    app = create_app(load_config(ENV_FILE=None))
    with app.app_context():
        if step == "fill":
            return fill(kind, count, port)
        return send(count)


def run(desk, step, kind, count, port):
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.sending", "--child", step, "--kind", kind, "--count", str(count),
         "--port", str(port)],
        cwd=PROJECT, env=desk.env | {"LOG_LEVEL": "ERROR"}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout) if done.stdout else None


def measure(name, kind, count, database_url, port, folder):
    desk = Desk(
        Path(tempfile.mkdtemp(dir=folder)),
        database_url=database_url,
        redis_url=f"unix://{folder}/none.sock",
    )
    desk.migrate()
    run(desk, "fill", kind, count, port)
    said = run(desk, "send", kind, count, port)
    print(
        f"{name:<12}{kind:<15}{count:>7}{said['rate']:>9.0f}{said['limit']:>9.0f}{said['cpu_ms']:>8.1f}"
        f"{said['statements']:>12.1f}{said['commits']:>9.2f}{said['early_mb']:>12.0f}{said['max_mb']:>8.0f}",
        flush=True,
    )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--kind", choices=KINDS, help="one of them only")
    options.add_argument("--database", choices=["SQLite", "PostgreSQL"], help="one of them only")
    options.add_argument("--child", choices=["sink", "fill", "send"], help=argparse.SUPPRESS)
    options.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = options.parse_args()
    if options.child:
        return child(options.child, options.kind, options.count, options.port)
    folder = Path(tempfile.mkdtemp(prefix="hd-bench-", dir="/tmp"))
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sending", "--child", "sink"], cwd=PROJECT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    port = int(server.stdout.readline())
    wants_postgres = options.database != "SQLite" and binaries() is not None
    postgres = PostgresServer().start() if wants_postgres else None
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n{HEAD}", flush=True)
    try:
        for kind in [options.kind] if options.kind else KINDS:
            if options.database != "PostgreSQL":
                measure("SQLite", kind, options.count, None, port, folder)
            if postgres:
                measure("PostgreSQL", kind, options.count, postgres.url(postgres.create()), port, folder)
    finally:
        server.stdin.close()
        server.wait(10)
        if postgres:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
