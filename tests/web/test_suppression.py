"""The page of the suppression list: why each is there, found, released and added to; and what the ticket says of it."""

from helpdesk.database import transaction
from helpdesk.models.senders import Cause
from helpdesk.services import settings
from helpdesk.services.outbox import unreachable
from tests.factories import CUSTOMER, OTHER_CUSTOMER, SUPPORT
from tests.web.conftest import browser, send

PAGE = "/admin/suppressed"


def listed(app):
    with app.app_context():
        return set(unreachable.among([CUSTOMER, OTHER_CUSTOMER]))


def test_the_list_says_why_and_releases(app, team):
    with app.app_context(), transaction():
        unreachable.note(CUSTOMER, status="5.1.1", words="550 <no> such user", email_id=None)
        unreachable.leave_alone(OTHER_CUSTOMER, Cause.COMPLAINT, words="abuse")
    admin = browser(app, team["admin"])
    text = admin.get(PAGE).text
    assert "550 &lt;no&gt; such user" in text and "complaint about a mail" in text
    assert CUSTOMER not in admin.get(f"{PAGE}?q=other.example").text
    assert "No address like that" in admin.get(f"{PAGE}?q=nobody").text
    for row_id in (1, 2):
        assert send(admin, f"{PAGE}/{row_id}/release").location == PAGE
    assert listed(app) == set() and "Nobody is on the list" in admin.get(PAGE).text


def test_what_was_typed_wrong_stays_in_the_form(app, team):
    admin = browser(app, team["admin"])
    for typed in ("not an address", SUPPORT):
        response = send(admin, PAGE, email=typed, note="asked by phone")
        assert response.status_code == 422 and typed in response.text and "asked by phone" in response.text
    assert send(admin, PAGE, email=CUSTOMER, note="asked by phone").location == PAGE
    assert listed(app) == {CUSTOMER}
    again = send(admin, PAGE, email=CUSTOMER)
    assert again.status_code == 409 and "on the list already" in again.text


def test_the_ticket_says_who_is_left_alone_and_who_may_change_it(app, team):
    with app.app_context(), transaction():
        settings.instance_id()
        unreachable.leave_alone(CUSTOMER, Cause.COMPLAINT, words="abuse")
    agent, admin = browser(app, team["agent"]), browser(app, team["admin"])
    path = f"/tickets/{team['ticket']}"
    for client, may in ((agent, False), (admin, True)):
        text = client.get(path).text
        assert "A complaint about spam came from there." in text and "Write there again" not in text
        assert (PAGE in text.partition('class="talk"')[2]) == may
    with app.app_context(), transaction():
        unreachable.note(CUSTOMER, status="5.1.1", words="550 no such user", email_id=None)
    assert "Write there again" in agent.get(path).text
