"""The ticket list: what it shows, to whom, page by page; and the numbers beside it."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import User
from helpdesk.policy.status import Priority, Status
from helpdesk.services import queries
from helpdesk.services.queries import TicketFilter
from helpdesk.services.sorting import PageKey, Sort
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories


@pytest.fixture
def desk(context):
    support, billing = factories.make_account(), factories.make_account("billing@desk.example")
    agent = factories.make_agent(accounts=[support])
    tickets = [factories.make_ticket(support, subject=f"Support {n}") for n in range(7)]
    tickets += [
        factories.make_ticket(billing, factories.OTHER_CUSTOMER, subject=f"Billing {n}") for n in range(3)
    ]
    return agent, support, billing, tickets


def subjects(page):
    return [row.ticket.subject for row in page.rows]


def test_pages_follow_each_other_without_gap_or_repeat(desk):
    agent, *_ = desk
    seen, key = [], None
    while True:
        page = queries.list_tickets(agent, TicketFilter(), after=key, limit=3)
        seen += subjects(page)
        if page.next_key is None:
            break
        key = PageKey.parse(str(page.next_key))
        assert key == page.next_key
    assert seen == [f"Support {n}" for n in reversed(range(7))]


@pytest.mark.parametrize(
    "text", ["", "x", "1-", "-1", "1-2-3-4", "1-2-10", "9" * 40 + "-1", "1-" + "9" * 20, "²-1"]
)
def test_a_strange_page_key_is_the_first_page(text):
    assert PageKey.parse(text) is None


def test_everybody_sees_his_own_list(desk):
    agent, _support, _billing, tickets = desk
    assert len(queries.list_tickets(agent, TicketFilter()).rows) == 7
    assert len(queries.list_tickets(factories.make_admin(), TicketFilter()).rows) == 10
    assert len(queries.list_tickets(tickets[-1].requester, TicketFilter()).rows) == 3
    assert queries.list_tickets(factories.make_agent(factories.OTHER_AGENT), TicketFilter()).rows == []


def test_filters_narrow_the_list(desk):
    agent, _support, _billing, tickets = desk
    with transaction():
        changing.assign(tickets[0], agent, actor=agent)
        changing.set_priority(tickets[1], Priority.URGENT, actor=agent)
        changing.set_status(tickets[2], Status.CLOSED, actor=agent)
    shown = lambda **kw: subjects(queries.list_tickets(agent, TicketFilter(**kw)))  # noqa: E731
    assert shown(assignee=agent.id) == ["Support 0"]
    assert len(shown(assignee=0)) == 5
    assert shown(priority=Priority.URGENT) == ["Support 1"]
    assert shown(statuses=(Status.CLOSED,)) == ["Support 2"]
    assert len(shown(statuses=())) == 7


def test_a_row_tells_who_spoke_last_and_hides_notes_from_customers(desk):
    agent, _support, _billing, tickets = desk
    with transaction():
        comments.add_reply(tickets[0], Words("We are\n on it."), actor=agent)
        comments.add_note(tickets[1], Words("Secret."), actor=agent)
    rows = {r.ticket.subject: r for r in queries.list_tickets(agent, TicketFilter()).rows}
    assert (rows["Support 0"].preview, rows["Support 0"].is_answered) == ("We are on it.", True)
    assert (rows["Support 1"].preview, rows["Support 1"].comment_count) == ("Secret.", 2)
    theirs = {r.ticket.subject: r for r in queries.list_tickets(tickets[0].requester, TicketFilter()).rows}
    assert (theirs["Support 1"].preview, theirs["Support 1"].comment_count) == ("It does not print.", 1)


def test_counts_count_what_the_list_shows(desk):
    agent, support, billing, tickets = desk
    with transaction():
        changing.assign(tickets[0], agent, actor=agent)
        changing.set_status(tickets[1], Status.RESOLVED, actor=agent)
    counted = queries.counts(agent)
    assert (counted.all, counted.unassigned, counted.mine) == (6, 5, 1)
    assert counted.by_account == {support.id: 6}
    assert queries.counts(factories.make_admin()).by_account == {support.id: 6, billing.id: 3}


def test_one_index_answers_the_counts_for_agents_and_admins(desk):
    plans, said = [], []
    listener = lambda *args: said.append(args[2:4])  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listener)
    for viewer in (desk[0], factories.make_admin()):
        queries.counts(viewer)
        plans.append(next((s, p) for s, p in reversed(said) if "count(*)" in s))
    event.remove(db.engine, "before_cursor_execute", listener)
    if db.engine.dialect.name == "postgresql":
        return  # chooses by the size of the table, and this one is small
    for statement, parameters in plans:
        rows = db.session.connection().exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters).all()
        assert "COVERING INDEX" in rows[0][3]


def test_the_list_needs_the_same_few_statements_however_long_it_is(desk):
    agent, *_ = desk
    agent_id, counted = agent.id, []

    def count(limit):
        db.session.expunge_all()
        viewer = db.session.get(User, agent_id)
        _ = viewer.grants
        statements = []
        listener = lambda *args: statements.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)
        page = queries.list_tickets(viewer, TicketFilter(), limit=limit)
        for row in page.rows:
            _ = row.ticket.requester, row.ticket.assignee, row.tags
        event.remove(db.engine, "before_cursor_execute", listener)
        counted.append(len(statements))

    count(1)
    count(7)
    assert counted[0] == counted[1]
    assert counted[1] <= 4


@pytest.fixture
def mixed(desk):
    """Seven tickets that differ in everything a list can be ordered by, with ties and gaps."""
    agent, _support, _billing, tickets = desk
    start = utcnow() - timedelta(days=10)
    with transaction():
        for n, ticket in enumerate(tickets[:7]):
            ticket.last_activity_at = start + timedelta(hours=n % 4)
            ticket.waiting_since = None if n % 3 == 0 else start + timedelta(hours=-n)
            ticket.due_at = start + timedelta(days=n % 2) if n > 3 else None
            ticket.priority = list(Priority)[n % 4]
            ticket.created_at = start + timedelta(minutes=n // 2)
    return agent


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.NEWEST, "3 6 2 5 1 4 0"),
        (Sort.OLDEST, "0 4 1 5 2 6 3"),
        (Sort.WAITING, "5 4 2 1 3 6 0"),
        (Sort.PRIORITY, "3 6 2 5 1 4 0"),
        (Sort.DUE, "4 6 5 3 2 1 0"),
        (Sort.CREATED, "6 5 4 3 2 1 0"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_every_order_is_kept_across_its_pages(mixed, sort, order, limit):
    seen, key = [], None
    while True:
        page = queries.list_tickets(mixed, TicketFilter(), sort=sort, after=key, limit=limit)
        seen += [row.ticket.subject.split()[-1] for row in page.rows]
        if page.next_key is None:
            break
        key = PageKey.parse(str(page.next_key))
        assert key == page.next_key
    assert " ".join(seen) == order


def test_the_key_of_another_order_begins_again(mixed):
    key = PageKey(utcnow(), 3, phase=3)
    assert len(queries.list_tickets(mixed, TicketFilter(), sort=Sort.NEWEST, after=key).rows) == 7
