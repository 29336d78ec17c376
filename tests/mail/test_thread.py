"""Signed ids, and ticket numbers in subjects."""

import pytest

from helpdesk.mail.thread import (
    IssuedId,
    bare_subject,
    issue_message_id,
    issue_reply_token,
    read_message_id,
    read_reply_token,
    subject_tag,
    tagged_subject,
)

KEY, OLD_KEY, INSTANCE = b"k" * 32, b"o" * 32, "abc123"


def issue(key=KEY, instance=INSTANCE, ticket_id=42):
    return issue_message_id(ticket_id, nonce="n0nce", key=key, instance=instance, domain="desk.example")


def read(message_id, keys=(KEY,), instance=INSTANCE):
    return read_message_id(message_id, keys=keys, instance=instance)


def test_an_id_of_ours_is_known_again():
    assert read(issue()) == IssuedId(42, "n0nce")


@pytest.mark.parametrize(
    "change", [str.upper, lambda m: f"<{m}>", lambda m: m.split("@")[0] + "@other.example"]
)
def test_what_servers_do_to_ids_does_not_matter(change):
    assert read(change(issue())) == IssuedId(42, "n0nce")


def test_an_older_key_still_counts_and_a_strange_one_does_not():
    assert read(issue(OLD_KEY), keys=(KEY, OLD_KEY))
    assert read(issue(OLD_KEY)) is None
    assert read(issue(instance="other")) is None


def test_any_changed_letter_spoils_it():
    good = issue().split("@", maxsplit=1)[0]
    for i, letter in enumerate(good):
        for other in "a7.":
            if letter != other:
                assert read(f"{good[:i]}{other}{good[i + 1 :]}@desk.example") is None
    for i in range(len(good)):
        assert read(good[:i] + "@desk.example") is None


def test_ids_and_reply_addresses_are_not_exchangeable():
    token = issue_reply_token(42, 7, key=KEY, instance=INSTANCE)
    assert read_reply_token(token.upper(), keys=[KEY], instance=INSTANCE) == (42, 7)
    assert read_reply_token(token.replace("t42.7", "t42.8"), keys=[KEY], instance=INSTANCE) is None
    signature = token.rpartition(".")[2]
    assert read(f"hd.42.7.{signature}@desk.example") is None


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("[TICKET-042] Problem", 42),
        ("[TICKET-001] - Problem gelöst", 1),
        ("#42 - Request", 42),
        ("Ticket #99 - Bug", 99),
        ("RE: [TICKET-005]", 5),
        ("[TKT-2024-00123] Can't login", 123),
        ("Re: AW: SV: [TKT-2024-00123] x", 123),
        ("AW: #42", 42),
        ("[EXTERNAL] Re: Ticket #7", 7),
        ("Re[2]: #8", 8),
        ("Fwd: something [TKT-2026-00009]", 9),
        ("Problem with ticket 123", None),
        ("Problem mit Ticket 123", None),
        ("Invoice #4711 is wrong", None),
        ("We bought [2024] things", None),
        ("#42abc", None),
        ("#0", None),
        ("#12345678901", None),
        ("", None),
    ],
)
def test_which_subjects_name_a_ticket(subject, number):
    assert subject_tag(subject) == number


def test_a_format_of_ones_own_is_recognised():
    assert subject_tag("Re: [HELP/0042] x", ["HELP/{number:04d}"]) == 42
    assert subject_tag("Re: [A-2025-7] x", ["A-{year}-{number}"]) == 7


@pytest.mark.parametrize(
    ("subject", "tagged"),
    [
        ("Printer", "[TKT-2026-00042] Printer"),
        ("Re: [TKT-2026-00042] Printer", "[TKT-2026-00042] Printer"),
        ("AW: Re: Printer", "[TKT-2026-00042] Printer"),
        ("", "[TKT-2026-00042]"),
    ],
)
def test_the_tag_stands_once_and_in_front(subject, tagged):
    assert tagged_subject("TKT-2026-00042", subject) == tagged
    assert tagged_subject("TKT-2026-00042", tagged) == tagged


def test_a_subject_of_prefixes_ends():
    assert bare_subject("Re: " * 5000) == ""
