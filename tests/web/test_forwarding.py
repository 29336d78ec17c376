"""Forwarding on a page of its own: to whom, what, which files; shown to the team alone."""

import re
from urllib.parse import urlsplit

from helpdesk.database import db, transaction
from helpdesk.models import Comment, EmailMessage, ScheduledReply, User
from helpdesk.models.people import Grant
from helpdesk.services import people, scheduled_delivery
from tests.factories import SUPPORT
from tests.web.conftest import browser, send
from tests.web.test_writing import agent, last_comment, let_time_pass, look, url, write  # noqa: F401

EXPERT = "expert@maker.example"
KEY = "a-form-key-of-forwarding"


def forward(client, team, comment_id, **fields):
    fields = {"to": EXPERT, "body": "Can you help?", "what": "one", "form_id": KEY} | fields
    return send(client, url(team, f"/comments/{comment_id}/forward"), **fields)


def of_ticket(app, team):
    with app.app_context():
        rows = db.session.query(Comment).order_by(Comment.id)
        return next(c.id for c in rows if c.ticket.number == team["ticket"])


def test_a_message_is_forwarded_and_only_the_team_sees_it(app, agent, team):  # noqa: F811
    first = of_ticket(app, team)
    assert f"/comments/{first}/forward" in agent.get(url(team)).text
    page = agent.get(url(team, f"/comments/{first}/forward")).text
    for words in ("It does not print.", "The customer does not see this", "never forwarded"):
        assert words in page
    assert forward(agent, team, first, what="all", bcc="boss@elsewhere.example").status_code == 303
    assert "Being forwarded" in agent.get(url(team)).text
    let_time_pass(app)
    page = agent.get(url(team)).text
    for words in (
        "Forwarded, only agents see this",
        "Can you help?",
        f"to {EXPERT}",
        "Show what was forwarded",
    ):
        assert words in page
    jonas = browser(app, team["customer"])
    customer = jonas.get(f"/my/tickets/{team['ticket']}").text + jonas.get("/my/tickets").text
    for words in ("Can you help?", EXPERT, "Forwarded"):
        assert words not in customer
    (mail,) = [m for m in look(app, EmailMessage) if m.purpose == "forward"]
    assert mail.addressed == [EXPERT, "boss@elsewhere.example"]


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(app, agent, team):  # noqa: F811
    first = of_ticket(app, team)
    for wrong, why in (({"to": "nobody"}, "is not an e-mail address"), ({"to": SUPPORT}, "address of this desk"),
                       ({"to": ""}, "Please say whom"), ({"attachment": "999"}, "no such file"), ({"form_id": ""}, "incomplete")):  # fmt: skip
        response = forward(agent, team, first, cc="also@elsewhere.example", **wrong)
        assert response.status_code in (404, 422)
        assert why in response.text
        assert ">Can you help?</textarea>" in response.text
        assert 'value="also@elsewhere.example"' in response.text
    assert look(app, ScheduledReply) == []


def test_undo_leads_back_to_the_page_with_everything_on_it(app, agent, team):  # noqa: F811
    first = of_ticket(app, team)
    forward(agent, team, first, cc="also@elsewhere.example")
    (reply,) = look(app, ScheduledReply)
    location = send(agent, url(team, f"/replies/{reply.id}/undo")).location
    page = agent.get(location).text
    assert ">Can you help?</textarea>" in page
    assert f'value="{EXPERT}"' in page
    assert re.search(r'name="again" value="(\d+)"', page)[1] == str(reply.id)
    assert "Can you help?" not in agent.get(url(team)).text  # nor in the editor of answers
    colleague = browser(app, team["admin"]).get(location).text
    assert "Can you help?" not in colleague
    assert (
        forward(agent, team, first, again=str(reply.id), form_id="another-key-of-forwarding").status_code
        == 303
    )


def test_one_that_was_stopped_is_shown_to_its_author_until_he_lets_it_go(app, agent, team):  # noqa: F811
    forward(agent, team, of_ticket(app, team))
    with app.app_context():
        with transaction():
            grants = db.session.query(Grant).filter_by(user_id=team["agent"]).all()
            for grant in grants:
                db.session.delete(grant)
        let_time_pass(app)
        scheduled_delivery.deliver_due()
        with transaction():
            people.set_grants(db.session.get(User, team["agent"]), [team["account"]], actor=None)
    page = agent.get(url(team)).text
    assert "Your forward was not sent" in page
    (reply,) = look(app, ScheduledReply)
    assert "Your forward was not sent" not in browser(app, team["admin"]).get(url(team)).text
    assert (
        ">Can you help?</textarea>"
        in agent.get(re.search(r'href="([^"]+again=\d+)"', page)[1].replace("&amp;", "&")).text
    )
    assert urlsplit(send(agent, url(team, f"/replies/{reply.id}/drop")).location).path == url(team)
    assert "Your forward was not sent" not in agent.get(url(team)).text


def test_a_note_and_another_tickets_message_cannot_be_forwarded(app, agent, team):  # noqa: F811
    write(agent, team, body="To us", kind="note")
    note = last_comment(app)
    for number, comment_id in ((team["ticket"], note), (team["other_ticket"], of_ticket(app, team))):
        path = f"/tickets/{number}/comments/{comment_id}/forward"
        assert agent.get(path).status_code == send(agent, path, to=EXPERT, form_id=KEY).status_code == 404
