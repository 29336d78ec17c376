"""A customer's own page: name, language, addresses, a password or none, the browsers that are signed in."""

import re

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import User
from helpdesk.policy.audience import CUSTOMERS_KINDS, Kind
from helpdesk.services import links, preferences, settings
from helpdesk.services.links import Purpose
from helpdesk.web.auth.browsers import browser_name
from tests.factories import AGENT, CUSTOMER, PASSWORD
from tests.web.conftest import browser, send, sign_in
from tests.web.test_links import link_in, link_mails


@pytest.fixture
def jonas(app, team):
    return browser(app, team["customer"])


@pytest.fixture
def without_password(app, team):
    with app.app_context(), transaction():
        db.session.get(User, team["customer"]).password_hash = None


def stored(app, team):
    with app.app_context():
        user = db.session.get(User, team["customer"])
        return user.name, user.language, user.timezone


def test_it_works(app, team, jonas):
    response = send(jonas, "/profile", name="Jonas B.", language="de", timezone="Europe/Berlin", role="admin")
    assert response.status_code == 303
    assert stored(app, team) == ("Jonas B.", "de", "Europe/Berlin")
    with app.app_context():
        assert db.session.get(User, team["customer"]).role == "customer"
    text = jonas.get("/profile").text
    assert '<span class="select"><select class="input" id="timezone"' in text
    assert text.count('<option selected value="Europe/Berlin">Europe/Berlin</option>') == 1


def test_nothing_of_the_agents_stands_there(jonas):
    text = jonas.get("/profile").text
    assert "/admin" not in text and 'class="frame"' not in text and "sidebar" not in text


def test_bad_zone_keeps_the_name(app, team, jonas):
    response = send(jonas, "/profile", name="A new name", timezone="Mars/Olympus")
    assert response.status_code == 422 and "A new name" in response.text
    assert stored(app, team)[0] == "Jonas Berg"


def test_mails_are_switched_off_and_on_one_by_one(app, team, jonas):
    assert jonas.get("/profile").text.count(" checked") == len(CUSTOMERS_KINDS)
    send(jonas, "/profile/notifications", ticket_closed="y", ticket_created="y", internal_note="y")
    with app.app_context():
        wanted = preferences.wanted(db.session.get(User, team["customer"]))
    assert {kind for kind, is_on in wanted.items() if is_on} == {Kind.CLOSED, Kind.CREATED}
    text = jonas.get("/profile").text
    assert re.search(r'name="ticket_closed"[^>]* checked', text)
    assert re.search(r'name="status_changed"[^>]*value="y">', text)


def test_the_team_has_switches_of_its_own(app, team):
    nora = browser(app, team["agent"])
    assert 'name="internal_note"' in nora.get("/profile").text
    assert 'name="ticket_resolved"' not in nora.get("/profile").text
    send(nora, "/profile/notifications", ticket_overdue="y")
    with app.app_context():
        wanted = preferences.wanted(db.session.get(User, team["agent"]))
    assert [kind for kind, is_on in wanted.items() if is_on] == [Kind.OVERDUE]


def test_addresses_say_whether_they_are_confirmed(app, team, jonas):
    assert "Not confirmed yet" in jonas.get("/profile").text
    with app.app_context(), transaction():
        db.session.get(User, team["customer"]).addresses[0].verified_at = utcnow()
    text = jonas.get("/profile").text
    assert CUSTOMER in text and "Not confirmed yet" not in text


def test_password_is_changed_with_the_old_one_and_ends_other_sessions(app, team, jonas):
    elsewhere = browser(app, team["customer"])
    wrong = send(jonas, "/profile/password", current="not my password", password="a new long sentence")
    assert wrong.status_code == 422
    assert (
        send(jonas, "/profile/password", current=PASSWORD, password="a new long sentence").status_code == 303
    )
    assert elsewhere.get("/profile").status_code == 303
    assert jonas.get("/profile").status_code == 200
    assert sign_in(app.test_client(), CUSTOMER, "a new long sentence").location == "/my/tickets"


@pytest.mark.usefixtures("without_password")
def test_without_a_password_one_is_chosen_by_mail_only(app, team, jonas):
    assert 'name="current"' not in jonas.get("/profile").text
    for guess in ("", "nobody has this password", "x"):
        response = send(jonas, "/profile/password", current=guess, password="a new long sentence")
        assert response.status_code == 422
    assert "on its way to" in jonas.get(send(jonas, "/profile/password-link").location).text
    ((recipients, mail),) = link_mails(app)
    assert recipients == [CUSTOMER]
    path = link_in(mail)
    assert send(jonas, path, path, password="a new long sentence").location == "/my/tickets"
    assert 'name="current"' in jonas.get("/profile").text


def test_links_to_choose_a_password_are_few(app, team, jonas):
    for _ in range(4):
        page = jonas.get(send(jonas, "/profile/password-link").location)
    assert len(link_mails(app)) == 3
    assert "several links already" in page.text


def test_desk_that_wants_no_passwords_of_customers_takes_none(app, team, client, jonas):
    with app.app_context(), transaction():
        user = db.session.get(User, team["customer"])
        token = links.issue(Purpose.PASSWORD, user, user.addresses[0])
        settings.put("customer_passwords", False)
    assert 'id="password"' not in jonas.get("/profile").text
    assert sign_in(client, CUSTOMER).status_code == 422
    assert client.get(f"/password/{token}").status_code == 404
    send(client, "/password", "/password", email=CUSTOMER)
    send(jonas, "/profile/password-link")
    assert link_mails(app) == []
    changed = send(jonas, "/profile/password", current=PASSWORD, password="a new long sentence")
    assert changed.status_code == 422
    assert sign_in(client, AGENT).location == "/tickets"


def test_other_browsers_are_signed_out(app, team, jonas):
    elsewhere, of_another = browser(app, team["customer"]), browser(app, team["other_customer"])
    assert "Sign out everywhere else" in jonas.get("/profile").text
    send(jonas, "/profile/sessions/end-others")
    assert elsewhere.get("/my/tickets").status_code == 303
    assert (jonas.get("/my/tickets").status_code, of_another.get("/my/tickets").status_code) == (200, 200)


@pytest.mark.parametrize(
    "text, name",
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/17.5 Safari/605.1.15", "Safari on Mac"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) CriOS/140 Safari/604.1", "Chrome on iPhone"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown"),
    ],
)  # fmt: skip
def test_browser_has_a_name(app, text, name):
    with app.test_request_context():
        assert browser_name(text) == name
