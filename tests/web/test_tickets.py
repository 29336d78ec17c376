"""The agents' workspace: list, ticket, answer, note, changes, a ticket on behalf of somebody."""

import io
import re

import pytest
from sqlalchemy import event, text

from helpdesk.database import db, transaction
from helpdesk.models import Comment, EmailMessage, Ticket, User
from helpdesk.policy.status import Priority, Status
from helpdesk.services import people, queries
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.factories import ADMIN, AGENT, CUSTOMER, OTHER_AGENT, STRANGER
from tests.web.conftest import browser, send, sign_in

KEY = "a-form-key-of-the-tests"


@pytest.fixture
def agent(app, client, team):
    """Nora, whose answers leave at once: what undoing is for has tests of its own."""
    with app.app_context(), transaction():
        people.find_user(AGENT).undo_seconds = 0
    sign_in(client, AGENT)
    return client


def ticket_url(team, action=""):
    return f"/tickets/{team['ticket']}{action}"


def answer(client, team, body="Please restart it.", kind="reply", form_id=KEY, **fields):
    return send(client, ticket_url(team, "/answer"), kind=kind, body=body, form_id=form_id, **fields)


def look(app, model):
    with app.app_context():
        return db.session.query(model).order_by(model.id).all()


def test_a_ticket_of_a_forward_nobody_could_read_asks_whose_it_is(app, agent, team):
    assert "Whose ticket is this?" not in agent.get(ticket_url(team)).text
    with app.app_context(), transaction() as session:
        session.query(Ticket).filter_by(number=team["ticket"]).one().needs_requester = True
    assert "Whose ticket is this?" in agent.get(ticket_url(team)).text
    refused = send(agent, ticket_url(team, "/requester"), email="nobody")
    assert refused.status_code == 422 and 'value="nobody"' in refused.text
    assert send(agent, ticket_url(team, "/requester"), email="paul@weber.example").status_code == 303
    page = agent.get(ticket_url(team)).text
    assert "Whose ticket is this?" not in page and "made it the ticket of paul@weber.example" in page
    send(agent, ticket_url(team, "/requester"), email=CUSTOMER)
    assert "Somebody has said whose ticket it is." in agent.get(ticket_url(team)).text


def test_a_strangers_message_is_made_a_ticket_of_its_own_by_one_button(app, agent, team):
    with app.app_context(), transaction() as session:
        ticket = session.query(Ticket).filter_by(number=team["ticket"]).one()
        address = people.address_for(STRANGER)
        words = Words("Let me in", is_released=False, is_from_email=True)
        comment_id = comments.add_incoming(ticket, words, address=address, actor=address.user).id
    path = ticket_url(team, f"/comments/{comment_id}/split")
    assert path in agent.get(ticket_url(team)).text
    landed = send(agent, path)
    assert landed.status_code == 303 and ticket_url(team) not in landed.location
    assert "Let me in" in agent.get(landed.location).text
    assert "a stranger&#39;s message a ticket of its own" in agent.get(ticket_url(team)).text
    send(agent, path)


def test_two_tickets_are_made_one_on_a_page_that_says_what_happens(app, client, agent, team):
    with app.app_context():
        other = factories.make_ticket(ticket_of(team).account, subject="The printer again").number
    page = agent.get(f"/tickets/{other}/merge").text
    assert "No customer is told of it." in page and "Printer shows error 49" in page
    assert send(agent, f"/tickets/{other}/merge", number="99999").status_code == 422
    assert send(agent, f"/tickets/{other}/merge", number=str(other)).status_code == 422
    landed = send(agent, f"/tickets/{other}/merge", into=str(team["ticket"]))
    assert landed.location.endswith(ticket_url(team))
    assert agent.get(f"/tickets/{other}").location.endswith(ticket_url(team))
    page = agent.get(ticket_url(team)).text
    assert "was merged into this ticket" in page and f"merged #{other} into it" in page
    jonas = browser(app, team["customer"])
    assert jonas.get(f"/my/tickets/{other}").location.endswith(f"/my/tickets/{team['ticket']}")
    send(jonas, f"/my/tickets/{other}/answer", body="From an older page", form_id="older-page-of-jonas")
    assert "From an older page" in agent.get(ticket_url(team)).text
    fields = {"kind": "note", "body": "From my older page", "form_id": KEY}
    refused = send(agent, f"/tickets/{other}/answer", **fields)
    assert refused.status_code == 422 and "From my older page" in refused.text


def ticket_of(team):
    return db.session.query(Ticket).filter_by(number=team["ticket"]).one()


