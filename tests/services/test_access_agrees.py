"""The queries of `services/access.py` and the table of `policy/permissions.py` decide alike, for everybody."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import NotFound
from helpdesk.models import Comment, Participant, Ticket, User
from helpdesk.policy import permissions
from helpdesk.policy.permissions import Action, CommentFacts, TicketFacts, Viewer
from helpdesk.policy.status import CommentKind, Disposition
from helpdesk.services import access, people
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories


@pytest.fixture
def desk(context):
    """Two accounts, people of every kind, and tickets in every state with every kind of comment."""
    support, billing = factories.make_account(), factories.make_account("billing@desk.example")
    factories.make_admin()
    agent = factories.make_agent(accounts=[support])
    factories.make_agent(factories.OTHER_AGENT)
    for number, disposition in enumerate(Disposition):
        account = support if number % 2 else billing
        fill(factories.make_ticket(account), agent, disposition)
    own = factories.make_ticket(billing, factories.OTHER_AGENT, subject="An agent asks for himself")
    fill(own, agent, Disposition.NORMAL)
    with transaction():
        gone = people.create_user("gone@customer.example", agent.role.CUSTOMER)
        gone.is_active = False
        join(own, "gone@customer.example", None)


def fill(ticket, agent, disposition):
    with transaction():
        comments.write(ticket, CommentKind.REPLY, Words("An answer"), author=agent)
        comments.write(ticket, CommentKind.NOTE, Words("A note"), author=agent)
        comments.write(ticket, CommentKind.FORWARD, Words("A forward"), author=agent)
        address = people.address_for(factories.STRANGER)
        held = Words("A stranger's words", is_released=False)
        comments.write(ticket, CommentKind.INCOMING, held, author=None, address=address)
        ticket.disposition = disposition
        join(ticket, "late@customer.example", utcnow() + timedelta(hours=1))
        join(ticket, factories.OTHER_CUSTOMER, utcnow() - timedelta(hours=1))


def join(ticket, email, since):
    row = Participant(ticket_id=ticket.id, role="cc", since=since, created_at=utcnow())
    row.address_id = people.address_for(email).id
    db.session.add(row)


def as_viewer(user):
    return Viewer(
        user.id,
        user.role,
        frozenset(grant.account_id for grant in user.grants),
        frozenset(address.id for address in user.addresses),
        user.is_active,
    )


def as_facts(ticket):
    since = {row.address_id: row.since for row in ticket.participants}
    return TicketFacts(ticket.account_id, since, ticket.disposition)


def shown(user, ticket):
    try:
        return set(access.visible_comments(access.get_ticket(user, ticket.id), user))
    except NotFound:
        return None


def test_queries_and_table_decide_alike(desk):
    users = db.session.scalars(select(User)).all()
    tickets = db.session.scalars(select(Ticket)).all()
    seen = set()
    for user in users:
        for ticket in tickets:
            viewer, facts = as_viewer(user), as_facts(ticket)
            expected = None
            if permissions.can_see_ticket(viewer, facts):
                expected = {
                    comment
                    for comment in db.session.scalars(select(Comment).where(Comment.ticket_id == ticket.id))
                    if permissions.can_see_comment(
                        viewer, facts, CommentFacts(comment.kind, comment.created_at, comment.is_released)
                    )
                }
            found = shown(user, ticket)
            assert found == expected, (user.email, ticket.subject, ticket.disposition)
            assert changing.may_be_assigned(ticket, user) == permissions.may(
                viewer, Action.BE_ASSIGNED, facts
            )
            seen.add(None if found is None else len(found))
    assert seen >= {None, 0, 2, 5}  # nothing, joined too late, the public part, everything
