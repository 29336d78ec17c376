"""`make demo` as a newcomer meets it: real processes, and a mail that goes the whole circle in a real browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.jobs.conftest import PROJECT, wait_until
from tests.jobs.test_desk import Desk, mode

pytestmark = [pytest.mark.processes, pytest.mark.browser]


class Demo(Desk):
    module = "helpdesk.cli.demo"

    @property
    def url(self):
        return re.search(r"Ready after [\d.]+ s:  (\S+)", self.output())[1]

    @property
    def password(self):
        return re.search(r"password  (\S+)", self.output())[1]

    def wait_until_ready(self):
        def is_ready():
            assert self.process.poll() is None, self.output()
            return "Stop" in self.output() or "stop with Ctrl-C" in self.output()

        wait_until(is_ready, within_s=240)  # a busy machine; a quiet one needs a tenth
        return self

    def flask(self, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments], cwd=PROJECT, check=False,
            env=self.environment | {"DEMO": "true"}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done


@pytest.fixture
def demos(short_path):
    made = []

    def make(name="demo", **settings):
        made.append(Demo(short_path / name, **settings))
        return made[-1]

    yield make
    for demo in made:
        if demo.process and demo.process.poll() is None:
            demo.end(signal.SIGTERM)
        for pid in demo.children():
            os.kill(pid, signal.SIGKILL)


def sign_in(page, demo, email):
    page.goto(f"{demo.url}/sign-in")
    page.fill("#email", email)
    page.fill("#password", demo.password)
    page.click("main button[type=submit]")
    page.wait_for_url("**/tickets*")


def write(page, **words):
    for field, text in words.items():
        page.fill(f".practice__write [name={field}]", text)
    page.get_by_role("button", name="Send as this customer").click()


def test_newcomer_is_given_a_lively_desk_and_goes_round_the_circle(demos, chromium):
    demo = demos(DATABASE_URL="postgresql://nobody@localhost/real", SMTP_HOST="smtp.real.example")
    with socket.socket() as other:  # somebody has the port already
        other.bind(("127.0.0.1", demo.port))
        other.listen(1)
        demo.start().wait_until_ready()
    assert f"Port {demo.port} is in use, so the demo takes" in demo.output()
    assert not demo.url.endswith(f":{demo.port}")
    assert mode(demo.instance / "demo.json") == 0o600
    assert len(demo.password) >= 15

    desk = chromium.new_context()
    page = desk.new_page()
    sign_in(page, demo, "ada@lumenoak.example")
    for path in (
        "/tickets",
        "/tickets/1",
        "/tickets/40",
        "/admin/mail",
        "/admin/accounts",
        "/admin/people",
        "/practice",
    ):
        assert page.goto(demo.url + path).status == 200, path
    assert page.goto(f"{demo.url}/tickets?view=overdue").status == 200
    page.get_by_text("Update stuck at 67 %").first.wait_for()

    outside = chromium.new_context().new_page()  # a customer needs no account
    outside.goto(f"{demo.url}/practice")
    outside.get_by_role("link", name="Maria", exact=True).click()
    write(outside, subject="Does it fit a shelf?", text="Is the lamp less than 40 cm high? Maria")
    outside.get_by_text("It became ticket").wait_for(timeout=60_000)
    outside.locator(".practice__mail", has_text="Does it fit a shelf?").first.wait_for(timeout=60_000)
    ticket = outside.get_by_role("link", name="Open the ticket").get_attribute("href")

    page.goto(demo.url + ticket)
    page.get_by_text("less than 40 cm high").first.wait_for()
    page.fill("textarea[name=body]", "It is 38 cm high, so it fits.")
    page.get_by_role("button", name=re.compile("^Send( |$)")).first.click()

    outside.goto(f"{demo.url}/practice")
    mails = outside.locator(".practice__mail", has_text="Does it fit a shelf?")
    wait_until(lambda: mails.count() == 2 or bool(outside.wait_for_timeout(1000)), within_s=120)
    mails.first.click()
    frame = outside.frame_locator(".practice__frame")
    frame.get_by_text("It is 38 cm high").wait_for(timeout=20_000)
    outside.get_by_role("link", name="Answer this mail").click()
    text = outside.input_value(".practice__write [name=text]")
    assert "> It is 38 cm high" in text
    write(outside, text=f"Then I take two.{text}")
    outside.get_by_text("It was added to ticket").wait_for(timeout=60_000)
    page.goto(demo.url + ticket)
    page.get_by_text("Then I take two.").first.wait_for()

    doctor = demo.flask("doctor")
    assert doctor.returncode == 0, doctor.stdout

    password = demo.password
    demo.end()
    assert demo.start().wait_until_ready().password == password
    tickets = json.loads(demo.flask("list-tickets", "--format", "json").stdout)
    assert [t["subject"] for t in tickets].count("Does it fit a shelf?") == 1
    assert {t["status"] for t in tickets} >= {"new", "open", "in_progress", "pending", "resolved", "closed"}
    assert len(tickets) > 55


def test_a_folder_with_a_real_desk_is_left_alone(demos):
    demo = demos()
    demo.instance.mkdir()
    (demo.instance / "helpdesk.sqlite3").write_bytes(b"a real desk")
    assert "holds a desk that is no demo" in demo.refusal()
    demo.start("--fresh").process.wait(60)
    assert "holds a desk that is no demo" in demo.output()
    assert (demo.instance / "helpdesk.sqlite3").read_bytes() == b"a real desk"
