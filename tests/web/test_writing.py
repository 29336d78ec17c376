"""Writing without any script: drafts, taking an answer back, copies; every act a plain form."""

import io
from datetime import timedelta

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.models import Comment, Draft, EmailMessage, Notification, ScheduledReply, Ticket, Upload, User
from helpdesk.policy.status import Status
from helpdesk.services import participants, people, queries, scheduled, scheduled_delivery
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.factories import AGENT, CUSTOMER
from tests.web.conftest import browser, send

KEY = "a-form-key-of-the-tests"
COLLEAGUE = "colleague@customer.example"


@pytest.fixture
def agent(app, team):
    return browser(app, team["agent"])


def url(team, action=""):
    return f"/tickets/{team['ticket']}{action}"


def write(client, team, action="/answer", body="Please restart it.", kind="reply", form_id=KEY, **fields):
    return send(client, url(team, action), kind=kind, body=body, form_id=form_id, **fields)


def look(app, model):
    with app.app_context():
        return db.session.query(model).order_by(model.id).all()


def let_time_pass(app):
    with app.app_context():
        with transaction():
            for reply in db.session.query(ScheduledReply):
                reply.due_at = utcnow() - timedelta(seconds=1)
        scheduled_delivery.deliver_due()


def join(app, team, email=COLLEAGUE):
    with app.app_context(), transaction():
        participants.add(queries.by_number(team["ticket"]), email, actor=people.find_user(AGENT))


def last_comment(app):
    return look(app, Comment)[-1].id


def test_send_waits_is_shown_to_the_team_and_can_be_taken_back(app, agent, team):
    assert write(agent, team, then="resolved").status_code == 303
    page = agent.get(url(team)).text
    assert "Being sent" in page
    assert "to Jonas Berg<" in page
    assert "Undo" in page
    assert "Being sent" in (colleague := browser(app, team["admin"]).get(url(team)).text)
    assert "data-undo" not in colleague
    assert "Your answer to" in agent.get("/tickets").text
    assert [c.kind for c in look(app, Comment) if c.text == "Please restart it."] == []
    (reply,) = look(app, ScheduledReply)
    assert send(agent, url(team, f"/replies/{reply.id}/undo")).status_code == 303
    page = agent.get(url(team)).text
    assert "Being sent" not in page
    assert ">Please restart it.</textarea>" in page
    let_time_pass(app)
    assert not [m for m in look(app, EmailMessage) if m.purpose == "reply"]


def test_after_its_time_the_answer_is_there_with_its_status(app, agent, team):
    write(agent, team, then="resolved", attachments=(io.BytesIO(b"a line"), "log.txt"))
    let_time_pass(app)
    page = agent.get(url(team)).text
    assert "Being sent" not in page
    assert "Please restart it." in page
    assert "log.txt" in page
    assert "Waiting to be sent" in page
    assert look(app, Ticket)[0].status is Status.RESOLVED
    (reply,) = look(app, ScheduledReply)
    response = send(agent, url(team, f"/replies/{reply.id}/undo"))
    assert "too late" in agent.get(response.location).text


def test_nothing_of_a_waiting_answer_reaches_the_customer(app, agent, team):
    write(agent, team, "/answer", "canary words")
    for path in ("/my/tickets", f"/my/tickets/{team['ticket']}"):
        assert "canary" not in browser(app, team["customer"]).get(path).text


@pytest.mark.parametrize("person", ["customer", "other_agent", "admin"])
def test_nobody_else_takes_an_answer_back(app, agent, team, person):
    write(agent, team)
    (reply,) = look(app, ScheduledReply)
    assert send(browser(app, team[person]), url(team, f"/replies/{reply.id}/undo")).status_code in {403, 404}
    assert look(app, ScheduledReply)[0].state == "waiting"


