"""Many tickets changed at once: each by itself, what was refused is said, and it can be taken back."""

import html
import re

import pytest

from helpdesk.database import db, transaction
from helpdesk.models import Ticket
from helpdesk.policy.status import Status
from helpdesk.services import accounts
from helpdesk.services.tickets import changing
from tests import factories
from tests.factories import AGENT
from tests.web.conftest import browser, send, sign_in


@pytest.fixture
def desk(app, client, team):
    """Three tickets the agent may change and one of a foreign account."""
    with app.app_context():
        foreign = factories.make_ticket(factories.make_account("billing@desk.example"), subject="Foreign")
        third = factories.make_ticket(accounts.get(team["account"]), subject="Third")
        found = team | {
            "own": [team["ticket"], team["other_ticket"], third.number],
            "foreign": foreign.number,
        }
    sign_in(client, AGENT)
    return found


def change(client, numbers, _path="/tickets/bulk?view=all&status=any", **fields):
    return send(client, _path, ticket=[str(n) for n in numbers], **fields)


def tickets(app):
    with app.app_context():
        rows = db.session.query(Ticket).order_by(Ticket.number)
        return {
            t.number: (t.status.value, t.assignee_id, t.priority.value, [tag.name for tag in t.tags])
            for t in rows
        }


def said(page):
    return html.unescape(re.search(r"data-flash>.*?<p>(.*?)</p>", page.text, re.S)[1])


def test_many_tickets_get_everything_at_once(app, client, desk):
    response = change(
        client, desk["own"], assignee=str(desk["agent"]), status="in_progress", priority="high", tag="Move"
    )
    assert response.location.endswith("/tickets?view=all&status=any")
    assert said(client.get("/tickets")) == "3 tickets changed"
    wanted = ("in_progress", desk["agent"], "high", ["Move"])
    assert [tickets(app)[n] for n in desk["own"]] == [wanted] * 3


def test_what_is_refused_is_said_and_stops_nothing(app, client, desk):
    change(client, [*desk["own"][:2], desk["foreign"], 999_999], status="closed")
    assert said(client.get("/tickets")) == "2 tickets changed, 2 not: There is no such ticket."
    assert tickets(app)[desk["foreign"]][0] == "new"


def test_an_assignee_without_access_is_refused_for_each(app, client, desk):
    change(client, desk["own"][:1], assignee=str(desk["other_agent"]), status="closed")
    assert said(client.get("/tickets")).startswith("0 tickets changed, 1 not: Tom Hale has no access")
    assert tickets(app)[desk["own"][0]][:2] == ("new", None)


@pytest.mark.parametrize(
    ("numbers", "fields"),
    [
        ([], {"status": "open"}),
        (["x", "-1", "9" * 30], {"status": "open"}),
        ([1], {}),
        ([1], {"status": "banana"}),
        ([1], {"priority": "x"}),
        ([1], {"assignee": "me"}),
        ([1], {"assignee": "999999"}),
        ([1], {"tag": "x" * 60}),
        (list(range(1, 200)), {"status": "closed"}),
    ],
)
def test_a_form_that_cannot_be_ours_changes_nothing(app, client, desk, numbers, fields):
    before = tickets(app)
    assert change(client, numbers, **fields).status_code == 303
    assert "data-flash" in client.get("/tickets").text
    assert tickets(app) == before


def undo_of(client):
    page = client.get("/tickets").text
    return html.unescape(re.search(r'name="undo" value="([^"]+)"', page)[1])


def test_it_can_be_taken_back(app, client, desk):
    before = tickets(app)
    change(client, desk["own"], assignee=str(desk["agent"]), status="closed", priority="urgent", tag="Move")
    token = undo_of(client)
    send(client, "/tickets/bulk/undo", undo=token)
    assert said(client.get("/tickets")) == "3 tickets changed"
    assert tickets(app) == before
    with app.app_context():
        assert all(t.waiting_since for t in db.session.query(Ticket).filter(Ticket.number.in_(desk["own"])))
    send(client, "/tickets/bulk/undo", undo=token)
    assert "3 not: It was changed again since." in said(client.get("/tickets"))


def test_what_a_colleague_changed_since_stays(app, client, desk):
    change(client, desk["own"], status="pending")
    token = undo_of(client)
    with app.app_context(), transaction() as session:
        ticket = session.query(Ticket).filter_by(number=desk["own"][0]).one()
        changing.set_status(ticket, Status.RESOLVED, actor=None)
    send(client, "/tickets/bulk/undo", undo=token)
    assert "2 tickets changed, 1 not" in said(client.get("/tickets"))
    assert [tickets(app)[n][0] for n in desk["own"]] == ["resolved", "new", "new"]


def test_only_who_did_it_takes_it_back(app, client, desk):
    change(client, desk["own"], status="pending")
    token = undo_of(client)
    for stranger in (browser(app, desk["admin"]), browser(app, desk["other_agent"])):
        send(stranger, "/tickets/bulk/undo", undo=token)
        assert "no longer be undone" in stranger.get("/tickets").text
    for forged in ("", "x", token[:-4] + "abcd", token.replace(".", "")):
        send(client, "/tickets/bulk/undo", undo=forged)
        assert "no longer be undone" in client.get("/tickets").text
    assert {tickets(app)[n][0] for n in desk["own"]} == {"pending"}


def test_a_whole_page_still_fits_into_the_cookie(app, client, desk):
    with app.app_context():
        account = accounts.get(desk["account"])
        numbers = [factories.make_ticket(account, subject=f"Many {n}").number for n in range(50)]
    change(client, numbers, assignee=str(desk["agent"]), status="closed")
    send(client, "/tickets/bulk/undo", undo=undo_of(client))
    assert said(client.get("/tickets")) == "50 tickets changed"


def test_rows_can_be_ticked_on_the_list_only(client, desk):
    assert 'name="ticket" form="bulk"' in client.get("/tickets").text
    assert 'form="bulk"' not in client.get(f"/tickets/{desk['ticket']}").text
