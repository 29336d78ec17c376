"""Writing the words of a mail: what is typed shows at once, a name goes where the cursor is, and the frame runs nothing."""

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.web.conftest import _fresh_counters, desk, team  # noqa: F401

PATH = "/admin/mail-texts/ticket_assigned"


@pytest.fixture
def site(app, desk, chromium):  # noqa: F811
    site = Site(app, chromium)
    yield site
    site.close()


@pytest.mark.browser
def test_the_mail_follows_what_is_typed_and_the_back_button_leads_away(desk, site):  # noqa: F811
    page = site.open(desk["admin"], "/admin/mail-texts")
    page.goto(PATH)
    shown = page.frame_locator(".mail-text__frame iframe:not(.is-coming)")
    expect(shown.locator(".hd-card")).to_contain_text("assigned this ticket to you", timeout=30_000)
    page.fill("#words", "Hello <script>parent.document.title = 'run'</script> **you**,")
    page.click("button[data-insert='{{ticket_link}}']")
    assert page.input_value("#words").endswith("**you**,\n\n{{ticket_link}}")
    expect(shown.locator(".hd-card strong")).to_have_text("you", timeout=30_000)
    expect(shown.locator(".hd-card")).to_contain_text("<script>")
    expect(shown.locator(".hd-button-text")).to_be_visible()
    page.locator("#subject").press("End")
    page.click("button[data-insert='{{priority}}']")
    assert page.input_value("#subject").endswith("{{subject}}{{priority}}")
    page.fill("#words", "{{nobody}}")
    expect(shown.locator("body")).to_contain_text("nobody fills in {{nobody}}", timeout=30_000)
    assert "run" not in page.title() and page.complaints == []
    page.once("dialog", lambda dialog: dialog.accept())  # it asks, since the words are not saved
    page.go_back()
    expect(page).to_have_url(f"{site.url}/admin/mail-texts")
