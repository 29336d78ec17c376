"""How fast a large desk answers: list, ticket and search over 100,000 tickets with 300,000 messages, on both databases.

`make bench-lists`. The desk is written in bulk (seeded, so always the same), then every page is asked for through the
real application as a signed-in agent. Prints the median and the 95th percentile in milliseconds, and the median of
this process's own CPU time (SQLite included, PostgreSQL not), which a busy machine does not stretch. Nothing is asserted
here, since the numbers belong to the machine. The text is drawn from 20,000 words of which few are frequent, as in life.
"""

import argparse
import itertools
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import insert, text

from config import load_config
from helpdesk.app import create_app
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import (
    Comment,
    Counter,
    EmailAccount,
    Event,
    Grant,
    Participant,
    Tag,
    Ticket,
    TicketTag,
    User,
    UserAddress,
)
from helpdesk.policy.search_words import document
from helpdesk.policy.status import Category, CommentKind, Priority, Role, Status
from helpdesk.services import sessions
from tests.servers.postgres import PostgresServer, binaries

SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "bu",
    "da",
    "de",
    "di",
    "do",
    "fa",
    "fe",
    "ka",
    "ke",
    "ki",
    "la",
    "le",
    "lo",
    "ma",
    "me",
    "mi",
    "na",
    "ne",
    "no",
    "pa",
    "pe",
    "ra",
    "re",
    "ri",
    "sa",
    "se",
    "ta",
    "te",
    "to",
    "va",
    "ve",
    "wa",
]
AGENTS, ACCOUNTS, TAGS, BATCH = 12, 3, 40, 2000
ACTIVE_SHARE = 0.12


