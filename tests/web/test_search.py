"""The search field of the list: what it finds and shows, and what stays in the field."""

import re

import pytest

from helpdesk.database import db, transaction
from helpdesk.models import Ticket
from helpdesk.services import people
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.factories import ADMIN, AGENT, CUSTOMER
from tests.web.conftest import sign_in


@pytest.fixture
def agent(client, team):
    sign_in(client, AGENT)
    return client


def numbers(page):
    return re.findall(r'data-ticket-row="TKT-\d+-(\d+)"', page.text)


def test_words_are_found_marked_and_kept_in_the_field(agent, team):
    page = agent.get("/tickets?q=PRINTER")
    assert numbers(page) == [f"{team['ticket']:05d}"]
    assert "<mark>Printer</mark> shows error 49" in page.text
    assert 'value="PRINTER"' in page.text
    assert f'href="/tickets/{team["ticket"]}?q=PRINTER"' in page.text


def test_a_search_looks_at_closed_tickets_too(app, client, team):
    with app.app_context(), transaction() as session:
        session.query(Ticket).filter_by(number=team["ticket"]).one().status = "closed"
    sign_in(client, AGENT)
    assert numbers(client.get("/tickets?q=printer&view=mine"))
    assert numbers(client.get("/tickets?q=printer&status=closed"))
    assert not numbers(client.get("/tickets?q=printer&status=open"))
    assert not numbers(client.get("/tickets"))[1:]


@pytest.mark.parametrize(
    "typed", ["<script>alert(1)</script>", '"><b>', "{{ 7*7 }}", "%", "'", "a" * 5000, "zebra"]
)
def test_nothing_found_says_so_and_what_is_typed_is_only_text(agent, typed):
    page = agent.get("/tickets", query_string={"q": typed})
    assert page.status_code == 200
    assert "Nothing found for" in page.text
    assert "<script>alert" not in page.text
    assert '"><b>' not in page.text


def test_hits_are_escaped(app, client, team):
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=team["ticket"]).one()
        with transaction():
            ticket.subject = "<b>okapi</b> & co"
            comments.add_note(ticket, Words("<i>okapi</i>"), actor=people.find_user(AGENT))
    sign_in(client, AGENT)
    page = client.get("/tickets?q=okapi").text
    assert "&lt;b&gt;<mark>okapi</mark>&lt;/b&gt; &amp; co" in page
    assert "&lt;i&gt;<mark>okapi</mark>&lt;/i&gt;" in page


def test_a_number_typed_shows_the_ticket_on_top(agent, team):
    for typed in (f"#{team['ticket']}", f"TKT-2026-{team['ticket']:05d}", str(team["ticket"])):
        assert numbers(agent.get("/tickets", query_string={"q": typed}))[0] == f"{team['ticket']:05d}"


def test_orders_and_their_pages(app, client, team):
    with app.app_context():
        account = factories.make_account("more@desk.example")
        for n in range(55):
            factories.make_ticket(account, subject=f"Zebra {n}")
    sign_in(client, ADMIN)
    for sort in ("newest", "oldest", "waiting", "priority", "due", "created", "nonsense"):
        first = client.get(f"/tickets?q=zebra&sort={sort}")
        onward = re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&")
        second = client.get(onward)
        assert len(numbers(first)) == 50, sort
        assert len(set(numbers(first) + numbers(second))) == 55, sort
    assert "Waiting longest" in client.get("/tickets").text


def test_customers_have_no_search(app, client, team):
    sign_in(client, CUSTOMER)
    assert client.get("/tickets?q=printer").status_code in (302, 303, 403)
