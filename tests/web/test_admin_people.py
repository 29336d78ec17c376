"""People: found, invited, given addresses, signed out; and when somebody leaves, nothing of his is left lying."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import LoginToken, ScheduledReply, Ticket, User, UserAddress
from helpdesk.models.composing import ReplyState
from helpdesk.policy.status import Role, Status
from helpdesk.services import accounts, links, members, people
from helpdesk.services.links import Purpose
from tests import factories
from tests.factories import AGENT, CUSTOMER
from tests.web.conftest import browser, send


@pytest.fixture
def admin(app, desk):
    return browser(app, desk["admin"])


def load(app, model, key):
    with app.app_context():
        return db.session.get(model, key)


def test_people_are_found_by_words_role_and_state(app, desk, admin):
    with app.app_context():
        factories.make_agent("lena@desk.example", "Lena Wolf", password=None)
    shown = [({}, {"Nora", "Ada", "Lena"}, {"Jonas"}), ({"role": "customer"}, {"Jonas", "Maria"}, {"Nora"}),
             ({"q": "wolf"}, {"Lena"}, {"Nora Keller</a>"}), ({"q": "NORA@desk"}, {"Nora"}, {"Lena"}),
             ({"state": "invited"}, {"Lena"}, {"Nora Keller</a>"}), ({"state": "deactivated"}, {"Nobody like that"}, {"Lena"}),
             ({"role": "king", "state": "asleep", "before": "x"}, {"Nora"}, {"Jonas"})]  # fmt: skip
    for args, there, absent in shown:
        text = admin.get("/admin/people", query_string=args).text
        assert all(name in text for name in there), args
        assert not any(name in text for name in absent), args


def test_an_invitation_can_be_withdrawn(app, desk, admin):
    send(admin, "/admin/people", email="lena@desk.example", name="Lena", role="agent")
    with app.app_context():
        user_id = people.find_user("lena@desk.example").id
    assert "The link works until" in admin.get(f"/admin/people/{user_id}").text
    send(admin, f"/admin/people/{user_id}/withdraw")
    with app.app_context():
        assert db.session.get(User, user_id).is_active is False
        open_links = select(LoginToken).where(LoginToken.user_id == user_id, LoginToken.used_at.is_(None))
        assert db.session.scalars(open_links).all() == []
    response = send(admin, f"/admin/people/{desk['agent']}/withdraw")
    assert "no open invitation" in admin.get(response.location).text
    assert load(app, User, desk["agent"]).is_active is True


def test_an_invitation_runs_out(app, desk):
    with app.app_context():
        with transaction():
            token = links.issue(Purpose.INVITATION, db.session.get(User, desk["agent"]))
        with transaction():
            db.session.scalars(select(LoginToken)).one().expires_at = utcnow() - timedelta(seconds=1)
    assert app.test_client().get(f"/invitation/{token}").status_code == 404


def assign(app, desk, count, **values):
    with app.app_context():
        account = accounts.get(desk["account"])
        numbers = [factories.make_ticket(account, subject=f"Matter {i}").number for i in range(count)]
        with transaction():
            for ticket in db.session.scalars(select(Ticket).where(Ticket.number.in_(numbers))):
                ticket.assignee_id = desk["agent"]
                for name, value in values.items():
                    setattr(ticket, name, value)
        return numbers


def assignees(app, numbers):
    with app.app_context():
        rows = select(Ticket.assignee_id).where(Ticket.number.in_(numbers))
        return set(db.session.scalars(rows))


def test_open_tickets_go_to_the_one_who_was_chosen_and_done_ones_stay(app, desk, admin):
    numbers = assign(app, desk, 3)
    done = assign(app, desk, 1, status=Status.CLOSED)
    assert "3 open tickets are assigned" in admin.get(f"/admin/people/{desk['agent']}/deactivate").text
    response = send(admin, f"/admin/people/{desk['agent']}/deactivate", to=desk["admin"])
    assert "Ada Lovelace has 3 tickets more now." in admin.get(response.location).text
    assert assignees(app, numbers) == {desk["admin"]}
    assert assignees(app, done) == {desk["agent"]}
    assert load(app, User, desk["agent"]).is_active is False


def test_who_has_no_access_gets_none_and_the_page_says_so(app, desk, admin):
    numbers = assign(app, desk, 2)
    response = send(admin, f"/admin/people/{desk['agent']}/deactivate", to=desk["other_agent"])
    assert "2 tickets are assigned to nobody now." in admin.get(response.location).text
    assert assignees(app, numbers) == {None}


@pytest.mark.parametrize("to", ["", "0", "999999", "x", "self", "customer"])
def test_a_strange_heir_is_nobody(app, desk, admin, to):
    numbers = assign(app, desk, 1)
    send(
        admin,
        f"/admin/people/{desk['agent']}/deactivate",
        to={"self": desk["agent"], "customer": desk["customer"]}.get(to, to),
    )
    assert assignees(app, numbers) == {None}


def test_what_somebody_was_about_to_send_is_not_sent(app, desk, admin):
    with app.app_context(), transaction():
        reply = db.session.get(ScheduledReply, desk["reply"])
        reply.author_id = desk["agent"]
    send(admin, f"/admin/people/{desk['agent']}/deactivate")
    assert load(app, ScheduledReply, desk["reply"]).state is ReplyState.STOPPED


def test_nobody_deactivates_himself_nor_the_last_admin(app, desk, admin):
    numbers = assign(app, desk, 1)
    response = send(admin, f"/admin/people/{desk['admin']}/deactivate")
    assert "cannot deactivate yourself" in admin.get(response.location).text
    assert load(app, User, desk["admin"]).is_active is True
    assert assignees(app, numbers) == {desk["agent"]}


@pytest.mark.parametrize("email, words", [
    ("nobody", "not an e-mail address"), (AGENT, "already a person"), (factories.SUPPORT, "the desk itself"), ("", "not an e-mail address"),
])  # fmt: skip
def test_addresses_that_cannot_be_somebodys_are_refused(app, desk, admin, email, words):
    response = send(admin, f"/admin/people/{desk['customer']}/addresses", email=email)
    assert words in admin.get(response.location).text


def test_addresses_come_and_go_but_not_the_last_nor_one_in_use(app, desk, admin):
    page = f"/admin/people/{desk['customer']}/addresses"
    send(admin, page, email="Jonas@private.example")
    with app.app_context():
        added = people.find_address("jonas@PRIVATE.example")
        used = people.find_address(CUSTOMER)
        assert added.user_id == desk["customer"] and added.verified_at is None
        ids = added.id, used.id
    response = send(admin, f"{page}/{ids[1]}/remove")
    assert "Tickets are answered to this address" in admin.get(response.location).text
    send(admin, f"/admin/people/{desk['agent']}/addresses/{ids[0]}/remove")
    assert load(app, UserAddress, ids[0]) is not None  # another person's page
    send(admin, f"{page}/{ids[0]}/remove")
    assert load(app, UserAddress, ids[0]) is None
    response = send(admin, f"{page}/{ids[1]}/remove")
    assert "at least one address" in admin.get(response.location).text


def test_signing_out_everywhere_ends_every_session(app, desk, admin):
    agent = browser(app, desk["agent"])
    assert agent.get("/profile").status_code == 200
    assert "Browser" in admin.get(f"/admin/people/{desk['agent']}").text
    send(admin, f"/admin/people/{desk['agent']}/sign_out")
    assert agent.get("/profile").status_code == 303


def test_last_seen_is_told(app, desk, admin):
    assert load(app, User, desk["agent"]).last_seen_at is None
    browser(app, desk["agent"])
    assert load(app, User, desk["agent"]).last_seen_at is not None


def test_invitation_to_the_team_ends_with_the_place_in_it(app, team):
    with app.app_context(), transaction():
        admin, tom = db.session.get(User, team["admin"]), db.session.get(User, team["other_agent"])
        token = links.issue(Purpose.INVITATION, tom, tom.addresses[0])
        members.change(tom, role=Role.CUSTOMER, account_ids=(), actor=admin)
    assert app.test_client().get(f"/invitation/{token}").status_code == 404
