"""SIGKILL at every change of state of fetching, processing, answering and sending: everything exactly once afterwards."""

import email
import email.policy
import hashlib
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests import factories
from tests.scenarios.desk import PROJECT, Desk
from tests.scenarios.inbox import smtp_settings

PAST = "2020-01-01 00:00:00"
MAX_STEPS = 400
STRIDE = 1 if os.environ.get("HELPDESK_TEST_REQUIRE") == "all" else 6  # every step in CI, a sample elsewhere


class Victim:
    """The process that forks the children that die."""

    def __init__(self, desk):
        self.log = (desk.folder / "victim.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.victim"], cwd=PROJECT, env=desk.env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"

    def work(self, die_at=0):
        """Return 0 for a turn that ended, -9 for a killed one."""
        self.process.stdin.write(f"{die_at}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.log.close()


def let_time_pass(execute):
    """What a dead worker held is past its end, and whatever waits is due."""
    execute(f"UPDATE email_account SET fetch_lease_until = '{PAST}' WHERE fetch_lease_until IS NOT NULL")
    execute(f"UPDATE email_account SET send_lease_until = '{PAST}' WHERE send_lease_until IS NOT NULL")
    execute("UPDATE email_account SET fetch_again_at = NULL")
    execute(f"UPDATE email_message SET claimed_until = '{PAST}' WHERE claimed_until IS NOT NULL")
    execute(f"UPDATE email_message SET due_at = '{PAST}' WHERE due_at IS NOT NULL")


def waiting(execute):
    states = "('received', 'processing', 'queued', 'sending')"
    mails = execute(f"SELECT count(*) FROM email_message WHERE state IN {states}")[0][0]
    return mails + execute("SELECT count(*) FROM scheduled_reply WHERE state = 'waiting'")[0][0]


def batch(turn):
    """Three mails: an ordinary one, one with a file large enough to become a file, and a second copy of the first."""
    sender = f"Customer {turn} <c{turn}@customer.example>"
    plain = factories.make_mail(sender, subject=f"plain {turn}", text=f"Words {turn}\n")
    large = b"%d" % turn + bytes(range(256)) * 1200
    other = f"Other {turn} <o{turn}@customer.example>"
    with_file = factories.make_mail(
        other, subject=f"file {turn}", files=[("data.bin", "application/octet-stream", large)]
    )
    return [plain, with_file, plain], hashlib.sha256(large).hexdigest()


@pytest.mark.processes
def test_killed_at_every_step_every_mail_is_there_exactly_once(database_url, tmp_path, inbox, sink, execute):
    desk = Desk(
        tmp_path, database_url=database_url, redis_url=f"unix://{tmp_path}/no.sock",
        EMAIL_MAX_EMAILS_PER_POLL=2,
        **inbox.settings(), **smtp_settings(sink),
    )  # fmt: skip
    victim = Victim(desk)
    digests, sent, turn, step, ended = [], 0, 0, 1, -9
    try:
        assert victim.work() == 0  # the account's first look, at an empty mailbox
        desk.flask("create-user", factories.AGENT)
        execute('UPDATE "user" SET undo_seconds = 0')
        while ended != 0:
            turn += 1
            mails, digest = batch(turn)
            digests.append(digest)
            for raw in mails:
                inbox.deliver(raw)
                sent += 1
            ended = victim.work(die_at=step)
            step += STRIDE
            assert ended in (0, -9), desk.log("victim")
            for _ in range(10):
                let_time_pass(execute)
                if victim.work() == 0 and not waiting(execute):
                    break
            assert step < MAX_STEPS
    finally:
        victim.close()

    print(f"killed at {turn - 1} of {step - STRIDE - 1} steps, {sent} mails")
    assert step > 20
    states = Counter(state for (state,) in execute("SELECT state FROM email_message WHERE direction = 'in'"))
    assert states == {"opened": 2 * turn, "duplicate": turn}
    subjects = Counter(ticket["subject"] for ticket in desk.tickets())
    assert subjects == Counter({f"{kind} {n}": 1 for kind in ("plain", "file") for n in range(1, turn + 1)})
    kinds = Counter(kind for (kind,) in execute("SELECT kind FROM comment"))
    assert kinds == {"incoming": 2 * turn, "reply": 2 * turn}
    replied = Counter(number for (number,) in execute("SELECT ticket_id FROM comment WHERE kind = 'reply'"))
    assert set(replied.values()) == {1}
    assert execute("SELECT count(*) FROM scheduled_reply WHERE state = 'sent'")[0][0] == 2 * turn
    files = {digest for (digest,) in execute("SELECT sha256 FROM attachment WHERE filename = 'data.bin'")}
    assert files == set(digests)
    assert execute("SELECT count(*) FROM attachment WHERE filename = 'answer.txt'")[0][0] == 2 * turn
    assert execute("SELECT count(*) FROM upload")[0][0] == 0

    by_id = {}
    for mail in sink.mails():
        message = email.message_from_bytes(mail.raw, policy=email.policy.default)
        by_id.setdefault(message["Message-ID"], []).append(mail)
    assert len({mail.recipients[0] for mails in by_id.values() for mail in mails}) == 2 * turn
    assert len(by_id) == 4 * turn, "one acknowledgement and one answer per ticket"
    assert all(len({mail.raw for mail in copies}) == 1 for copies in by_id.values()), (
        "copies are byte-identical"
    )
    doubled = [copies for copies in by_id.values() if len(copies) > 1]
    assert all(len(copies) == 2 for copies in doubled)
    assert len(doubled) <= 8, "only a death between the server's yes and our commit may double a mail"
    assert desk.flask("doctor") == "All is well.\n"
