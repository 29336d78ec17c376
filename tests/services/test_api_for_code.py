"""The page for other code: its examples run, one after the other, as they stand there."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import update

from helpdesk.database import db, transaction
from helpdesk.models import Counter, Event
from helpdesk.services import mailing
from helpdesk.services.outbox import deliver
from tests import factories
from tests.services.outbox.mails import let_time_pass, outgoing

PAGE = Path(__file__).parent.parent.parent / "docs" / "api-for-code.md"


def test_the_examples_of_the_page_run_and_their_mails_leave(context, monkeypatch, capsys):
    text = PAGE.read_text(encoding="utf-8")
    account = factories.make_account("support@example.com", outgoing_protocol="dummy", is_acknowledging=False)
    factories.make_agent("nora@example.com", accounts=[account])
    with transaction() as session:
        session.execute(update(Counter).where(Counter.name == "ticket").values(value=41))
    factories.make_ticket(account)
    monkeypatch.setitem(sys.modules, "wsgi", SimpleNamespace(app=context))
    names = {}
    for example in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        exec(compile(example, str(PAGE), "exec"), names)
    assert capsys.readouterr().out.splitlines()[0] == "Support (True, '')"
    assert names["mail"].recipients["to"] == ["customer@example.net"]
    assert (names["told"], names["again"]) == (True, False)
    let_time_pass(minutes=2)
    deliver.drain(account.id)
    found = [(mail.recipients["to"][0], mail.purpose, mail.state.value) for mail in outgoing()]
    assert found == [
        ("customer@example.net", "message", "sent"), ("customer@example.net", "message", "sent"),
        (factories.CUSTOMER, "reply", "sent"), ("nora@example.com", "notification", "sent"),
        ("customer@example.net", "message", "sent"),
    ]  # fmt: skip
    assert db.session.query(Event).filter_by(type="ticket.assigned").count() == 1


def test_the_page_names_every_function_and_none_there_is_not():
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"mailing\.(\w+)\(", text)) | set(re.findall(r"^\| `(\w+)\(", text, flags=re.M))
    assert named == set(mailing.__all__)