def test_the_list_shows_who_what_and_how_it_stands(agent, team):
    page = agent.get("/tickets").text
    for words in ("Jonas", "Printer shows error 49", "It does not print.", "New", f"-0000{team['ticket']}"):
        assert words in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["Printer", "Invoice"]),
        ("?view=mine", ["Printer"]),
        ("?view=unassigned", ["Invoice"]),
        ("?status=closed", []),
        ("?status=any", ["Printer", "Invoice"]),
        ("?priority=urgent", ["Printer"]),
        ("?category=Bug", []),
        ("?account=1", ["Printer", "Invoice"]),
        ("?account=99", []),
        ("?assignee=0", ["Invoice"]),
        ("?view=nonsense&status=x&account=x&after=x&priority=x", ["Printer", "Invoice"]),
    ],
)
def test_filters_narrow_the_list(app, client, team, query, shown):
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=team["ticket"]).one()
        with transaction():
            changing.assign(ticket, people.find_user(AGENT), actor=None)
            changing.set_priority(ticket, Priority.URGENT, actor=None)
    sign_in(client, AGENT)
    page = client.get(f"/tickets{query}").text
    assert [s for s in ("Printer", "Invoice") if f"{s} " in page] == shown


def test_a_ticket_shows_its_conversation_and_history(app, client, team):
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=team["ticket"]).one()
        me = people.find_user(AGENT)
        with transaction():
            comments.add_note(ticket, Words("Known problem."), actor=me)
            comments.add_reply(ticket, Words("Try 4.2 <b>now</b>"), actor=me)
            words = Words("Thanks", full_text="Thanks\n\n> Try 4.2", is_from_email=True)
            comments.add_incoming(ticket, words, address=ticket.requester_address, actor=ticket.requester)
    sign_in(client, AGENT)
    page = client.get(ticket_url(team)).text
    assert "Internal note" in page
    assert "Try 4.2 &lt;b&gt;now&lt;/b&gt;" in page
    assert "Show quoted text" in page
    assert page.count("· on the web") == page.count("· by mail") == 1  # how each of the customer's words came
    assert "Nora Keller set the status to Pending" in page
    newest = re.findall(r'id="comment-(\d+)" data-newest', page)
    assert (
        newest == re.findall(r'id="comment-(\d+)"', page)[-1:]
    )  # although the line “set to Open” stands below it


def test_an_answer_is_a_comment_a_mail_and_a_status(app, agent, team):
    assert answer(agent, team).status_code == 303
    said = look(app, Comment)[-1]
    (mail,) = [m for m in look(app, EmailMessage) if m.purpose == "reply"]
    assert (said.kind, said.text, mail.comment_id, mail.state) == (
        "reply",
        "Please restart it.",
        said.id,
        "queued",
    )
    assert mail.recipients["to"] == [CUSTOMER]
    page = agent.get(ticket_url(team)).text
    assert "Please restart it." in page
    assert "Waiting to be sent" in page
    assert look(app, Ticket)[0].status is Status.PENDING


def test_a_form_sent_twice_is_one_answer_and_one_mail(app, agent, team):
    answer(agent, team)
    assert answer(agent, team).status_code == 303
    assert len([c for c in look(app, Comment) if c.kind == "reply"]) == 1
    assert len([m for m in look(app, EmailMessage) if m.purpose == "reply"]) == 1


def test_send_and_resolve(app, agent, team):
    answer(agent, team, then="resolved")
    assert look(app, Ticket)[0].status is Status.RESOLVED


def test_a_note_is_no_mail(app, agent, team):
    answer(agent, team, "canary", kind="note")
    answer(agent, team, "canary", kind="note")
    assert [c.kind for c in look(app, Comment) if c.text == "canary"] == ["note"]
    assert not look(app, EmailMessage) or "canary" not in str([m.payload for m in look(app, EmailMessage)])


