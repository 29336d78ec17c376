"""How a member of the team chooses what he is told: kinds and ways, muted accounts and tickets, a summary."""

import re

import pytest

from helpdesk.database import db
from helpdesk.models import Ticket, User
from helpdesk.policy.audience_table import Channel, Kind
from helpdesk.policy.digest import Every, Rhythm
from helpdesk.services import following, inbox, muting, preferences
from tests import factories
from tests.web.conftest import browser, send


@pytest.fixture
def nora(app, desk):
    return browser(app, desk["agent"])


def the_agent(desk):
    return db.session.get(User, desk["agent"])


def number_of(app, desk):
    with app.app_context():
        return db.session.get(Ticket, desk["ticket"]).number


def test_each_kind_is_chosen_for_mail_and_for_the_page_by_itself(app, desk, nora):
    page = nora.get("/profile").text
    ticked = set(re.findall(r'name="([a-z_-]+)" value="y"[^>]* checked', page))
    assert {"mention", "page-mention", "followed", "page-mail_held", "status_changed"} <= ticked
    assert 'name="mail_held"' not in page, "held mail is never mailed"
    assert "page-status_changed" not in ticked and 'name="page-status_changed"' in page
    saved = send(
        nora,
        "/profile/notifications",
        "/profile",
        mention="y",
        **{"page-status_changed": "y", "page-note": "y"},
    )
    assert saved.location == "/profile#mails"
    with app.app_context():
        for channel, expected in ((Channel.MAIL, {Kind.MENTION}), (Channel.INBOX, {Kind.STATUS})):
            wanted = preferences.wanted(the_agent(desk), channel)
            assert {kind for kind, is_on in wanted.items() if is_on} == expected


def test_an_account_is_muted_and_only_one_of_his_own(app, desk, nora):
    with app.app_context():
        foreign = factories.make_account("sales@desk.example").id
        own = db.session.get(Ticket, desk["ticket"]).account_id
    send(nora, "/profile/notifications", "/profile", mute=[str(own), str(foreign), "x"])
    assert re.search(rf'id="mute-{own}"[^>]* checked', nora.get("/profile").text)
    with app.app_context():
        assert muting.muted_accounts(the_agent(desk)) == {own}
    send(nora, "/profile/notifications", "/profile", mention="y")
    with app.app_context():
        assert muting.muted_accounts(the_agent(desk)) == set()


def test_a_summary_is_chosen_and_a_wrong_hour_keeps_the_rest(app, desk, nora):
    values = {"every": "weekly", "hour": "17", "weekday": "4"}
    assert send(nora, "/profile/digest", "/profile", **values).location == "/profile#digest"
    with app.app_context():
        agent = the_agent(desk)
        assert preferences.rhythm_of(agent) == Rhythm(Every.WEEKLY, 17, 4)
        assert not agent.digest_spares_urgent
    wrong = send(nora, "/profile/digest", "/profile", **values | {"hour": "25", "weekday": "2"})
    assert wrong.status_code == 422
    assert '<option selected value="2">Wednesday</option>' in wrong.text
    assert "Freitag" not in wrong.text


def test_a_ticket_is_muted_or_followed_but_not_both(app, desk, nora):
    path = f"/tickets/{number_of(app, desk)}"
    send(nora, f"{path}/follow", path)
    muted = nora.get(send(nora, f"{path}/mute", path).location).text
    assert "You are still told when it is assigned to you" in muted
    assert "Unmute this ticket" in muted
    with app.app_context():
        ticket = db.session.get(Ticket, desk["ticket"])
        assert inbox.unread_and_muted(the_agent(desk), ticket)[1]
        assert not following.follows(the_agent(desk), ticket)
    send(nora, f"{path}/follow", path)
    assert "Mute this ticket" in nora.get(path).text


def test_who_cannot_see_the_ticket_is_not_told_and_the_writer_learns_it(app, desk, nora):
    path = f"/tickets/{number_of(app, desk)}"
    with app.app_context():
        factories.make_agent("otto@desk.example", "Otto Fern")
    page = nora.get(path).text
    offered = re.search(r'data-mentions="([^"]*)"', page)[1]
    assert "Ada Lovelace" in offered and "Otto Fern" not in offered
    form_id = re.search(r'name="form_id" value="([^"]+)"', page)[1]
    sent = send(nora, f"{path}/answer", path, kind="note", body="@Otto Fern and @Ada, look", form_id=form_id)
    shown = nora.get(sent.location).text
    assert "Otto Fern was not told" in shown
    assert "Ada Lovelace was not told" not in shown
