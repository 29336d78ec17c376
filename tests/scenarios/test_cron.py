"""A small desk of a web server and cron: no Redis, no worker, no scheduler, and still the whole circle."""

import re

import pytest

from tests import factories
from tests.scenarios.desk import Desk, wait_for
from tests.scenarios.inbox import smtp_settings

CRON = (["poll-emails", "--all-accounts", "--force"], ["send-emails"])


@pytest.fixture
def desk(database_url, tmp_path, inbox, sink):
    nowhere = f"unix://{tmp_path}/no-store-is-here.sock"
    desk = Desk(
        tmp_path, database_url=database_url, redis_url=nowhere, **inbox.settings(), **smtp_settings(sink)
    )
    desk.flask("poll-emails", "--all-accounts")
    desk.flask("create-user", factories.AGENT, "--password-stdin", stdin=f"{factories.PASSWORD}\n".encode())
    desk.start("web").wait_until_answering()
    yield desk
    desk.stop()
    desk.remove()


@pytest.fixture
def page(chromium):
    """A browser without JavaScript."""
    context = chromium.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.mark.browser
@pytest.mark.processes
def test_web_and_cron_alone_are_a_whole_desk(desk, inbox, sink, page):
    def cron():
        for command in CRON:
            desk.flask(*command)

    inbox.deliver(factories.make_mail(subject="Printer", message_id="<first@customer.example>"))
    cron()
    (ticket,) = desk.tickets()
    (acknowledgement,) = sink.mails()
    assert acknowledgement.recipients == (factories.CUSTOMER,)
    assert ticket["number"].encode() in acknowledgement.raw

    page.goto(f"{desk.url}/sign-in")
    page.get_by_label("E-mail address").fill(factories.AGENT)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{desk.url}/tickets/{ticket['id']}")
    composer = page.get_by_role("form", name="Answer or note")
    composer.get_by_label("Your text").fill("Please switch it off and on.")
    composer.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_load_state()
    page.get_by_role("button", name="Undo").wait_for()
    wait_for(lambda: (cron(), sink.mails()[1:])[1], seconds=60, what="the answer")
    answer = sink.mails()[-1]
    assert answer.recipients == (factories.CUSTOMER,)
    assert b"switch it off and on" in answer.raw

    message_id = re.search(rb"^Message-ID: (<.*?>)", answer.raw, re.M | re.I).group(1).decode()
    inbox.deliver(factories.make_mail(subject="Re: Printer", text="That helped.\n", In_Reply_To=message_id))
    cron()
    (ticket,) = desk.tickets()
    comments = desk.ticket(ticket["number"])["comments"]
    assert [c["kind"] for c in comments] == ["incoming", "reply", "incoming"]
    assert comments[-1]["text"] == "That helped."
    desk.flask("doctor")
