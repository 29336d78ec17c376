"""Where a search hit a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.policy.highlight import mark, snippet
from helpdesk.policy.search_query import parse


def hits(parts):
    return [text for text, is_hit in parts if is_hit]


@pytest.mark.parametrize(
    ("typed", "text", "found"),
    [
        ("printer", "The Printer and the printers", ["Printer", "printers"]),
        ("printer error", "The printers: error", ["error"]),
        ('"error 49"', "Error-49, not error 50", ["Error-49"]),
        ("zurich", "Zürich", ["Zürich"]),
        ("strasse", "Hauptstraße, Straße 5", ["Straße"]),
        ("打印", "打印机", ["打印"]),
        ("<b>", "a <b> c", ["b"]),
        ("nothing", "at all", []),
    ],
)
def test_hits_are_marked(typed, text, found):
    parts = mark(text, parse(typed).terms)
    assert hits(parts) == found
    assert "".join(part for part, _ in parts) == text


def test_a_snippet_stands_around_the_first_hit():
    text = "word " * 1000 + "the printer\n\n shows it" + " end" * 1000
    parts = snippet(text, parse("printer").terms)
    assert hits(parts) == ["printer"]
    assert parts[0] == ("… ", False)
    assert " the printer shows it end" in "".join(part for part, _ in parts)
    assert len("".join(part for part, _ in parts)) < 200


def test_a_snippet_looks_past_words_that_only_hold_the_hit():
    text = "enterprise " * 500 + "the prize"
    assert hits(snippet(text, parse("pri").terms)) == ["prize"]


def test_no_hit_is_no_snippet():
    assert snippet("word " * 50, parse("printer").terms) is None
    assert snippet("word", ()) is None


@given(st.text(max_size=300), st.text(max_size=30))
def test_marking_never_changes_the_text(text, typed):
    assert "".join(part for part, _ in mark(text, parse(typed).terms)) == text


@given(st.text(max_size=300), st.text(max_size=30))
def test_a_snippet_of_anything(text, typed):
    parts = snippet(text, parse(typed).terms)
    assert parts is None or hits(parts)
