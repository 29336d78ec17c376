"""Whom somebody is offered while he types an address: nobody he may not know."""

import time

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import User, UserAddress
from helpdesk.policy.status import Role
from helpdesk.services import address_book, participants, people
from helpdesk.services.tickets import setting_aside
from tests import factories


def offered(user, typed):
    return [one.email for one in address_book.suggest(user, typed)]


@pytest.fixture
def jonas(ticket):
    with transaction():
        ticket.requester.name = "Jonas Östberg"
    return ticket.requester


@pytest.mark.parametrize(
    "typed",
    ["jo", "JONAS", "jonas@cust", "Östb", "östb", "jonas ös", "  Jonas  Öst ", "jonas@customer.example"],
)
def test_by_the_beginning_of_the_address_of_the_name_and_of_its_parts(jonas, agent, typed):
    assert offered(agent, typed) == [factories.CUSTOMER]


@pytest.mark.parametrize(
    "typed", ["", "j", "onas", "customer.example", "%", "__", "j%", "jonas\\", "x" * 5000]
)
def test_nobody_for_less_and_for_what_is_no_beginning(jonas, agent, typed):
    assert offered(agent, typed) == []


def test_the_team_and_whom_he_shares_a_ticket_with_and_nobody_else(account, jonas, agent):
    foreign = factories.make_account("sales@desk.example")
    colleague = factories.make_agent("jolanda@desk.example", "Jolanda Meyer", accounts=[foreign])
    factories.make_ticket(foreign, "joseph@foreign.example")
    factories.make_customer("joan@nowhere.example", "Joan")  # known to the desk, on no ticket
    assert offered(agent, "jo") == ["jolanda@desk.example", factories.CUSTOMER]
    assert offered(colleague, "jo") == ["jolanda@desk.example", "joseph@foreign.example"]
    assert set(offered(factories.make_admin(), "jo")) == {
        "jolanda@desk.example", factories.CUSTOMER, "joseph@foreign.example",
    }  # fmt: skip
    assert offered(jonas, "jo") == []


def test_no_spammer_no_stand_in_nobody_inactive_and_no_address_of_the_desk(account, jonas, ticket, agent):
    spam = factories.make_ticket(account, "joker@spam.example")
    former = factories.make_agent("johanna@desk.example", "Johanna", accounts=[account])
    with transaction():
        setting_aside.mark_spam(spam, actor=agent)
        participants.add(ticket, "jog@sender.invalid", actor=agent)
        former.is_active = False
    assert offered(agent, "jo") == [factories.CUSTOMER]
    with transaction():
        db.session.get(User, jonas.id).is_active = False
    assert offered(agent, "jo") == []
    assert factories.SUPPORT not in offered(agent, "supp")


def test_at_most_eight_and_soon_among_twenty_thousand(account, ticket, agent):
    for number in range(12):
        factories.make_ticket(account, f"anna{number:02}@many.example")
    now = utcnow()
    with transaction() as session:
        rows = [{"name": f"Person {n}", "role": Role.CUSTOMER, "created_at": now} for n in range(20_000)]
        session.execute(User.__table__.insert(), rows)
        ids = session.query(User.id).filter(User.name.like("Person %")).all()
        addresses = [
            {"user_id": id_, "address": f"p{id_}@x.example", "email": f"p{id_}@x.example", "created_at": now}
            for (id_,) in ids
        ]
        session.execute(UserAddress.__table__.insert(), addresses)
    begun = time.monotonic()
    assert len(offered(agent, "an")) == 8
    assert offered(agent, "person 199") == []
    assert time.monotonic() - begun < 10  # a tenth of a second here
    assert people.find_address("anna00@many.example") is not None
