"""SIGKILL between two statements while two connections of one account send, within limits: nothing is lost."""

import email
import email.policy
import json
import os
import subprocess
import sys

import pytest

from tests.scenarios.desk import PROJECT, Desk

STRIDE = 5 if os.environ.get("HELPDESK_TEST_REQUIRE") == "all" else 17  # closer in CI, a sample elsewhere


@pytest.mark.processes
def test_killed_between_two_statements_two_connections_lose_no_mail(database_url, tmp_path, sink, execute):
    desk = Desk(tmp_path, database_url=database_url, redis_url=f"unix://{tmp_path}/no.sock").migrate()
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.sending_victim", str(sink.port), str(STRIDE)],
        cwd=PROJECT, env=desk.env, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    by_id = {}
    for mail in sink.mails():
        message = email.message_from_bytes(mail.raw, policy=email.policy.default)
        by_id.setdefault(message["Message-ID"], []).append(mail)
    doubled = [copies for copies in by_id.values() if len(copies) > 1]
    print(f"killed {said['killed']} times, {len(by_id)} mails, {len(doubled)} of them twice")

    assert said["killed"] * STRIDE > 40
    assert sorted(copies[0].recipients[0] for copies in by_id.values()) == sorted(said["recipients"])
    assert all(len(set(copies)) == 1 for copies in by_id.values()), "copies are identical in every byte"
    assert all(len(copies) == 2 for copies in doubled)
    assert len(doubled) <= 2 * said["killed"], "one a connection whose acceptance was never heard"
    states = {state for (state,) in execute("SELECT state FROM email_message WHERE direction = 'out'")}
    assert states == {"sent"}
    assert desk.flask("doctor") == "All is well.\n"
