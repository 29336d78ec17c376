"""Customers in a real browser: everything without a script, everything by keyboard, and fingers that find every control."""

import pytest
from playwright.sync_api import expect

from helpdesk.database import db, transaction
from helpdesk.models import User
from helpdesk.policy.status import Status
from helpdesk.services import queries, settings
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.browser.site import Site
from tests.browser.test_behaviours import PHONE, SMALL

pytestmark = pytest.mark.browser
FILE = {"name": "photo.txt", "mimeType": "text/plain", "buffer": b"a photo"}


@pytest.fixture
def site(app, chromium):
    with app.app_context():
        account = factories.make_account(is_acknowledging=False)
        nora = factories.make_agent(accounts=[account])
        jonas = factories.make_customer(password=factories.PASSWORD)
        ticket = factories.make_ticket(account)
        with transaction():
            settings.put("contact_form", True)
            comments.add_reply(
                queries.by_number(ticket.number), Words("Does it help?"), actor=db.session.get(User, nora.id)
            )
        found = {"jonas": jonas.id, "url": f"/my/tickets/{ticket.number}", "number": ticket.number}
    site = Site(app, chromium)
    site.ids = found
    yield site
    site.close()


def stored(site, number):
    """Status, words and files of a ticket."""
    with site.app.app_context():
        ticket = queries.by_number(number)
        last = ticket.comments[-1]
        return ticket.status, last.text, [file.filename for file in last.attachments]


def test_whole_life_of_a_ticket_without_any_script(site):
    page = site.open(site.ids["jonas"], "/my/tickets", java_script_enabled=False)
    page.get_by_role("link", name="New ticket").click()
    page.get_by_label("Subject").fill("No sound")
    page.get_by_label("What kind of question is it?").select_option("Bug")
    page.get_by_label("Your message").fill("The speaker is silent.")
    page.locator("input[type=file]").set_input_files([FILE, FILE | {"name": "more.txt"}])
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("Your message has arrived.")
    number = int(page.url.rsplit("/", 1)[1])
    assert stored(site, number) == (Status.NEW, "The speaker is silent.", ["photo.txt", "more.txt"])
    page.get_by_label("Your answer").fill("It speaks again, thank you.")
    page.get_by_role("button", name="This is solved").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No sound")
    assert stored(site, number)[:2] == (Status.CLOSED, "It speaks again, thank you.")
    page.get_by_role("button", name="Open it again").click()
    expect(page.get_by_text("We are working on it")).to_be_visible()
    assert stored(site, number)[0] is Status.OPEN
    page.get_by_role("button", name="This is solved").click()  # without a word
    assert stored(site, number)[:2] == (Status.CLOSED, "It speaks again, thank you.")
    page.get_by_role("link", name="Your tickets").first.click()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("link", name="No sound")).to_be_visible()


def test_answer_by_keyboard_alone(site):
    page = site.open(site.ids["jonas"], "/my/tickets")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith("Printer"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{site.ids['url']}")
    page.get_by_label("Your answer").focus()
    page.keyboard.type("It does.")
    order = []
    for _ in range(3):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
        )
    assert order == ["attachments", "Send answer", "act"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your answer has arrived.")).to_be_visible()
    assert stored(site, site.ids["number"]) == (Status.OPEN, "It does.", [])
    assert page.complaints == []


def test_ctrl_enter_sends_the_answer_and_closes_nothing(site):
    page = site.open(site.ids["jonas"], site.ids["url"])
    page.get_by_label("Your answer").fill("It does.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Your answer has arrived.")).to_be_visible()
    assert stored(site, site.ids["number"])[0] is Status.OPEN


def test_both_ways_in_stand_on_one_page_and_share_the_address(site):
    context = site.chromium.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/my/tickets")
    page.get_by_label("E-mail address").fill(factories.CUSTOMER)
    page.get_by_role("button", name="Mail me a sign-in link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto("/my/tickets")
    page.get_by_label("E-mail address").fill(factories.CUSTOMER)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your tickets")).to_be_visible()
    context.close()


def test_stranger_writes_without_a_script_and_never_meets_the_trap(site):
    context = site.chromium.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_role("link", name="Never wrote to us?").click()
    assert (
        page.get_by_role("textbox", name="leave this empty").count() == 0
    )  # nothing a screen reader would read
    page.get_by_label("Your e-mail address").fill(factories.STRANGER)
    page.get_by_label("Subject").fill("Hello")
    page.get_by_label("Your message").fill("Are you there?")
    visited = []
    page.get_by_label("Your name").focus()
    for _ in range(7):
        visited.append(page.evaluate("document.activeElement.name"))
        page.keyboard.press("Tab")
    assert "website" not in visited
    page.wait_for_timeout(2000)  # a person takes longer
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you for writing")).to_be_visible()
    context.close()


@pytest.mark.parametrize("path", ["/my/tickets", "/my/tickets/1", "/my/tickets/new", "/profile"])
def test_fingers_find_every_control_of_a_customer(site, path):
    assert site.open(site.ids["jonas"], path, **PHONE).evaluate(SMALL) == []


def test_a_file_too_large_is_named_before_it_is_sent(site):
    site.app.config["EMAIL_MAX_ATTACHMENT_SIZE"] = 1000
    page = site.open(site.ids["jonas"], site.ids["url"])
    page.locator("input[type=file]").set_input_files([FILE | {"buffer": b"x" * 2000}])
    expect(page.get_by_text("is larger than")).to_be_visible()
