"""Values become words: what people read, and nothing a sender could turn into markup."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import Babel

from helpdesk.database import utcnow
from helpdesk.web import filters


@pytest.fixture
def words():
    app = Flask("helpdesk")
    Babel(app)
    filters.init_app(app)
    with app.test_request_context():
        yield app.jinja_env.filters


def test_text_becomes_paragraphs_and_line_breaks(words):
    assert words["paragraphs"]("Hello,\n\nfirst\r\nsecond\n") == "<p>Hello,</p>\n<p>first<br>\nsecond</p>"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", '"><img src=x onerror=alert(1)>'])
def test_markup_in_a_text_is_shown_as_typed(words, text):
    shown = str(words["paragraphs"](text))
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;" in shown or "&amp;" in shown


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://example.org/a.", "https://example.org/a"),
        ("(https://example.org/b)", "https://example.org/b"),
        ("https://example.org/wiki/X_(y)", "https://example.org/wiki/X_(y)"),
        ("https://example.org/?a=1&b=2", "https://example.org/?a=1&amp;b=2"),
    ],
)
def test_web_addresses_become_links_without_the_sentence_around_them(words, text, address):
    assert f'<a href="{address}" rel=' in words["paragraphs"](text)


@pytest.mark.parametrize("text", ["javascript:alert(1)", "data:text/html,x", "ftp://example.org"])
def test_other_schemes_stay_plain_text(words, text):
    assert "<a " not in words["paragraphs"](text)


def test_a_link_cannot_leave_its_attribute(words):
    shown = words["paragraphs"]("https://example.org/\"onmouseover='x'")
    assert 'onmouseover="' not in shown
    assert shown.count('href="') == 1


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (18_300, "18 kB"), (4_210_000, "4.2 MB")]
)
def test_sizes_are_said_as_people_say_them(words, count, shown):
    assert words["bytes"](count) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Jonas Berg", "JB"), ("maria@shop.example", "M"), ("Ana María López", "AL"), ("", "?"), ("42", "?")],
)
def test_initials_of_every_name(words, name, shown):
    assert words["initials"](name) == shown


def test_a_person_keeps_the_same_tint_whatever_the_case(words):
    assert words["tint"]("Jonas@example.org") == words["tint"]("jonas@example.org")
    assert {words["tint"](n) for n in range(100)} == set(range(1, filters.TINTS + 1))


def test_times_are_near_first_and_dates_later(words):
    assert words["ago"](utcnow()) == "now"
    assert "18" in words["ago"](utcnow() - timedelta(minutes=18))
    assert words["ago"](datetime(2019, 3, 5, tzinfo=UTC)) == "5 Mar 2019"


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(seconds=89), "1 min"),
        (timedelta(minutes=59, seconds=58), "60 min"),
        (timedelta(hours=1), "1 hr"),
        (timedelta(hours=23, minutes=58), "24 hr"),
        (timedelta(days=1, hours=13), "2 days"),
        (timedelta(days=6, hours=23), "7 days"),
        (-timedelta(hours=3, seconds=5), "3 hr"),
    ],
)
def test_a_distance_is_rounded_within_its_unit(words, passed, shown):
    assert words["ago"](utcnow() - passed) == shown
    assert words["exact"](datetime(2026, 3, 5, 9, 14, tzinfo=UTC)) == "Thu 5 Mar 2026, 09:14"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ({"days": 7}, "1 week"),
        ({"days": 3}, "3 days"),
        ({"minutes": 15}, "15 minutes"),
        ({"hours": 1}, "1 hour"),
    ],
)
def test_a_length_of_time_is_said_in_full_words(words, span, said):
    assert words["duration"](timedelta(**span)) == said


def test_a_time_not_there_is_an_empty_word(words):
    assert [words[name](None) for name in ("ago", "day", "duration", "exact", "iso", "bytes")] == [""] * 6


@pytest.mark.parametrize(
    "email, shown",
    [
        ("jo.berg@mail.example", 'jo.berg<span class="domain">@mail<wbr>.example</span>'),
        ("<b>@x", '&lt;b&gt;<span class="domain">@x</span>'),
        ("x@<i>.example", 'x<span class="domain">@&lt;i&gt;<wbr>.example</span>'),
        ("unknown", "unknown"),
    ],
)
def test_addresses_break_at_their_joints_and_carry_no_markup(words, email, shown):
    assert words["breakable"](email) == shown