def test_words_that_came_meanwhile_are_shown_first_and_the_text_is_kept(app, agent, team):
    seen = last_comment(app)
    with app.app_context(), transaction():
        ticket = queries.by_number(team["ticket"])
        comments.add_incoming(
            ticket, Words("It works by now"), address=ticket.requester_address, actor=ticket.requester
        )
    fields = {"seen": str(seen), "attachments": (io.BytesIO(b"a line"), "log.txt")}
    response = write(agent, team, body="Please restart it", **fields)
    assert response.status_code == 422
    for words in (
        "It works by now",
        "has written since you opened this page",
        ">Please restart it</textarea>",
        "log.txt",
    ):
        assert words in response.text
    assert look(app, ScheduledReply) == []
    page = agent.get(url(team)).text
    assert ">Please restart it</textarea>" in page
    assert "log.txt" in page
    (upload,) = look(app, Upload)
    again = {"seen": str(last_comment(app)), "file": upload.token, "revision_reply": "1"}
    assert write(agent, team, body="Please restart it", **again).status_code == 303
    let_time_pass(app)
    assert [a.filename for a in look_files(app)] == ["log.txt"]
    assert look(app, Draft) == []


def test_a_notes_files_come_along_from_its_draft(app, agent, team):
    write(agent, team, "/draft", "To us", kind="note", attachments=(io.BytesIO(b"a line"), "log.txt"))
    (upload,) = look(app, Upload)
    write(agent, team, body="To us all", kind="note", file=upload.token, revision_note="1")
    assert [a.filename for a in look_files(app)] == ["log.txt"]
    assert look(app, Upload) == look(app, Draft) == []


def look_files(app):
    with app.app_context():
        return list(db.session.query(Comment).order_by(Comment.id.desc()).first().attachments)


def test_a_draft_survives_and_is_gone_when_it_is_sent(app, agent, team):
    response = write(agent, team, "/draft", "Half a", attachments=(io.BytesIO(b"a line"), "log.txt"))
    assert response.status_code == 303
    page = agent.get(url(team)).text
    assert ">Half a</textarea>" in page
    assert "log.txt" in page
    assert "Draft of" in page
    assert "Half a" not in browser(app, team["admin"]).get(url(team)).text
    (upload,) = look(app, Upload)
    write(agent, team, body="Half a loaf", file=upload.token, revision_reply="1")
    assert look(app, Draft) == []
    let_time_pass(app)
    assert [a.filename for a in look_files(app)] == ["log.txt"]


def test_answer_and_note_are_two_drafts(app, agent, team):
    write(agent, team, "/draft", "To him", kind="reply")
    write(agent, team, "/draft", "To us", kind="note")
    assert {(d.kind.value, d.text) for d in look(app, Draft)} == {("reply", "To him"), ("note", "To us")}
    assert ">To us</textarea>" in agent.get(url(team)).text
    assert ">To him</textarea>" in agent.get(url(team, "?write=reply")).text
    write(agent, team, kind="note", body="To us", revision_note="1")
    assert [d.kind.value for d in look(app, Draft)] == ["reply"]


def test_a_file_is_taken_out_and_what_was_typed_meanwhile_stays(app, agent, team):
    write(agent, team, "/draft", "Half a", attachments=(io.BytesIO(b"a line"), "log.txt"))
    (upload,) = look(app, Upload)
    write(agent, team, "/draft", "Half a loaf", revision_reply="1", file=upload.token, remove=upload.token)
    assert look(app, Upload) == []
    assert look(app, Draft)[0].text == "Half a loaf"


def test_discarding_forgets_one_draft_only(app, agent, team):
    write(agent, team, "/draft", "To him", kind="reply")
    write(agent, team, "/draft", "To us", kind="note")
    write(agent, team, "/draft", "To us", kind="note", discard="yes")
    assert [d.text for d in look(app, Draft)] == ["To him"]


def test_an_emptied_editor_is_no_draft(app, agent, team):
    write(agent, team, "/draft", "To him")
    write(agent, team, "/draft", "  ", revision_reply="1")
    assert look(app, Draft) == []


def test_two_windows_never_overwrite_each_other_unsaid(app, agent, team):
    write(agent, team, "/draft", "From the first window")
    response = write(agent, team, "/draft", "From the second window", form_id="another-form-of-tests")
    assert response.status_code == 409
    assert "From the first window" in response.text
    assert ">From the second window</textarea>" in response.text
    assert look(app, Draft)[0].text == "From the first window"
    assert 'name="revision_reply" value="1"' in response.text
    write(agent, team, "/draft", "From the second window", revision_reply="1")
    assert look(app, Draft)[0].text == "From the second window"