class Words:
    """Sentences of a made-up language: a few words are everywhere, most are rare."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.known = ["".join(parts) for parts in itertools.product(SYLLABLES, repeat=3)][::2][:20_000]
        self.random.shuffle(self.known)
        self.weights = list(itertools.accumulate(1 / (rank + 20) for rank in range(len(self.known))))

    def some(self, count):
        return " ".join(self.random.choices(self.known, cum_weights=self.weights, k=count))


def build(tickets, seed=7):
    """Write the desk in bulk; the index rows are what the services would have written."""
    words, now = Words(seed), utcnow()
    customers = max(10, tickets // 5)
    with transaction() as session:
        session.execute(insert(EmailAccount), [
            {"id": n, "name": f"Account {n}", "address": f"a{n}@desk.example", "email": f"a{n}@desk.example",
             "start_at": now, "created_at": now} for n in range(1, ACCOUNTS + 1)])  # fmt: skip
        session.execute(insert(User), [
            {"id": n, "name": words.some(2).title(), "role": Role.AGENT if n <= AGENTS else Role.CUSTOMER,
             "created_at": now} for n in range(1, AGENTS + customers + 1)])  # fmt: skip
        session.execute(insert(UserAddress), [
            {"id": n, "user_id": n, "address": f"p{n}@customer.example", "email": f"p{n}@customer.example",
             "created_at": now} for n in range(1, AGENTS + customers + 1)])  # fmt: skip
        session.execute(insert(Grant), [
            {"user_id": a, "account_id": n, "created_at": now} for a in range(1, AGENTS + 1)
            for n in range(1, ACCOUNTS + 1)])  # fmt: skip
        session.execute(insert(Tag), [
            {"id": n, "name": f"tag {n}", "folded": f"tag {n}", "created_at": now} for n in range(1, TAGS + 1)])  # fmt: skip
    for first in range(1, tickets + 1, BATCH):
        numbers = range(first, min(first + BATCH, tickets + 1))
        with transaction() as session:
            write_batch(session, words, [one_ticket(n, words, now, tickets, customers) for n in numbers])
    with transaction() as session:
        session.execute(Counter.__table__.update().where(Counter.name == "ticket").values(value=tickets))


def one_ticket(number, words, now, tickets, customers):
    chance = words.random
    created = now - timedelta(minutes=5 * (tickets - number) + chance.random())
    is_active = chance.random() < ACTIVE_SHARE
    status = chance.choice(list(Status)[:4] if is_active else list(Status)[4:])
    person = AGENTS + 1 + chance.randrange(customers)
    return {
        "id": number, "number": number, "account_id": 1 + number % ACCOUNTS, "requester_id": person,
        "requester_address_id": person, "assignee_id": chance.choice([None, None, *range(1, AGENTS + 1)]),
        "subject": words.some(6).capitalize(), "status": status,
        "priority": chance.choices(list(Priority), [2, 12, 2, 1])[0], "category": chance.choice(list(Category)),
        "due_at": created + timedelta(days=3) if chance.random() < 0.1 else None,
        "waiting_since": created if status in (Status.NEW, Status.OPEN) else None, "created_from_email": True,
        "last_activity_at": created + timedelta(minutes=chance.randrange(3000)), "created_at": created,
    }  # fmt: skip


def write_batch(session, words, rows):
    session.execute(insert(Ticket), rows)
    session.execute(insert(Participant), [
        {"ticket_id": r["id"], "address_id": r["requester_id"], "role": "requester", "created_at": r["created_at"]}
        for r in rows])  # fmt: skip
    comments, index = [], []
    for row in rows:
        author = {"ticket_id": row["id"], "author_id": row["requester_id"],
                  "author_email": f"p{row['requester_id']}@customer.example"}  # fmt: skip
        said = [
            words.some(words.random.randrange(30, 130)) for _ in range(words.random.choice((1, 2, 3, 3, 6)))
        ]
        kinds = [CommentKind.INCOMING, CommentKind.REPLY, CommentKind.INCOMING, CommentKind.NOTE]
        comments += [author | {"kind": kinds[at % 4], "text": one, "full_text": one, "created_at": row["created_at"]}
                     for at, one in enumerate(said)]  # fmt: skip
        index.append({"id": row["id"], "words": document([row["subject"], author["author_email"], *said])})
    session.execute(insert(Comment), comments)
    session.execute(insert(Event), [
        {"type": "ticket.opened", "occurred_at": r["created_at"], "ticket_id": r["id"], "data": {"via": "email"}}
        for r in rows])  # fmt: skip
    session.execute(insert(TicketTag), [
        {"ticket_id": r["id"], "tag_id": 1 + r["id"] * 7 % TAGS} for r in rows if r["id"] % 3 == 0])  # fmt: skip
    session.execute(text("INSERT INTO ticket_search_words (ticket_id, words) VALUES (:id, :words)"), index)


def pages(tickets, seed=7):
    """(what is measured, addresses to ask for)."""
    words, chance = Words(seed), random.Random(seed)
    frequent, usual, rare = words.known[:10], words.known[300:340], words.known[12_000:12_200]
    query = lambda *typed: "/tickets?q=" + "+".join(typed)  # noqa: E731
    lists = [
        "",
        "?view=unassigned",
        "?view=mine",
        "?view=overdue",
        "?account=2",
        "?assignee=3&priority=high",
        "?tag=tag+8",
    ]
    sorts = [
        f"?sort={sort}{status}"
        for sort in ("oldest", "waiting", "priority", "due", "created")
        for status in ("", "&status=any")
    ]
    return [
        ("list", [f"/tickets{address}" for address in lists[:1]]),
        ("list, filtered", [f"/tickets{address}" for address in lists[1:]]),
        ("list, sorted", [f"/tickets{address}" for address in sorts]),
        ("ticket", [f"/tickets/{chance.randrange(1, tickets)}" for _ in range(40)]),
        ("search: rare word", [query(word) for word in rare]),
        ("search: usual word", [query(word) for word in usual]),
        ("search: frequent word", [query(word) for word in frequent]),
        ("search: two words", [query(a, b) for a, b in zip(frequent * 4, usual, strict=False)]),
        ("search: phrase", [query(f"%22{a}", f"{b}%22") for a, b in zip(frequent * 4, usual, strict=False)]),
        ("search: beginning", [query(word[:4]) for word in usual]),
        ("search: number", [query(f"%23{chance.randrange(1, tickets)}") for _ in range(40)]),
        ("search: filters", [query("status:open", "assignee:me", "from:p1", word) for word in usual]),
        ("search: sorted", [query(word) + f"&sort={sort}" for word in frequent for sort in ("oldest", "priority", "waiting")]),
    ]  # fmt: skip


def signed_in(app):
    client = app.test_client()
    with app.app_context(), transaction():
        token = sessions.start(db.session.get(User, 1), user_agent="bench", ip="127.0.0.1")
    with client.session_transaction() as session:
        session["_user_id"] = token
    return client


def measure(name, app, tickets, count, only):
    client = signed_in(app)
    client.get("/tickets")
    for what, addresses in pages(tickets):
        if only and not re.search(only, what):
            continue
        times, cpus = [], []
        for address in itertools.islice(itertools.cycle(addresses), count):
            began, cpu = time.perf_counter(), time.process_time()
            response = client.get(address)
            cpus.append(1000 * (time.process_time() - cpu))
            times.append((1000 * (time.perf_counter() - began), address))
            assert response.status_code == 200, (address, response.status_code)
        slow = sorted(times)
        p50, p95 = statistics.median(t for t, _ in times), slow[min(len(slow) - 1, int(len(slow) * 0.95))]
        print(
            f"{name:<12}{what:<24}{p50:>8.0f}{p95[0]:>8.0f}{statistics.median(cpus):>8.0f}   {slow[-1][1][:50]}",
            flush=True,
        )


def make_app(folder, database_url):
    settings = {
        "SECRET_KEY": "a-key-for-the-bench-only-0123456789abcdef",
        "LOG_LEVEL": "ERROR",
        "RATELIMIT_ENABLED": False,
    }
    return create_app(
        load_config(
            settings, ENV_FILE=None, INSTANCE_PATH=str(folder), DATABASE_URL=database_url, TESTING=True
        )
    )


def run(name, folder, database_url, options):
    app = make_app(folder, database_url)
    with app.app_context():
        began = time.perf_counter()
        upgrade()
        if not db.session.scalar(text("SELECT count(*) FROM ticket")):
            build(options.tickets)
            print(f"{name:<12}written in {time.perf_counter() - began:.0f} s", flush=True)
        if name == "PostgreSQL":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))  # as its own housekeeping does within a minute
        db.session.remove()
    measure(name, app, options.tickets, options.count, options.only)
    with app.app_context():
        db.engine.dispose()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tickets", type=int, default=100_000)
    options.add_argument("--count", type=int, default=40, help="requests of each kind")
    options.add_argument("--only", help="measure only what fits this expression")
    options.add_argument("--database", choices=["SQLite", "PostgreSQL"], help="one of them only")
    options.add_argument("--keep", type=Path, help="a folder where the SQLite desk is kept, or found again")
    options = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hd-bench-", dir="/tmp"))
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {options.tickets} tickets")
    print("database    page                         p50     p95     CPU   slowest")
    try:
        if options.database != "PostgreSQL":
            place = options.keep or folder
            place.mkdir(parents=True, exist_ok=True)
            run("SQLite", place, None, options)
        if options.database != "SQLite" and binaries() is not None:
            server = PostgresServer().start()
            try:
                run("PostgreSQL", folder, server.url(server.create()), options)
            finally:
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
