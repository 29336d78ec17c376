"""Writing on a ticket in a real browser: what scripts add to the plain forms, by keyboard too, and what they must not lose."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from helpdesk.database import db, transaction, utcnow
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, Draft, Notification, ScheduledReply, UserSession
from helpdesk.policy.status import CommentKind
from helpdesk.services import attachments, drafts, participants, people, queries, scheduled_delivery
from helpdesk.services.drafts import Written
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.browser.site import Site
from tests.browser.test_behaviours import PHONE, SMALL
from tests.browser.test_gallery import contrast
from tests.scenarios.desk import wait_for

pytestmark = pytest.mark.browser
COLLEAGUE = "colleague@customer.example"
SAVED = "Draft saved"
REFUSALS = tuple(
    f"Failed to load resource: the server responded with a status of {status}"
    for status in (400, 401, 409, 422)
)  # what the browser calls an answer that says no


@pytest.fixture
def site(app, chromium):
    with app.app_context():
        account = factories.make_account(is_acknowledging=False)
        nora = factories.make_agent(accounts=[account])
        tom = factories.make_agent(factories.OTHER_AGENT, "Tom Hale", accounts=[account])
        ticket = factories.make_ticket(account)
        with transaction():
            ticket = queries.by_number(ticket.number)
            participants.add(ticket, COLLEAGUE, actor=nora)
            changing.assign(ticket, nora, actor=tom)
        ids = {"nora": nora.id, "tom": tom.id, "url": f"/tickets/{ticket.number}", "number": ticket.number}
    site = Site(app, chromium)
    site.ids = ids
    yield site
    site.close()


@pytest.fixture
def page(site):
    page = site.open(site.ids["nora"], site.ids["url"])
    yield page
    assert [words for words in page.complaints if not words.startswith(REFUSALS)] == []


def look(site, model):
    with site.app.app_context():
        return list(db.session.query(model).order_by(model.id))


def text_box(page):
    return page.get_by_label("Your text")


def saved(page):
    expect(page.locator("[data-draft-state]")).to_contain_text(SAVED, timeout=15000)


def let_time_pass(site):
    with site.app.app_context():
        with transaction():
            for reply in db.session.query(ScheduledReply):
                reply.due_at = utcnow() - timedelta(seconds=1)
        scheduled_delivery.deliver_due()


def customer_writes(site, text):
    with site.app.app_context(), transaction():
        ticket = queries.by_number(site.ids["number"])
        comments.add_incoming(ticket, Words(text), address=ticket.requester_address, actor=ticket.requester)


def test_what_is_typed_is_saved_and_stands_there_after_a_reload(site, page):
    text_box(page).fill("Half a loaf")
    saved(page)
    page.reload()
    expect(text_box(page)).to_have_value("Half a loaf")
    assert [draft.text for draft in look(site, Draft)] == ["Half a loaf"]


def test_a_file_is_uploaded_at_once_survives_a_reload_and_can_be_taken_out(site, page, tmp_path):
    (tmp_path / "log.txt").write_bytes(b"a line")
    page.locator("#composer-files").set_input_files(tmp_path / "log.txt")
    expect(page.locator("[data-kept-files]")).to_contain_text("log.txt")
    assert page.locator("#composer-files").evaluate("input => input.files.length") == 0
    page.reload()
    expect(page.locator("[data-kept-files]")).to_contain_text("log.txt")
    page.get_by_role("button", name="Remove log.txt").click()
    expect(page.locator("[data-kept-files]")).not_to_contain_text("log.txt")
    page.reload()
    expect(page.locator("[data-kept-files]")).not_to_contain_text("log.txt")


def test_by_keyboard_alone_sent_and_taken_back(site, page):
    text_box(page).focus()
    page.keyboard.type("Please install 4.2.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Being sent")).to_be_visible()
    expect(page.locator("[data-countdown]")).to_contain_text("Sending in")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(text_box(page)).to_have_value("Please install 4.2.")
    assert look(site, ScheduledReply)[0].state == "undone"
    assert not [c for c in look(site, Comment) if c.kind is CommentKind.REPLY]


def test_when_the_time_is_over_the_answer_stands_there_without_a_reload(site):
    with site.app.app_context(), transaction():
        people.find_user(factories.AGENT).undo_seconds = 5
    page = site.open(site.ids["nora"], site.ids["url"])
    text_box(page).fill("Please install 4.2.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("[data-countdown]")).to_contain_text("Sending in")
    text_box(page).fill("The next words")
    let_time_pass(site)
    expect(page.get_by_text("Being sent")).to_have_count(0, timeout=20000)
    expect(page.locator(".message--reply")).to_contain_text("Please install 4.2.")
    expect(text_box(page)).to_have_value("The next words")
    seen = page.locator("#composer [name=seen]").input_value()
    assert seen == str(look(site, Comment)[-1].id)


def test_undo_is_at_hand_on_every_other_page(site, page):
    text_box(page).fill("Please install 4.2.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Being sent")).to_be_visible()
    page.goto("/tickets")
    page.get_by_role("button", name="Undo").click()
    expect(text_box(page)).to_have_value("Please install 4.2.")


def test_words_that_came_meanwhile_stand_above_and_the_text_stays(site, page):
    text_box(page).fill("Please restart it.")
    customer_writes(site, "It works by now")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("has written since you opened this page")
    expect(page.get_by_role("alert").first).to_contain_text("It works by now")
    expect(page.get_by_role("link", name="See it in the conversation")).to_be_visible()
    expect(text_box(page)).to_have_value("Please restart it.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Being sent")).to_be_visible()
    assert look(site, Draft) == []


def test_answer_and_note_keep_their_own_words(site, page):
    text_box(page).fill("To him")
    saved(page)
    page.get_by_text("Internal note", exact=True).first.click()
    expect(text_box(page)).to_have_value("To him")  # where the other has none, the words go along
    page.wait_for_function("() => document.querySelector('[name=revision_reply]').value === '0'")
    assert [(draft.kind.value, draft.text) for draft in look(site, Draft)] == [("note", "To him")]
    with site.app.app_context(), transaction():
        nora = people.find_user(factories.AGENT)
        drafts.save(
            nora, queries.by_number(site.ids["number"]), CommentKind.REPLY, Written("For you"), revision=0
        )
    page.reload()
    page.locator(".composer__kind--note").click()
    expect(text_box(page)).to_have_value("To him")
    page.locator(".composer__kind--reply").click()
    expect(text_box(page)).to_have_value("For you")
    assert {draft.text for draft in look(site, Draft)} == {"To him", "For you"}


def test_two_windows_show_both_texts_and_lose_none(site, page):
    text_box(page).fill("From the first window")
    saved(page)
    other = site.open(site.ids["nora"], site.ids["url"])
    text_box(other).fill("From the second window")
    saved(other)
    text_box(page).fill("From the first window, longer")
    rival = page.locator("[data-rival]")
    expect(rival).to_be_visible(timeout=15000)
    expect(rival).to_contain_text("From the second window")
    expect(text_box(page)).to_have_value("From the first window, longer")
    assert [draft.text for draft in look(site, Draft)] == ["From the second window"]
    page.get_by_role("button", name="Put it into the editor").click()
    expect(text_box(page)).to_have_value("From the second window\n\nFrom the first window, longer")
    saved(page)


def test_signed_out_while_typing_the_text_stays_and_is_saved_after_signing_in(site, page):
    with site.app.app_context(), transaction():
        db.session.query(UserSession).delete()
    text_box(page).fill("Half an hour of words")
    state = page.locator("[data-draft-state]")
    expect(state).to_contain_text("You are signed out", timeout=15000)
    expect(page.get_by_role("link", name="Sign in in a new tab")).to_be_visible()
    expect(text_box(page)).to_have_value("Half an hour of words")
    page.context.add_cookies([site.cookie(site.ids["nora"])])  # as another tab would
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    saved(page)
    assert [draft.text for draft in look(site, Draft)] == ["Half an hour of words"]
    text_box(page).press("Control+Enter")
    expect(page.get_by_text("Being sent")).to_be_visible()


def test_more_recipients_than_one_are_said_before_sending(site, page):
    line = page.locator("[data-audience]")
    expect(line).to_have_text("2 recipients")
    page.locator("#composer-cc").fill("new@customer.example")
    expect(line).to_have_text("3 recipients, 1 new")
    page.locator(".composer__copy input").uncheck()
    expect(line).to_have_text("2 recipients, 1 new")
    page.locator("#composer-cc").fill("")
    expect(line).to_be_hidden()


def test_what_was_told_is_read_by_looking(site, page):
    wait_for(lambda: all(one.read_at for one in look(site, Notification)), what="the assignment's being read")
    page.goto("/tickets")
    item = page.get_by_role("link", name="Notifications")
    expect(item).to_have_text("Notifications")
    customer_writes(site, "It happens again")
    page.reload()
    expect(item).to_contain_text("1")
    page.goto("/notifications")
    page.get_by_role("button", name="wrote").click()
    expect(page).to_have_url(f"{site.url}{site.ids['url']}")


@pytest.fixture
def lively(site):
    """A draft with a file, a note, a colleague in copy, and something to be told of."""
    with site.app.app_context(), transaction():
        ticket, nora = queries.by_number(site.ids["number"]), people.find_user(factories.AGENT)
        staged = attachments.stage([MailFile("log.txt", "text/plain", b"a line")])
        drafts.save(nora, ticket, CommentKind.REPLY, Written("Half"), revision=0, files=staged)
        comments.add_note(ticket, Words("@Nora look"), actor=people.find_user(factories.OTHER_AGENT))
    return site


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["ticket", "sending", "/notifications", "/tickets?view=drafts"])
def test_pages_are_whole_named_and_legible(lively, path, scheme):
    page = lively.open(
        lively.ids["nora"], lively.ids["url"] if path in ("ticket", "sending") else path, color_scheme=scheme
    )
    if path == "sending":
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_text("Being sent").wait_for()
    page.wait_for_timeout(400)
    assert page.evaluate(NAMELESS) == []
    assert [pair for pair in page.evaluate(COLOURS) if contrast(*pair[1:]) < 4.5] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.complaints == []


@pytest.mark.parametrize("path", ["ticket", "/notifications"])
def test_fingers_find_every_control_on_a_phone(lively, path):
    options = dict(PHONE)
    page = lively.open(lively.ids["nora"], lively.ids["url"] if path == "ticket" else path, **options)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(SMALL) == []


# Controls without a name, labels that lead nowhere, ids that stand twice.
NAMELESS = """() => {
  const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  const nameless = [...document.querySelectorAll('button, a[href], input:not([type=hidden]), select, textarea, summary')]
    .filter(one => one.checkVisibility() && !one.closest('[aria-hidden=true]'))
    .filter(one => !(one.innerText?.trim() || one.textContent.trim() || one.getAttribute('aria-label') || one.title || one.labels?.length))
    .map(one => one.outerHTML.slice(0, 90));
  const lost = [...document.querySelectorAll('label[for]')].filter(one => !document.getElementById(one.htmlFor)).map(one => one.htmlFor);
  return [...twice, ...nameless, ...lost];
}"""

# The text and ground of everything that holds words of its own: [words, ink, ground], as numbers.
COLOURS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const mix = layers => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of layers) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement, words = walker.currentNode.textContent.trim();
    if (!words || !one.checkVisibility({visibilityProperty: true, opacityProperty: true}) || one.closest('.visually-hidden, script, option, [disabled], [aria-hidden=true]')) continue;
    const layers = [];
    for (let at = one; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
    found.push([words.slice(0, 40), mix([...layers, getComputedStyle(one).color]), mix(layers)]);
  }
  return found;
}"""