def save(client, team, **fields):
    """As the page itself saves."""
    token = client.get(url(team)).text.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"kind": "reply", "body": "Half a", "form_id": KEY, "csrf_token": token} | fields
    return client.post(url(team, "/draft"), data=data, headers={"Accept": "application/json"})


def test_a_page_that_saves_by_itself_is_told_revision_and_files(app, agent, team):
    told = save(agent, team, attachments=(io.BytesIO(b"a line"), "log.txt")).get_json()
    assert told["revision"] == 1
    assert "Draft saved" in told["note"]
    assert "log.txt" in told["files"]
    refused = save(agent, team, body="Other words")
    assert (refused.status_code, refused.get_json()["rival"], refused.get_json()["revision"]) == (
        409,
        "Half a",
        1,
    )


def test_a_save_that_comes_after_sending_brings_no_draft_back(app, agent, team):
    save(agent, team)
    write(agent, team, body="Half a loaf", revision_reply="1")
    assert save(agent, team, revision_reply="1").get_json()["revision"] == 0
    write(agent, team, kind="note", body="To us", form_id="a-form-key-of-a-note")
    save(agent, team, kind="note", body="To u", form_id="a-form-key-of-a-note")
    assert look(app, Draft) == []


def test_signed_out_the_page_is_told_so(app, agent, team):
    token = agent.get(url(team)).text.split('name="csrf_token" value="')[1].split('"')[0]
    with agent.session_transaction() as session:
        session.pop("_user_id")
    data = {"kind": "reply", "body": "Half a", "form_id": KEY, "csrf_token": token}
    assert (
        agent.post(url(team, "/draft"), data=data, headers={"Accept": "application/json"}).status_code == 401
    )


def test_files_beyond_a_mails_size_are_refused_and_the_text_is_kept(app, agent, team):
    app.config["EMAIL_MAX_MESSAGE_SIZE"] = 1024 * 1024
    for action in ("/draft", "/answer"):
        large = (io.BytesIO(b"x" * 1_200_000), "large.bin")
        response = write(agent, team, action, "Words", attachments=large)
        assert response.status_code == 422
        assert ">Words</textarea>" in response.text
    assert "too large" in response.text
    assert [d.text for d in look(app, Draft)] == ["Words"]


def test_a_file_of_another_ticket_or_person_never_comes_along(app, agent, team):
    write(agent, team, "/draft", "Mine", attachments=(io.BytesIO(b"secret"), "mine.txt"))
    (upload,) = look(app, Upload)
    other = f"/tickets/{team['other_ticket']}/answer"
    send(agent, other, kind="reply", body="x", form_id="another-form-of-tests", file=upload.token)
    write(browser(app, team["admin"]), team, form_id="the-form-of-an-admin", file=upload.token)
    let_time_pass(app)
    assert look(app, Upload)[0].draft_id is not None
    with app.app_context():
        assert not [c for c in db.session.query(Comment) if c.attachments]


def test_people_in_copy_are_ticked_and_can_be_left_out(app, agent, team):
    join(app, team)
    page = agent.get(url(team)).text
    assert f'name="cc" value="{COLLEAGUE}" checked' in page
    assert "2 recipients" in page
    write(agent, team, cc=["new@customer.example"], cc_shown=[COLLEAGUE])
    page = agent.get(url(team)).text
    assert "2 recipients, 1 new" in page
    let_time_pass(app)
    (mail,) = [m for m in look(app, EmailMessage) if m.purpose == "reply"]
    assert mail.recipients == {"to": [CUSTOMER], "cc": ["new@customer.example"]}


def test_an_unticked_person_stays_unticked_in_the_draft(app, agent, team):
    join(app, team)
    write(agent, team, "/draft", "Half a", cc=["new@customer.example"], cc_shown=[COLLEAGUE])
    page = agent.get(url(team)).text
    assert f'name="cc" value="{COLLEAGUE}">' in page
    assert 'value="new@customer.example" placeholder' in page