@pytest.mark.parametrize(
    "fields",
    [
        {"body": ""},
        {"body": "long words that must stay", "form_id": ""},
        {"body": "long words that must stay", "cc": "nobody"},
        {"body": "long words that must stay", "cc": "support@desk.example"},
    ],
)
def test_a_refused_answer_keeps_what_was_typed(app, agent, team, fields):
    response = answer(agent, team, **fields)
    assert response.status_code == 422
    assert fields["body"] in response.text
    assert "notice--danger" in response.text
    assert not [c for c in look(app, Comment) if c.kind == "reply"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_is_said_and_the_text_is_given_back(app, agent, team):
    with app.app_context():
        pages = db.session.scalar(text("PRAGMA page_count"))
        event.listen(db.engine, "checkout", lambda c, *_: c.execute(f"PRAGMA max_page_count = {pages}"))
        db.session.remove()
    response = answer(agent, team, "words that must not be lost " * 20_000)
    assert response.status_code == 503
    assert "its disk may be full" in response.text
    assert "words that must not be lost" in response.text


def test_an_answer_of_a_megabyte_arrives(app, agent, team):
    """Werkzeug alone would refuse a field above 500 kB, and with it an agent's long answer."""
    assert (
        answer(agent, team, "a word and " * 100_000, attachments=(io.BytesIO(b"x"), "x.txt")).status_code
        == 303
    )
    assert len(look(app, Comment)[-1].text) > 1_000_000


def test_files_go_along_and_too_large_ones_are_named(app, agent, team):
    app.config["EMAIL_MAX_ATTACHMENT_SIZE"] = 1000
    fields = {"attachments": (io.BytesIO(b"x" * 2000), "large.bin")}
    response = answer(agent, team, "see file", **fields)
    assert response.status_code == 422
    assert "large.bin" in response.text
    answer(agent, team, "see file", attachments=(io.BytesIO(b"small"), "small.txt"))
    page = agent.get(ticket_url(team)).text
    assert "small.txt" in page


def test_changes_are_made_and_told(app, agent, team):
    shown = {
        "was_status": "new",
        "was_priority": "medium",
        "was_category": "Support",
        "was_assignee": "",
        "was_due": "",
    }
    wanted = {
        "status": "in_progress",
        "priority": "urgent",
        "category": "Bug",
        "assignee": str(team["agent"]),
        "due": "2026-12-24",
    }
    assert send(agent, ticket_url(team, "/properties"), **shown, **wanted).status_code == 303
    ticket = look(app, Ticket)[0]
    assert (ticket.status, ticket.priority, ticket.category) == ("in_progress", "urgent", "Bug")
    assert ticket.assignee_id == team["agent"]
    assert ticket.due_at.isoformat() == "2026-12-24T23:59:59+00:00"
    page = agent.get(ticket_url(team)).text
    assert "Nora Keller took the ticket" in page
    assert 'value="2026-12-24"' in page


def test_a_colleagues_change_in_between_stays(app, agent, team):
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=team["ticket"]).one()
        with transaction():
            changing.set_priority(ticket, Priority.HIGH, actor=None)
    send(
        agent,
        ticket_url(team, "/properties"),
        was_status="new",
        status="open",
        was_priority="medium",
        priority="medium",
    )
    ticket = look(app, Ticket)[0]
    assert (ticket.status, ticket.priority) == ("open", "high")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "gone"),
        ("priority", ""),
        ("due", "tomorrow"),
        ("assignee", "9999"),
        ("assignee", "x"),
        ("category", "x"),
    ],
)
def test_a_value_that_is_none_changes_nothing(app, agent, team, field, value):
    assert send(agent, ticket_url(team, "/properties"), **{field: value}).status_code == 303
    ticket = look(app, Ticket)[0]
    assert (ticket.status, ticket.priority, ticket.category, ticket.assignee_id) == (
        "new",
        "medium",
        "Support",
        None,
    )
    assert "cannot be used" in agent.get(ticket_url(team)).text


def test_list_of_somebody_without_access_says_whom_it_waits_for(app, team):
    page = browser(app, team["other_agent"]).get("/tickets").text
    assert "As soon as an administrator gives you access" in page and "Nothing waits here" not in page


def test_somebody_without_access_cannot_be_assigned(app, agent, team):
    send(agent, ticket_url(team, "/properties"), assignee=str(team["other_agent"]))
    assert look(app, Ticket)[0].assignee_id is None
    assert "Tom Hale has no access" in agent.get(ticket_url(team)).text


@pytest.mark.parametrize("path", ["", "/answer", "/properties"])
def test_a_foreign_ticket_and_an_unknown_one_look_alike(client, team, path):
    sign_in(client, OTHER_AGENT)
    method = client.get if not path else lambda url: send(client, url, body="x", form_id=KEY)
    foreign, unknown = method(ticket_url(team, path)), method(f"/tickets/9999{path}")
    assert foreign.status_code == unknown.status_code == 404
    assert client.get("/tickets/99999999999999999999").status_code == 404