def test_an_address_is_completed_by_keyboard_and_by_hand_and_the_rest_stays_as_typed(site, page):
    with site.app.app_context():
        factories.make_ticket(queries.by_number(site.ids["number"]).account, "anna@customer.example")
        with transaction():
            people.find_user("anna@customer.example").name = "Anna Maier"
    text_box(page).focus()
    field = page.get_by_role("combobox", name="Further people in copy")
    field.fill("first@customer.example, mai")
    option = page.get_by_role("option", name="Anna Maier")
    expect(option).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == option.get_attribute("id")
    field.press("Enter")
    expect(field).to_have_value("first@customer.example, anna@customer.example, ")
    expect(page.locator("[data-audience]")).to_contain_text("4 recipients, 2 new")
    expect(page.get_by_role("listbox")).to_have_count(0)
    bcc = page.get_by_role("combobox", name="Bcc")
    bcc.fill("tom")
    tom = page.locator(".complete__list > li", has_text="Tom Hale")
    expect(tom).to_be_visible()
    bcc.press("Escape")
    expect(bcc).to_have_attribute("aria-expanded", "false")
    bcc.fill("to")
    tom.click()
    expect(bcc).to_have_value(f"{factories.OTHER_AGENT}, ")
    assert look(site, ScheduledReply) == []  # Enter chose, and sent nothing


def test_names_are_offered_after_an_at_sign_and_taken_by_keyboard(site, page):
    page.get_by_text("Internal note", exact=True).click()
    text_box(page).press_sequentially("Please look, @t")
    names = page.get_by_role("listbox", name="Colleagues who can be mentioned")
    expect(names.get_by_role("option")).to_have_text(["Tom Hale"])
    expect(text_box(page)).to_have_attribute("aria-activedescendant", "composer-mentions-0")
    text_box(page).press("Escape")
    expect(names).to_be_hidden()
    text_box(page).press_sequentially("o")
    text_box(page).press("Enter")
    expect(text_box(page)).to_have_value("Please look, @Tom Hale ")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Note added.")).to_be_visible()
    told = [row for row in look(site, Notification) if row.user_id == site.ids["tom"]]
    assert [row.kind for row in told] == ["mention"]
