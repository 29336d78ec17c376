"""What a typed query means; nothing that can be typed is an error or silently lost."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.policy.search_query import MAX_TERMS, SearchQuery, Term, parse
from helpdesk.policy.search_words import words
from helpdesk.policy.status import ACTIVE, Category, Priority, Status


def term(*said, prefix=False):
    return Term(said, is_prefix=prefix)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("", ()),
        ('  " " : - ', ()),
        ("printer", (term("printer", prefix=True),)),
        ("pr", (term("pr"),)),
        ("the printer", (term("the"), term("printer", prefix=True))),
        ('"error 49"', (term("error", "49"),)),
        ('"Error 49" prin', (term("error", "49"), term("prin", prefix=True))),
        ('printer "error 4', (term("printer"), term("error", "4"))),
        ("jonas@cust", (term("jonas", "cust", prefix=True),)),
        ("a OR b* NEAR(c) -d", (term("a"), term("or"), term("b"), term("near", "c"), term("d"))),
        ("打印机", (term("打", "印", "机"),)),
        ("foo:bar", (term("foo", "bar", prefix=True),)),
        ("status:banana", (term("status", "banana", prefix=True),)),
        ("before:yesterday", (term("before", "yesterday", prefix=True),)),
        ("before:0001-01-01", (term("before", "0001", "01", "01"),)),
        ("is:blue has:", (term("is", "blue"), term("has", prefix=True))),
        ("https://desk.example/x", (term("https", "desk", "example", "x"),)),
    ],
)
def test_words_and_phrases(typed, terms):
    assert parse(typed).terms == terms


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("status:open", {"statuses": (Status.OPEN,)}),
        ("STATUS:in-progress status:pending", {"statuses": (Status.IN_PROGRESS, Status.PENDING)}),
        ("status:active", {"statuses": ACTIVE}),
        ("priority:Urgent category:bug", {"priorities": (Priority.URGENT,), "categories": (Category.BUG,)}),
        ('tag:refund tag:"two words"', {"tags": ("refund", "two words")}),
        ("assignee:me", {"assignee": "me"}),
        ('assignee:"Nora Keller" account:support', {"assignee": "Nora Keller", "account": "support"}),
        ("from:jonas@customer.example", {"sender": "jonas@customer.example"}),
        (
            "after:2026-01-01 before:2026-01-31",
            {"after": date(2026, 1, 1), "before": date(2026, 1, 31)},
        ),
        (
            "has:attachment is:overdue is:waiting",
            {"has_attachment": True, "is_overdue": True, "is_waiting": True},
        ),
    ],
)
def test_filters(typed, filters):
    assert parse(typed) == SearchQuery(**filters)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("#42", 42),
        ("42", 42),
        ("00042", 42),
        ("TKT-2026-00042", 42),
        ("[TKT-2026-00042]", 42),
        ("Ticket-042", 42),
        ("HD-42", 42),
        ("printer #42", 42),
        ("printer 42", None),
        ("RTX-3080", None),
        ("4.2", None),
        ("²", None),
        ("#9999999999", None),
        ("", None),
    ],
)
def test_a_tickets_number(typed, number):
    assert parse(typed, prefixes=("tkt", "ticket", "hd")).number == number


@pytest.mark.parametrize(
    ("typed", "is_noise"), [("%", True), ('" "', True), ("", False), ("  ", False), ("a", False)]
)
def test_signs_alone_are_no_query(typed, is_noise):
    assert parse(typed).is_noise is is_noise


@given(st.text(max_size=600))
def test_anything_can_be_typed(typed):
    query = parse(typed)
    assert len(query.terms) <= MAX_TERMS
    assert all(term.words for term in query.terms)
    assert all(not term.is_prefix for term in query.terms[:-1])


@given(st.lists(st.from_regex(r"[^\W_]{1,12}", fullmatch=True), min_size=1, max_size=8))
def test_no_plain_word_is_lost(typed):
    said = [word for term in parse(" ".join(typed)).terms for word in term.words]
    assert said == [word for text in typed for word in words(text)]


@given(st.from_regex(r"(status|tag|before|is|x):[a-z0-9]{1,8}", fullmatch=True))
def test_a_filter_is_a_filter_or_text(typed):
    query = parse(typed)
    has_filter = query != SearchQuery(terms=query.terms)
    assert has_filter != bool(query.terms)
