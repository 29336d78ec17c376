"""list-tickets, show-ticket, export-tickets: what scripts read."""

import hashlib
import json

import pytest

from helpdesk.database import transaction
from helpdesk.mail.types import MailFile
from helpdesk.policy.status import Status
from helpdesk.services import attachments
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories


@pytest.fixture
def desk(app):
    with app.app_context():
        account = factories.make_account()
        agent = factories.make_agent(accounts=[account])
        first = factories.make_ticket(account, subject="Drucker druckt nicht — Fehler 49")
        second = factories.make_ticket(account, factories.OTHER_CUSTOMER, subject="Invoice")
        staged = attachments.stage([MailFile("log.txt", "text/plain", b"log")])
        with transaction():
            comments.add_note(first, Words("Known problem."), actor=agent)
            comments.add_reply(first, Words("Try 4.2.", files=staged), actor=agent)
            changing.set_status(second, Status.CLOSED, actor=agent)
        year = first.created_at.year
    return app, year


@pytest.fixture
def run(desk):
    app, _ = desk

    def run(*arguments, **options):
        return app.test_cli_runner().invoke(args=[str(a) for a in arguments], **options)

    return run


def test_the_list_as_json_has_what_scripts_need(desk, run):
    rows = json.loads(run("list-tickets", "--format", "json").output)
    assert [row["number"] for row in rows] == [f"TKT-{desk[1]}-00001", f"TKT-{desk[1]}-00002"]
    wanted = ("subject", "status", "priority", "category", "requester", "assignee")
    assert {name: rows[0][name] for name in wanted} == {
        "subject": "Drucker druckt nicht — Fehler 49",
        "status": "pending",
        "priority": "medium",
        "category": "Support",
        "requester": factories.CUSTOMER,
        "assignee": None,
    }
    assert rows[0]["created_at"].endswith("Z")


def test_the_list_narrows_by_status(run):
    result = run("list-tickets", "--format", "json", "--status", "closed")
    assert [row["subject"] for row in json.loads(result.output)] == ["Invoice"]
    assert run("list-tickets", "--status", "nonsense").exit_code == 2


def test_the_table_lines_up(run):
    lines = run("list-tickets").output.splitlines()
    assert lines[0].split() == ["number", "status", "priority", "requester", "assignee", "subject"]
    assert len(lines) == 3


@pytest.mark.parametrize("text", ["1", "#1", "TKT-{year}-00001", "[TKT-1999-00001]"])
def test_a_ticket_is_found_by_its_number_however_it_is_written(desk, run, text):
    details = json.loads(run("show-ticket", text.format(year=desk[1]), "--format", "json").output)
    assert details["description"] == "It does not print."
    assert (details["created_from_email"], details["email_from"]) == (True, factories.CUSTOMER)
    assert [c["kind"] for c in details["comments"]] == ["incoming", "note", "reply"]
    assert [c["is_internal"] for c in details["comments"]] == [False, True, False]
    reply = details["comments"][2]
    assert (reply["author_name"], reply["author_email"]) == ("Nora Keller", factories.AGENT)
    assert reply["attachments"] == [
        {
            "filename": "log.txt",
            "content_type": "text/plain",
            "size": 3,
            "sha256": hashlib.sha256(b"log").hexdigest(),
        }
    ]
    assert details["events"][0]["type"] == "ticket.opened"


@pytest.mark.parametrize("text", ["99", "no digits", "9" * 30, ""])
def test_an_unknown_number_is_said_plainly(run, text):
    result = run("show-ticket", text)
    assert result.exit_code in (1, 2)
    assert "ticket" in result.output
    assert "Traceback" not in result.output


def test_text_shows_the_conversation(run):
    output = run("show-ticket", "1").output
    assert "Known problem." in output
    assert "+ log.txt (text/plain, 3 bytes)" in output


def test_the_export_is_one_object_a_line(run):
    lines = run("export-tickets").output.splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["Drucker druckt nicht — Fehler 49", "Invoice"]
    assert json.loads(lines[0]) == json.loads(run("show-ticket", "1", "--format", "json").output)