def test_a_ticket_on_behalf_of_somebody(app, agent, team):
    fields = {
        "account": str(team["account"]), "requester": STRANGER, "requester_name": "Sam Okafor", "subject": "You called us",
        "text": "Here is what we found.", "priority": "high", "category": "Billing", "assignee": str(team["agent"]),
        "form_key": KEY,
    }  # fmt: skip
    first, second = send(agent, "/tickets/new", **fields), send(agent, "/tickets/new", **fields)
    assert first.status_code == 303
    assert first.location == second.location
    ticket = look(app, Ticket)[-1]
    (mail,) = [m for m in look(app, EmailMessage) if m.ticket_id == ticket.id]
    assert (mail.purpose, mail.recipients["to"]) == ("reply", [STRANGER])
    assert (ticket.priority, ticket.category, ticket.assignee_id) == ("high", "Billing", team["agent"])


@pytest.mark.parametrize(
    "wrong", [{"requester": "nobody"}, {"subject": ""}, {"text": ""}, {"account": "99"}, {"priority": "x"}]
)
def test_a_new_ticket_with_something_wrong_keeps_the_rest(app, agent, team, wrong):
    fields = {
        "account": str(team["account"]), "requester": STRANGER, "subject": "A subject to keep", "text": "A text to keep",
        "priority": "high", "category": "Billing", "assignee": "0", "form_key": KEY,
    }  # fmt: skip
    response = send(agent, "/tickets/new", **(fields | wrong))
    assert response.status_code == 422
    kept = [v for k, v in fields.items() if k in ("requester", "subject", "text") and k not in wrong]
    assert all(words in response.text for words in kept)
    assert len(look(app, Ticket)) == 2


def test_a_strangers_words_wait_to_be_let_in(app, client, team):
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=team["ticket"]).one()
        with transaction():
            stranger = people.address_for(STRANGER)
            words = Words("forwarded words", is_from_email=True, is_released=False)
            comment = comments.add_incoming(ticket, words, address=stranger, actor=stranger.user)
            comment_id = comment.id
    sign_in(client, ADMIN)
    assert "Not a participant" in client.get(ticket_url(team)).text
    assert send(client, ticket_url(team, f"/comments/{comment_id}/release")).status_code == 303
    assert "Not a participant" not in client.get(ticket_url(team)).text
    assert send(client, f"/tickets/{team['other_ticket']}/comments/{comment_id}/release").status_code == 404


def test_a_failed_mail_shows_the_servers_words_and_can_be_sent_again(app, agent, team):
    answer(agent, team)
    with app.app_context(), transaction():
        mail = db.session.query(EmailMessage).filter_by(purpose="reply").one()
        mail.state, mail.detail = "failed", "550 no such user"
        mail.reason, mail.reason_params = "Not delivered to %(recipients)s.", {"recipients": "x@y.example"}
        mail_id = mail.id
    page = agent.get(ticket_url(team)).text
    assert "Not sent" in page
    assert "Not delivered to x@y.example." in page
    assert "550 no such user" in page
    german = agent.get(ticket_url(team), headers={"Accept-Language": "de"}).text
    assert "Nicht zugestellt an x@y.example." in german
    assert send(agent, ticket_url(team, f"/mails/{mail_id}/retry")).status_code == 303
    assert "Waiting to be sent" in agent.get(ticket_url(team)).text
    assert send(agent, f"/tickets/{team['other_ticket']}/mails/{mail_id}/retry").status_code == 404


def test_a_customer_who_follows_the_link_in_a_mail_lands_on_his_own_page(client, team):
    sign_in(client, CUSTOMER)
    assert client.get(ticket_url(team)).location == f"/my/tickets/{team['ticket']}"


def test_hostile_words_stay_words(app, client, team):
    evil = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>"
    with app.app_context():
        with transaction():
            people.address_for("evil@evil.example", evil)
        factories.make_ticket(people.find_user(AGENT) and db.session.query(Ticket).first().account,
                              "evil@evil.example", evil, evil)  # fmt: skip
    sign_in(client, AGENT)
    for path in ("/tickets", "/tickets/3"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;" in page


def test_ticket_that_follows_one_of_a_foreign_account_does_not_name_it(app, team):
    with app.app_context():
        second = factories.make_account("second@desk.example")
        ticket_id = factories.make_ticket(second).id
        with transaction():
            people.set_grants(db.session.get(User, team["other_agent"]), [second.id], actor=None)
            ticket, other = db.session.get(Ticket, ticket_id), queries.by_number(team["ticket"])
            other.subject = "Dismissal of Mr Holm"
            ticket.follow_up_of = ticket.may_belong_to = other
            path = f"/tickets/{ticket.number}"
    hidden = browser(app, team["other_agent"]).get(path)
    assert hidden.status_code == 200
    assert "Mr Holm" not in hidden.text and f"/tickets/{team['ticket']}" not in hidden.text
    assert "Mr Holm" in browser(app, team["admin"]).get(path).text
