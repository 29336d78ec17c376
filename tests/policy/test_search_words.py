"""What counts as a word, and that an index can hold what is made of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.policy.search_words import MAX_BYTES, MAX_WORD, document, spans, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Printer shows ERROR-49!", ["printer", "shows", "error", "49"]),
        ("Müller, Straße, Łódź, Ærø", ["muller", "strasse", "lodz", "aero"]),
        ("e\u0301te\u0301", ["ete"]),
        ("jonas.berg@customer.example", ["jonas", "berg", "customer", "example"]),
        ("snake_case don't", ["snake", "case", "don", "t"]),
        ("打印机 error", ["打", "印", "机", "error"]),
        ("हिन्दी", ["हिनदी"]),
        ("ЁЖИК", ["ежик"]),
        ("\x00 \ud800 -- \u200b", []),
        ("a" * 500, ["a" * MAX_WORD]),
    ],
)
def test_words_of_a_text(text, found):
    assert words(text) == found


@given(st.text(max_size=200))
def test_words_of_words_are_the_same_words(text):
    assert words(" ".join(words(text))) == words(text)


@given(st.text(max_size=200))
def test_a_span_points_at_its_word(text):
    for word, begin, end in spans(text):
        assert word in words(text[begin:end])


@given(st.text(max_size=200))
def test_spans_find_the_words(text):
    if all(len(word) < MAX_WORD for word in words(text)):
        assert [word for word, _, _ in spans(text)] == words(text)


def test_a_document_ends_where_an_index_would_refuse_more():
    long = document(["first words", *(f"word{n} ж{n}" for n in range(60_000))])
    assert MAX_BYTES - 20 < len(long.encode()) <= MAX_BYTES
    assert long.startswith("first words word0 ж0 ")
    assert long.split()[-1] in {f"word{n}" for n in range(60_000)} | {f"ж{n}" for n in range(60_000)}
    assert document(["a" * 10, "", "b"]) == "aaaaaaaaaa b"
