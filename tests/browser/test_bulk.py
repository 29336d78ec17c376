"""Ticking rows: the bar appears with the first, ranges by Shift, everything by the head's box, and no script is needed."""

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def list_page(open_page):
    return open_page("workspace-list")


def ticked(page):
    return page.locator("input[name=ticket]:checked").count()


def test_the_bar_is_there_while_something_is_ticked(list_page):
    bar = list_page.locator("form.bulk-bar")
    assert bar.is_hidden()
    list_page.locator("input[name=ticket]").first.check()
    assert bar.is_visible()
    assert "Ticked: 1" in bar.inner_text()
    list_page.get_by_role("button", name="Untick all").click()
    assert bar.is_hidden()
    assert list_page.complaints == []


def test_shift_ticks_a_range_and_the_head_ticks_all(list_page):
    boxes = list_page.locator("input[name=ticket]")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    assert ticked(list_page) == 3
    list_page.locator("[data-bulk-all]").check()
    assert ticked(list_page) == boxes.count()
    list_page.locator("[data-bulk-all]").uncheck()
    assert ticked(list_page) == 0


def test_the_keyboard_ticks_and_searches(list_page):
    list_page.locator(".ticket-row__subject").nth(1).focus()
    list_page.keyboard.press("x")
    assert ticked(list_page) == 1
    list_page.keyboard.press("/")
    assert list_page.evaluate("document.activeElement.name") == "q"
    list_page.keyboard.type("x/")
    assert list_page.locator("input[name=q]").input_value() == "x/"
    assert ticked(list_page) == 1


def test_a_key_leads_from_the_rows_to_the_bar_and_back(list_page):
    focused = lambda: list_page.evaluate("document.activeElement.name")  # noqa: E731
    list_page.locator(".ticket-row__subject").nth(1).focus()
    list_page.keyboard.press("b")
    assert focused() != "assignee", "nothing is ticked yet"
    list_page.keyboard.press("x")
    list_page.keyboard.press("b")
    assert focused() == "assignee"
    list_page.keyboard.press("Escape")
    assert (focused(), ticked(list_page)) == ("ticket", 1)
    list_page.keyboard.press("Escape")
    assert ticked(list_page) == 0


def test_without_scripts_the_form_stands_behind_the_list(open_page):
    page = open_page("workspace-list", java_script_enabled=False)
    assert page.locator("form.bulk-bar").is_visible()
    assert page.get_by_label("Set status").is_visible()
    assert page.locator(".ticket-row__tick").first.evaluate("box => getComputedStyle(box).opacity") == "1"
