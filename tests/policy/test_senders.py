"""Whose mail is let in: the most particular rule decides."""

import pytest

from helpdesk.policy.senders import Rule, Verdict, decide, hits, patterns_for, read_pattern

BLOCK, ALLOW = Verdict.BLOCK, Verdict.ALLOW
JONAS = "jonas@mail.shop.example"


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ([], None),
        ([Rule("other.example", BLOCK)], None),
        ([Rule("shop.example", BLOCK)], BLOCK),
        ([Rule("shop.example", BLOCK), Rule("mail.shop.example", ALLOW)], ALLOW),
        ([Rule("shop.example", BLOCK), Rule(JONAS, ALLOW)], ALLOW),
        ([Rule("shop.example", ALLOW), Rule(JONAS, BLOCK)], BLOCK),
        ([Rule(JONAS, BLOCK), Rule("shop.example", ALLOW, is_of_account=True)], ALLOW),
        ([Rule(JONAS, ALLOW), Rule("shop.example", BLOCK, is_of_account=True)], BLOCK),
        ([Rule(JONAS, BLOCK), Rule(JONAS, ALLOW)], ALLOW),
        ([Rule("op.example", BLOCK), Rule("onas@mail.shop.example", BLOCK)], None),
    ],
)
def test_the_most_particular_rule_decides(rules, verdict):
    for ordered in (rules, rules[::-1]):
        found = decide(JONAS, ordered)
        assert (found.verdict if found else None) is verdict


def test_an_address_is_hit_by_itself_and_by_the_domains_above_it_alone():
    assert patterns_for(JONAS) == [JONAS, "mail.shop.example", "shop.example"]
    assert patterns_for("") == patterns_for("nobody") == patterns_for("nobody@") == []
    assert hits("shop.example", JONAS) and not hits("example", JONAS)
    assert len(patterns_for("a@" + "x." * 500 + "example")) < 15


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("Shop.Example", "shop.example"),
        (" @shop.example ", "shop.example"),
        ("*@shop.example", "shop.example"),
        ("*.shop.example.", "shop.example"),
        ("münchen.example", "münchen.example"),
        ("example", ""),
        ("", ""),
        ("*", ""),
        ("two words.example", ""),
        ("a@b@c.example", ""),
        ("x" * 250 + ".example", ""),
    ],
)
def test_a_domain_is_taken_as_people_write_it(typed, pattern):
    assert read_pattern(typed) == pattern