def test_the_time_for_undoing_is_a_choice_of_each_agent(app, agent, team):
    page = agent.get("/profile").text
    assert "Undo" in page
    send(agent, "/profile", name="Nora Keller", language="", timezone="", undo_seconds="0")
    write(agent, team)
    assert [c.text for c in look(app, Comment) if c.kind == "reply"] == ["Please restart it."]
    send(agent, "/profile", name="Nora Keller", language="", timezone="", undo_seconds="60")
    write(agent, team, form_id="another-form-of-tests", body="Slowly")
    (waiting,) = [reply for reply in look(app, ScheduledReply) if reply.state == "waiting"]
    assert waiting.due_at - waiting.created_at == timedelta(seconds=60)


def test_a_customer_has_no_such_choice(app, team):
    customer = browser(app, team["customer"])
    assert "undo" not in customer.get("/profile").text.lower()
    send(customer, "/profile", name="Jonas Berg", language="", timezone="", undo_seconds="0")
    with app.app_context():
        assert people.find_user(factories.CUSTOMER).undo_seconds is None


def test_drafts_have_a_view_with_a_count_and_mark_their_rows(app, agent, team):
    assert "Draft:" not in agent.get("/tickets").text
    write(agent, team, "/draft", "Half a loaf")
    page = agent.get("/tickets?view=drafts").text
    assert "Half a loaf" in page
    assert "Invoice twice" not in page
    assert "Printer shows error 49" not in browser(app, team["admin"]).get("/tickets?view=drafts").text
    with app.app_context(), transaction():
        queries.by_number(team["ticket"]).status = Status.CLOSED
    assert "Half a loaf" in agent.get("/tickets?view=drafts").text


def test_somebody_is_put_in_copy_and_taken_out_again(app, agent, team):
    page = send(agent, url(team, "/people"), email=COLLEAGUE)
    assert page.status_code == 303
    page = agent.get(url(team)).text
    assert f"Nora Keller put {COLLEAGUE} in copy" in page
    assert f'name="cc" value="{COLLEAGUE}" checked' in page
    with app.app_context():
        row = queries.by_number(team["ticket"]).participants[-1]
        row_id, since = row.id, row.since
    assert since is not None
    shown = browser_of(app, COLLEAGUE).get(f"/my/tickets/{team['ticket']}").text
    assert "It does not print." not in shown  # said before he joined
    assert send(agent, url(team, f"/people/{row_id}/remove")).status_code == 303
    page = agent.get(url(team)).text
    assert f"Nora Keller took {COLLEAGUE} out" in page
    assert f'value="{COLLEAGUE}"' not in page
    assert browser_of(app, COLLEAGUE).get(f"/my/tickets/{team['ticket']}").status_code == 404


def browser_of(app, email):
    with app.app_context():
        user_id = people.find_user(email).id
    return browser(app, user_id)


@pytest.mark.parametrize("email", ["", "nobody", factories.SUPPORT])
def test_what_cannot_be_put_in_copy_is_given_back(app, agent, team, email):
    response = send(agent, url(team, "/people"), email=email)
    assert response.status_code == 422
    assert f'value="{email}"' in response.text
    with app.app_context():
        assert len(queries.by_number(team["ticket"]).participants) == 1


def test_the_requester_stays(app, agent, team):
    with app.app_context():
        row_id = queries.by_number(team["ticket"]).participants[0].id
    assert send(agent, url(team, f"/people/{row_id}/remove")).status_code == 422
    other = f"/tickets/{team['other_ticket']}/people/{row_id}/remove"
    assert send(agent, other).status_code == 404


def test_following_is_shown_to_the_team_alone(app, agent, team):
    send(agent, url(team, "/follow"))
    page = agent.get(url(team)).text
    assert "Unfollow" in page
    assert "follows" in browser(app, team["admin"]).get(url(team)).text
    assert "Nora" not in browser(app, team["customer"]).get(f"/my/tickets/{team['ticket']}").text
    send(agent, url(team, "/follow"), stop="yes")
    assert "Unfollow" not in agent.get(url(team)).text


