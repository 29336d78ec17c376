"""What scripts add, and that nothing is lost without them."""

import pytest

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
SMALL = """() => [...document.querySelectorAll(
    'button, select, summary, .button, .nav-item, .input, .composer__kind, .upload__label, .back, .check > label')]
  .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.closest('.visually-hidden'))
  .map(one => [one.getBoundingClientRect(), one])
  .filter(([box, one]) => box.height < 43.5 && box.width > 0 && !(one.closest('.check')?.offsetHeight >= 43.5))
  .map(([box, one]) => `${one.className || one.tagName} ${one.textContent.trim().slice(0, 20)} ${box.height}`)"""


def count_posts(page):
    """Requests that send something, answered with nothing so that the page stays."""
    sent = []
    page.route("**/*", lambda route: (sent.append(route.request), route.fulfill(status=204))
               if route.request.is_navigation_request() else route.continue_())  # fmt: skip
    return sent


@pytest.mark.parametrize(
    "name",
    [
        "workspace-list",
        "workspace-ticket",
        "workspace-new",
        "portal-ticket",
        "plain-sign-in",
        "admin-account",
    ],
)
def test_fingers_find_every_control_on_a_phone(open_page, name):
    assert open_page(name, **PHONE).evaluate(SMALL) == []


def test_note_is_unmistakable_without_any_script(open_page):
    page = open_page("workspace-ticket", java_script_enabled=False)
    assert page.get_by_role("button", name="Add note").is_hidden()
    before = page.locator(".composer").evaluate("form => getComputedStyle(form).backgroundColor")
    page.locator(".composer__kind--note").click()
    assert page.get_by_role("button", name="Add note").is_visible()
    assert page.get_by_role("button", name="Send", exact=True).is_hidden()
    assert page.get_by_text("Only agents see this").is_visible()
    page.wait_for_timeout(250)
    assert page.locator(".composer").evaluate("form => getComputedStyle(form).backgroundColor") != before


def test_without_scripts_lists_have_a_button_and_details_open_as_a_drawer(open_page):
    page = open_page("workspace-list", java_script_enabled=False)
    filters = page.get_by_role("group", name="Filter the list")
    assert filters.get_by_role("button", name="Apply").is_visible()
    page = open_page("workspace-ticket", java_script_enabled=False, width=1000)
    assert page.get_by_label("Assignee").is_hidden()
    page.get_by_role("button", name="Details").click()
    assert page.get_by_label("Assignee").is_visible()
    assert page.get_by_role("button", name="Save changes").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_label("Assignee").is_hidden()


def test_a_changed_list_applies_at_once(open_page):
    page = open_page("workspace-list")
    filters = page.get_by_role("group", name="Filter the list")
    assert filters.get_by_role("button", name="Apply").is_hidden()
    with page.expect_navigation():
        page.get_by_label("Priority", exact=True).select_option("urgent")
    assert "priority=urgent" in page.url


def test_ctrl_enter_sends_the_kind_that_is_shown_and_only_once(open_page):
    page = open_page("workspace-ticket")
    sent = count_posts(page)
    page.get_by_label("Your text").fill("Try it again, please.")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    assert len(sent) == 1
    assert "Try it again" in sent[0].post_data
    assert 'name="then"' not in sent[0].post_data


def test_enter_in_cc_never_resolves_the_ticket(open_page):
    page = open_page("workspace-ticket")
    sent = count_posts(page)
    page.locator(".composer__more > summary").click()
    page.get_by_role("textbox", name="Cc, several addresses separated by commas", exact=True).press("Enter")
    page.wait_for_timeout(300)
    assert len(sent) == 1
    assert 'name="then"' not in sent[0].post_data


def test_chosen_files_are_listed_added_to_and_taken_back(open_page, tmp_path):
    page = open_page("workspace-ticket")
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("words")
        page.locator("#composer-files").set_input_files(tmp_path / name)
    names = page.locator("[data-upload-list] .file__name")
    assert names.all_text_contents() == ["one.txt", "two.txt"]
    page.get_by_role("button", name="Remove one.txt").click()
    assert names.all_text_contents() == ["two.txt"]
    assert page.locator("#composer-files").evaluate("input => input.files.length") == 1


def test_a_file_too_large_is_said_before_it_is_sent(open_page):
    page = open_page("workspace-ticket")
    page.locator("[data-upload]").evaluate("box => box.dataset.maxBytes = 3")
    page.locator("#composer-files").set_input_files(
        {"name": "film.mov", "mimeType": "video/x", "buffer": b"12345"}
    )
    assert "cannot be sent" in page.locator(".file--wrong").text_content()
    assert not page.locator("#composer-files").evaluate("input => input.validity.valid")


def test_the_theme_is_remembered(open_page):
    page = open_page("workspace-list", color_scheme="light")
    page.get_by_role("button", name="Light or dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_save_bar_says_what_changed(open_page):
    page = open_page("admin-account")
    assert page.locator("[data-changes]").text_content() == "Nothing changed yet"
    page.get_by_label("SMTP server").or_(page.get_by_label("IMAP server")).fill("mail.example.org")
    assert "IMAP server" in page.locator("[data-changes]").text_content()


def test_a_confirmation_takes_the_focus_and_gives_it_back(open_page):
    page = open_page("admin-account")
    opener = page.get_by_role("button", name="Remove…")
    opener.click()
    assert page.get_by_role("button", name="Cancel").evaluate("button => button === document.activeElement")
    page.keyboard.press("Escape")
    assert page.get_by_role("alertdialog").is_hidden()
    assert opener.evaluate("button => button === document.activeElement")


def test_a_designed_mail_is_shown_as_high_as_it_is_and_runs_nothing(open_page):
    page = open_page("workspace-ticket")
    page.get_by_text("Show as it was designed").click()
    frame = page.locator("iframe")
    for _ in range(100):
        if frame.bounding_box()["height"] > 700:
            break
        page.wait_for_timeout(50)
    assert frame.bounding_box()["height"] > 700
    assert "allow-scripts" not in frame.get_attribute("sandbox")
    assert "allow-forms" not in frame.get_attribute("sandbox")


def test_flashed_words_stay_until_put_away(open_page):
    page = open_page("workspace-list?flash")
    assert page.get_by_role("status").get_by_text("Answer sent").is_visible()
    page.get_by_role("button", name="Close").click()
    assert page.get_by_text("Answer sent").count() == 0


def test_the_first_tab_offers_to_skip_to_the_content(open_page):
    page = open_page("workspace-ticket")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_menu_on_a_phone_is_a_drawer(open_page):
    page = open_page("workspace-list", **PHONE)
    assert page.get_by_role("link", name="Unassigned").is_hidden()
    page.get_by_role("button", name="Menu").click()
    assert page.get_by_role("link", name="Unassigned").is_visible()
