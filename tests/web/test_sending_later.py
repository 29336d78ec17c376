"""Sending later by plain forms: chosen beside Send, shown on the ticket, changed, sent now, taken back."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import ScheduledReply, User
from tests.web.conftest import browser, send
from tests.web.test_writing import agent, look, url, write  # noqa: F401


def waiting(app):
    (reply,) = look(app, ScheduledReply)
    return reply


def live_in(app, team, zone):
    with app.app_context(), transaction():
        db.session.get(User, team["agent"]).timezone = zone


def test_what_the_menu_offers_is_what_is_kept_and_shown(app, agent, team):  # noqa: F811
    live_in(app, team, "Asia/Tokyo")
    page = agent.get(url(team)).text
    tomorrow = re.search(r'name="when" value="([^"]+)" data-offer="tomorrow"', page)[1]
    assert tomorrow.endswith("T09:00:00+09:00")
    write(agent, team, when=tomorrow, then="resolved")
    reply = waiting(app)
    assert (reply.due_at, reply.waits_for_silence) == (datetime.fromisoformat(tomorrow), True)
    page = agent.get(url(team)).text
    assert "Will be sent on" in page
    assert "09:00" in page
    assert "Being sent" not in page
    assert "Your answer to" not in agent.get("/tickets").text
    colleague = browser(app, team["admin"]).get(url(team)).text
    assert "Will be sent on" in colleague
    assert "Back into the editor" not in colleague
    assert "Please restart" not in browser(app, team["customer"]).get(f"/my/tickets/{team['ticket']}").text


def test_a_day_and_time_of_ones_own_in_ones_own_zone(app, agent, team):  # noqa: F811
    live_in(app, team, "America/Lima")
    day = (utcnow() + timedelta(days=20)).date()
    write(agent, team, when="own", when_day=day.isoformat(), when_time="13:30")
    assert waiting(app).due_at == datetime(day.year, day.month, day.day, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"when": "own", "when_day": "2020-01-01", "when_time": "09:00"},
        {"when": "own", "when_day": "", "when_time": "09:00"},
        {"when": "2020-01-01T09:00:00+00:00"},
        {"when": "2030-01-01T09:00:00"},
        {"when": "whenever"},
    ],
)
def test_a_time_that_is_none_sends_nothing_and_keeps_all_that_was_typed(app, agent, team, fields):  # noqa: F811
    response = write(agent, team, **fields)
    assert response.status_code == 422
    assert ">Please restart it.</textarea>" in response.text
    assert 'value="own" data-offer="own" checked' in response.text  # never "now" behind the writer's back
    assert look(app, ScheduledReply) == []


def test_it_is_put_off_sent_now_and_taken_back(app, agent, team):  # noqa: F811
    write(agent, team, when="soon")
    reply = waiting(app)
    path = url(team, f"/replies/{reply.id}")
    day = (utcnow() + timedelta(days=9)).date().isoformat()
    page = send(agent, f"{path}/time", when="own", when_day=day, when_time="07:15")
    assert "It will be sent on" in agent.get(page.location).text
    assert waiting(app).due_at > utcnow() + timedelta(days=8)
    page = send(agent, f"{path}/time", when="own", when_day="2020-01-01", when_time="07:15")
    assert "has passed already" in agent.get(page.location).text
    send(agent, f"{path}/now")
    assert "Being sent" in agent.get(url(team)).text
    page = send(agent, f"{path}/time", when="own", when_day=day, when_time="07:15")
    assert "does not wait any more" in agent.get(page.location).text
    send(agent, f"{path}/undo")
    assert ">Please restart it.</textarea>" in agent.get(url(team)).text


def test_that_the_customer_wrote_first_is_said_on_the_ticket_and_to_its_author(app, agent, team):  # noqa: F811
    write(agent, team, when="soon")
    customer = browser(app, team["customer"])
    page = f"/my/tickets/{team['ticket']}"
    send(customer, f"{page}/answer", body="It works by now", form_id="form-of-the-customer")
    text = agent.get(url(team)).text
    assert "An answer by Nora Keller was not sent; it is a draft again. The customer wrote first." in text
    assert ">Please restart it.</textarea>" in text
    assert "Your answer was not sent; it is a draft again" in agent.get("/notifications").text