def test_notifications_are_listed_opened_and_marked(app, agent, team):
    assert "Nothing new" in agent.get("/notifications").text
    send(agent, url(team, "/follow"))
    for text in ("Canary one", "Canary two"):
        with app.app_context(), transaction():
            ticket = queries.by_number(team["ticket"])
            comments.add_incoming(
                ticket, Words(text), address=ticket.requester_address, actor=ticket.requester
            )
    page = agent.get("/notifications").text
    assert page.count("Jonas Berg wrote") == 2
    assert "Unread:" in page
    (first, second) = [row.id for row in look(app, Notification)]
    response = send(agent, f"/notifications/{second}/open")
    assert response.location == url(team)
    assert agent.get("/notifications").text.count("Unread:") == 1
    send(agent, f"/notifications/{first}/read")
    assert "Unread:" not in agent.get("/notifications").text
    with app.app_context(), transaction():
        ticket = queries.by_number(team["ticket"])
        comments.add_incoming(ticket, Words("x"), address=ticket.requester_address, actor=ticket.requester)
    assert "data-seen" in agent.get(url(team)).text
    send(agent, url(team, "/seen"))
    assert "data-seen" not in agent.get(url(team)).text
    with app.app_context(), transaction():
        people.set_grants(people.find_user(AGENT), [], actor=None)
    assert "Canary" not in agent.get("/notifications").text


def test_the_customers_other_tickets_stand_beside_with_number_and_status(app, agent, team):
    with app.app_context():
        hidden = factories.make_account("hidden@desk.example")
        known = queries.by_number(team["ticket"]).account
        factories.make_ticket(known, subject="Toner delivery")
        factories.make_ticket(hidden, subject="Canary of another account")
    page = agent.get(url(team)).text
    assert "Toner delivery" in page
    assert "-00003" in page
    assert "Canary" not in page
    form = agent.get(f"/tickets/new?requester={CUSTOMER}&account={team['account']}").text
    assert f'value="{CUSTOMER}"' in form
    assert agent.get("/tickets/new?requester=%22%3E&account=x").status_code == 200


def test_why_an_answer_was_stopped_is_said_in_the_readers_language(app, desk):
    with app.app_context(), transaction():
        db.session.get(User, desk["agent"]).language = "de"
        too_many = InvalidInput("At most %(count)d people can be in copy.", count=50)
        scheduled.stop(desk["reply"], too_many)
    page = browser(app, desk["agent"]).get("/notifications").text
    assert "Höchstens 50 Personen können in Kopie stehen." in page


def test_who_is_in_blind_copy_is_shown_to_the_team_and_to_no_customer(app, agent, team):
    blind = "boss@elsewhere.example"
    page = write(agent, team, "/draft", "Please rest", bcc=blind)
    assert f'name="bcc" value="{blind}"' in agent.get(page.location).text
    write(agent, team, bcc=blind, revision_reply="1")
    assert f"Bcc {blind}" in agent.get(url(team)).text
    let_time_pass(app)
    assert f"Bcc {blind}" in agent.get(url(team)).text
    assert blind not in browser(app, team["customer"]).get(f"/my/tickets/{team['ticket']}").text
    (mail,) = [m for m in look(app, EmailMessage) if m.purpose == "reply"]
    assert mail.recipients == {"to": [CUSTOMER], "cc": [], "bcc": [blind]}


def test_an_answer_is_addressed_to_somebody_in_copy_and_the_choice_is_kept(app, agent, team):
    join(app, team)
    page = agent.get(url(team)).text
    assert f'<option value="{COLLEAGUE}">' in page
    assert f'name="requester" value="{CUSTOMER}"' in page
    write(agent, team, "/draft", "Please rest", to=COLLEAGUE)
    assert f'<option value="{COLLEAGUE}" selected>' in agent.get(url(team)).text
    write(agent, team, to=COLLEAGUE, requester=CUSTOMER, revision_reply="1")
    let_time_pass(app)
    assert [m.addressed for m in look(app, EmailMessage) if m.purpose == "reply"] == [[COLLEAGUE]]


def test_a_page_that_shows_another_requester_sends_nothing(agent, team):
    response = write(agent, team, requester="before@customer.example")
    assert response.status_code == 422
    assert f"The requester is {CUSTOMER} by now" in response.text
    assert ">Please restart it.</textarea>" in response.text
