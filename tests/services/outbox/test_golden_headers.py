"""The headers of each kind of mail, as programs read them: against `golden/headers.txt`."""

import os
import re
from pathlib import Path

import pytest

from helpdesk.database import transaction
from helpdesk.services import sign_in_links
from helpdesk.services.links import Purpose
from helpdesk.services.tickets import changing
from tests import factories
from tests.services.outbox.test_letters import say
from tests.services.outbox.told_mails import send_gathered

GOLDEN = Path(__file__).parent / "golden" / "headers.txt"
# what differs each time: ids, tokens, times, marks of Outlook
CHANGING = [
    (r"\+[^@\s]+@", "+TOKEN@"),
    (r"(https?://\S+?/)[\w.~-]{24,}", r"\1TOKEN"),
    (r"TKT-\d{4}-", "TKT-YEAR-"),
    (r'boundary="[^"]*"', "boundary=…"),
]
IDS = {"Message-ID", "In-Reply-To", "References"}
LEFT_OUT = {"Date", "Thread-Index", "MIME-Version", "X-Helpdesk-Instance"}


@pytest.fixture
def mails(context):
    """One of each kind: to a customer by itself, by a person, to the team, a link."""
    account = factories.make_account(name="Example Support", takes_plus_addresses=True)
    factories.make_customer()
    ticket = factories.make_ticket(account)
    agent = factories.make_agent(accounts=[account])
    say(ticket, agent)
    with transaction():
        changing.assign(ticket, agent, actor=None)
    with transaction():
        sign_in_links.send(Purpose.SIGN_IN, factories.CUSTOMER)
    return send_gathered(account.id)


def test_headers_are_as_they_were_looked_at(mails):
    """After a change somebody has read: UPDATE_GOLDEN=1 writes them anew."""
    found = "\n\n".join(sorted(headers_of(mail) for mail in mails)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found.splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


def headers_of(mail):
    lines = []
    for name, value in mail.items():
        if name not in LEFT_OUT:
            text = " ".join(str(value).split())
            if name in IDS:
                text = re.sub(r"<[^<>@]+@", "<ID@", text)
            for pattern, replacement in CHANGING:
                text = re.sub(pattern, replacement, text)
            lines.append(f"{name}: {text}")
    return "\n".join(lines)
