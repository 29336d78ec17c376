"""Automatic answers: few, and none of them worth abusing."""

import pytest

from helpdesk.policy.acknowledge import is_no_reply, may_acknowledge, safe_subject

QUIET = {"automatic": False, "already_acknowledged": False, "sent_last_hour": 0, "sent_last_day": 0}


def test_a_person_is_answered():
    assert may_acknowledge(**QUIET, address="jonas@customer.example").allowed


@pytest.mark.parametrize(
    "values",
    [
        {"automatic": True},
        {"already_acknowledged": True},
        {"sent_last_hour": 2},
        {"sent_last_day": 5},
        {"address": "No-Reply@shop.example"},
        {"address": "MAILER-DAEMON@mx.example"},
        {"address": "bounces+17@list.example"},
    ],
)
def test_everything_else_is_not_and_says_why(values):
    verdict = may_acknowledge(**(QUIET | values))
    assert not verdict.allowed
    assert verdict.reason


def test_people_are_not_taken_for_machines():
    assert not [a for a in ("norbert@x.example", "noreen@x.example", "bouncer@x.example") if is_no_reply(a)]


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Printer broken", "Printer broken"),
        ("Win at https://evil.example/x now", "Win at … now"),
        ("call WWW.evil.example", "call …"),
        ("write to spam@evil.example", "write to …"),
        ("visit evil.example/path today", "visit … today"),
        ("a\r\nBcc: x\x00", "a Bcc: x"),
        ("javascript:alert(1)", "…"),
    ],
)
def test_a_subject_carries_no_link_and_no_address(subject, shown):
    assert safe_subject(subject) == shown


def test_a_subject_is_cut_to_80():
    assert len(safe_subject("word " * 100)) <= 80


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("see ｅｖｉｌ．example/x", "see …"),
        ("see evil。example", "see …"),
        ("see пример.рф", "see …"),
        ("see xn--e1afmkfd.xn--p1ai", "see …"),
        ("see 192.0.2.1:8080/x now", "see … now"),
        ("see evil.example:8443/x", "see …"),
        ("Version 2.11.4 fails, z.B. here", "Version 2.11.4 fails, z.B. here"),
    ],
)
def test_a_disguised_link_is_none_either(subject, shown):
    assert safe_subject(subject) == shown


def test_a_very_long_subject_takes_no_time():
    assert all(len(safe_subject(part * 200_000)) <= 80 for part in ("a-", "a.", "x", "@", "www."))
