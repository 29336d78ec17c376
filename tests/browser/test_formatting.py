"""The editor's toolbar, preview and pictures in a real browser: by mouse, by keyboard, by paste."""

import base64
import re

import pytest
from playwright.sync_api import expect

from helpdesk.database import db, transaction
from helpdesk.models import Comment, ScheduledReply, Upload
from helpdesk.services import people, queries
from helpdesk.services.tickets import comments
from tests import factories
from tests.browser.site import Site
from tests.browser.test_behaviours import PHONE, SMALL
from tests.browser.test_gallery import contrast
from tests.browser.test_pages import barriers
from tests.browser.test_writing import COLOURS, NAMELESS

pytestmark = pytest.mark.browser
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGNg+M+AB+GTYxhZ0gDOfGOdsJSopgAAAABJRU5ErkJggg=="
)
WRITTEN = """Please try **this** in *order*:

1. Restart the `spooler`
2. Print a test page, see [our page](https://desk.example/printers)

> It shows error 49
> since Tuesday.

```
net stop spooler
net start spooler
```"""
PASTE = """([area, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carrier = new DataTransfer();
  carrier.items.add(new File([bytes], 'image.png', { type: 'image/png' }));
  area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: carrier, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def site(app, chromium):
    with app.app_context():
        account = factories.make_account(
            is_acknowledging=False, signature="Support of Desk, +49 30 1234\nhttps://desk.example"
        )
        nora = factories.make_agent(accounts=[account])
        ticket = factories.make_ticket(account)
        with transaction():
            nora = people.find_user(factories.AGENT)
            nora.signature = "Kind regards\n**Nora Keller**"
            ticket = queries.by_number(ticket.number)
            comments.add_note(ticket, comments.in_markdown(WRITTEN), actor=nora)
        ids = {"nora": nora.id, "url": f"/tickets/{ticket.number}"}
    site = Site(app, chromium)
    site.ids = ids
    yield site
    site.close()


def look(site, model):
    with site.app.app_context():
        return list(db.session.query(model).order_by(model.id))


def test_marks_by_mouse_and_keys_are_put_on_and_taken_off(site):
    page = site.open(site.ids["nora"], site.ids["url"])
    area = page.locator("#composer-body")
    area.fill("one two")
    area.evaluate("area => area.setSelectionRange(4, 7)")
    area.press("Control+b")
    expect(area).to_have_value("one **two**")
    area.press("Control+b")
    expect(area).to_have_value("one two")
    area.press("Control+i")
    expect(area).to_have_value("one *two*")
    area.press("Control+z")
    expect(area).to_have_value("one two")
    area.evaluate("area => area.setSelectionRange(4, 7)")
    area.press("Control+k")
    page.keyboard.type("https://x.example")
    expect(area).to_have_value("one [two](https://x.example)")
    area.fill("a\nb")
    area.press("Control+a")
    tools = page.get_by_role("toolbar", name="Formatting")
    tools.get_by_role("button", name="Numbered list").click()
    expect(area).to_have_value("1. a\n2. b")
    tools.get_by_role("button", name="Quote").click()
    expect(area).to_have_value("> 1. a\n> 2. b")
    tools.get_by_role("button", name="Quote").click()
    tools.get_by_role("button", name="Numbered list").click()
    tools.get_by_role("button", name="Code").click()
    expect(area).to_have_value("```\na\nb\n```\n")
    page.keyboard.press("Shift+Tab")  # one stop for all tools
    expect(tools.get_by_role("button", name="Code")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("button", name="Picture")).to_be_focused()
    page.keyboard.press("Home")
    expect(tools.get_by_role("button", name="Bold")).to_be_focused()
    assert page.complaints == []


def test_a_pasted_picture_is_uploaded_shown_in_the_preview_and_sent(site):
    page = site.open(site.ids["nora"], site.ids["url"])
    area = page.locator("#composer-body")
    area.fill("Look: ")
    area.evaluate(f"(area, data) => ({PASTE})([area, data])", base64.b64encode(PNG).decode())
    expect(area).to_have_value(re.compile("upload:"))
    (upload,) = look(site, Upload)
    expect(area).to_have_value(f"Look: \n![image.png](upload:{upload.token})\n")
    page.get_by_role("button", name="Preview").click()
    shown = page.locator("[data-preview] img")
    expect(shown).to_have_attribute("alt", "image.png")
    assert shown.evaluate("one => one.decode().then(() => one.naturalWidth)") == 10
    expect(area).to_be_hidden()
    page.get_by_role("button", name="Preview").click()
    expect(area).to_be_focused()
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Being sent").wait_for()
    (reply,) = look(site, ScheduledReply)
    assert [one.token for one in look(site, Upload) if one.reply_id == reply.id] == [upload.token]
    assert page.complaints == []


def test_without_scripts_the_page_comes_back_with_the_preview_and_all_that_was_typed(site):
    page = site.open(site.ids["nora"], site.ids["url"], java_script_enabled=False)
    page.locator("#composer-body").fill("It is **done**")
    page.get_by_label("Pictures to put into the text").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": PNG}
    )
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview.locator("strong")).to_have_text("done")
    expect(preview.locator("img")).to_have_count(1)
    assert page.locator("#composer-body").input_value().startswith("It is **done**\n\n![a.png](upload:")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Being sent").wait_for()
    assert len(look(site, Comment)) == 2
    assert page.locator("article img").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_is_whole_named_and_legible(site, scheme):
    page = site.open(site.ids["nora"], site.ids["url"], color_scheme=scheme, reduced_motion="reduce")
    page.locator("#composer-body").fill(WRITTEN)
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("[data-preview] pre")).to_be_visible()
    assert page.evaluate(NAMELESS) == []
    assert [pair for pair in page.evaluate(COLOURS) if contrast(*pair[1:]) < 4.5] == []
    assert page.complaints == []
    assert list(barriers(page)) == []


def test_fingers_find_every_tool_on_a_phone(site):
    page = site.open(site.ids["nora"], site.ids["url"], **PHONE, reduced_motion="reduce")
    page.locator("#composer-body").fill("words")
    page.locator("#composer-body").focus()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(SMALL) == []
