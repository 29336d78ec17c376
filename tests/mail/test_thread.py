"""Signed ids, and ticket numbers in subjects."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.mail.parse import parse
from helpdesk.mail.thread import (
    INSTANCE_HEADER,
    IssuedId,
    bare_subject,
    evidence,
    issue_marker,
    issue_message_id,
    issue_reply_token,
    read_markers,
    read_message_id,
    read_reply_token,
    read_thread_index,
    subject_tag,
    tagged_subject,
    token_in,
    with_token,
    without_markers,
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
    token = issue_reply_token(42, nonce="n0nce", key=KEY, instance=INSTANCE)
    assert read_reply_token(token.upper(), keys=[KEY], instance=INSTANCE) == IssuedId(
        42, "n0nce", is_short=True
    )
    assert read_reply_token(token.replace("n0", "n1"), keys=[KEY], instance=INSTANCE) is None
    signature = token.rpartition(".")[2]
    assert read(f"hd.42.n0nce.{signature}@desk.example") is None
    assert read(f"hd.42.n0nce.{signature}aaaa@desk.example") is None


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
        ("[TKT-2024-00123]Can't", 123),
        ("[tkt\u20112026\u201100007] x", 7),
        ("[Ticket #42] x", 42),
        ("[#42] x", 42),
        ("Re:#42", 42),
        ("#42: x", 42),
        ("回复：#42", 42),
        ("Automatic reply: #42", 42),
        ("[External Email] Re: #5", 5),
        ("*SPAM* #5", 5),
        ("[TKT-2024-2147483647]", None),
        ("[TKT-99999-5]", None),
        ("[TICKET-٣]", None),
        ("#٤٢", None),
        ("PR #42 in the middle", None),
        ("Tickets #99", None),
        ("[TKT-2025-00001] about [TKT-2026-00002]", 1),
        ("#" * 5000, None),
        ("[TKT-" * 5000, None),
        (" " * 100_000 + "#42", None),
    ],
)
def test_which_subjects_name_a_ticket(subject, number):
    assert subject_tag(subject) == number


def test_a_format_of_ones_own_is_recognised():
    assert subject_tag("Re: [HELP/0042] x", ["HELP/{number:04d}"]) == 42
    assert subject_tag("Re: [A-2025-7] x", ["A-{year}-{number}"]) == 7


def test_any_format_shown_is_read_again():
    for number_format in ("TKT-{year}-{number:05d}", "{number}", "CASE {number}/{year}", "é.*({number})"):
        shown = number_format.format(year=2026, number=42)
        for subject in (tagged_subject(shown, "Printer"), f"AW: [{shown.upper()}] Printer"):
            assert subject_tag(subject, [number_format]) == 42
        assert tagged_subject(shown, tagged_subject(shown, "Printer")) == f"[{shown}] Printer"


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


@settings(max_examples=300, deadline=None)
@given(
    subject=st.text(max_size=400)
    | st.lists(st.sampled_from(["Re: ", "[#1] ", "AW:", "x ", "[EXT]"])).map("".join)
)
def test_tagging_twice_changes_nothing_and_is_always_read_again(subject):
    tagged = tagged_subject("TKT-2026-00042", subject)
    assert tagged_subject("TKT-2026-00042", tagged) == tagged
    assert subject_tag(tagged) == subject_tag(f"Re: {tagged}") == 42
    assert len(tagged) <= 220


def test_a_reply_token_names_one_mail_of_ours():
    token = issue_reply_token(123456, nonce="abcdefgh12345678", key=KEY, instance=INSTANCE)
    address = with_token("customer.service@desk.example", token)
    found = read_reply_token(token_in(address.upper()), keys=[OLD_KEY, KEY], instance=INSTANCE)
    assert found == IssuedId(123456, "abcdefgh", is_short=True)
    issued = issue_message_id(
        123456, nonce="abcdefgh12345678", key=KEY, instance=INSTANCE, domain="desk.example"
    )
    assert found is not None and issued.startswith(found.message_prefix)
    assert len(address.partition("@")[0]) <= 64
    assert with_token(f"{'x' * 60}@desk.example", token) == ""
    assert read_reply_token(token, keys=[KEY], instance="other") is None
    assert read_reply_token(token, keys=[], instance=INSTANCE) is None
    assert token_in("support@desk.example") == ""


def test_any_changed_letter_spoils_a_reply_token():
    good = issue_reply_token(42, nonce="n0nce", key=KEY, instance=INSTANCE)
    others = [f"{good[:i]}{'b' if good[i] != 'b' else 'c'}{good[i + 1 :]}" for i in range(len(good))]
    for token in (*others, *(good[:i] for i in range(len(good))), good + "a", "x" + good):
        assert read_reply_token(token, keys=[KEY], instance=INSTANCE) is None, token


@settings(max_examples=300, deadline=None)
@given(
    token=st.text(max_size=80) | st.from_regex(r"t[0-9]{1,10}\.[a-z0-9]{1,8}\.[a-z2-7]{20}", fullmatch=True)
)
def test_what_we_did_not_issue_is_nothing(token):
    assert read_reply_token(token, keys=[KEY], instance=INSTANCE) is None
    assert read(f"hd.{token[1:]}@desk.example") is None
    assert read_markers(f"hd:{token[1:]}", keys=[KEY], instance=INSTANCE) == ()


def marker(ticket_id=42, key=KEY):
    return issue_marker(ticket_id, nonce="n0nce", key=key, instance=INSTANCE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"> {marker()}", [42]),
        (f"[{marker().upper()}]", [42]),
        (f"{marker(1)} {marker(2)}\n{marker(1)}", [1, 2]),
        (marker(key=OLD_KEY), [42]),
        (marker(key=b"strange"), []),
        (marker()[:-1], []),
        (marker() + "a", []),
        (marker().replace("hd:42", "hd:43"), []),
        (f"hd:42.\u212a.{'a' * 24} {marker()}", [42]),
        ("hd:42." * 200_000, []),
        ("", []),
    ],
)
def test_markers_of_ours_in_quoted_text(text, found):
    markers = read_markers(text, keys=(KEY, OLD_KEY), instance=INSTANCE)
    assert [issued.ticket_id for issued in markers] == found


def mail(*fields, body="Hello"):
    lines = ["From: jonas@customer.example", "To: support@desk.example", *fields, "", body]
    return parse("\r\n".join(lines).encode())


def gather(*fields, **values):
    return evidence(mail(*fields, **values), keys=(KEY, OLD_KEY), instance=INSTANCE)


def test_evidence_is_read_from_in_reply_to_then_references_backwards():
    first, last = issue(ticket_id=1), issue(OLD_KEY, ticket_id=2)
    found = gather(
        "In-Reply-To: <answered@customer.example>",
        f"References: <{first}> <oldest@customer.example> <{last}> <answered@customer.example>",
    )
    assert [issued.ticket_id for issued in found.issued] == [2, 1]
    assert found.foreign == ("answered@customer.example", "oldest@customer.example")
    assert (found.subject_number, found.marked, found.is_own) == (None, (), False)


def test_only_the_last_fifty_ids_are_looked_at():
    ids = " ".join(f"<{n}@customer.example>" for n in range(200))
    assert gather(f"References: <{issue()}> {ids}").issued == ()
    assert gather(f"References: {ids} <{issue()}>").issued != ()
    assert len(gather(f"References: {ids}").foreign) == 50


def test_a_number_and_a_marker_are_evidence_too():
    found = gather("Subject: AW: [TKT-2026-00009] Printer", body=f"Thanks\n\n> {marker()}")
    assert (found.subject_number, found.marked) == (9, (IssuedId(42, "n0nce"),))


@pytest.mark.parametrize(
    ("field", "is_own"),
    [
        (f"Message-ID: <{issue()}>", True),
        (f"Message-ID: <{issue(OLD_KEY).upper()}>", True),
        (f"Message-ID: <{issue(b'strange')}>", False),
        (f"{INSTANCE_HEADER}: {INSTANCE}", True),
        (f"{INSTANCE_HEADER}: another", False),
        (f"{INSTANCE_HEADER}:", False),
        (f"In-Reply-To: <{issue()}>", False),
    ],
)
def test_our_own_mail_is_known_when_it_comes_back(field, is_own):
    found = gather(field)
    assert found.is_own is is_own
    assert bool(found.loop) is is_own


def test_a_desk_without_an_instance_takes_no_mail_for_its_own():
    assert not evidence(mail(f"{INSTANCE_HEADER}:"), keys=(KEY,), instance="").is_own


def test_addresses_it_was_sent_to_are_evidence_in_the_order_of_their_worth():
    tokens = [issue_reply_token(n, nonce="n0nce", key=KEY, instance=INSTANCE) for n in (1, 2, 3)]
    addresses = [with_token("support@desk.example", token) for token in tokens]
    found = gather(
        f"Cc: {addresses[2]}, a+b@c.example", f"Delivered-To: {addresses[0]}", f"Cc: {addresses[1]}"
    )
    assert found.tokens[0].ticket_id == 1
    assert {token.ticket_id for token in found.tokens} == {1, 2, 3}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("AdHb" + "A" * 26, ""),
        (base64.b64encode(bytes(range(22))).decode(), bytes(range(22)).hex()),
        (base64.b64encode(bytes(range(32))).decode(), bytes(range(22)).hex()),
        (
            " ".join(
                [
                    base64.b64encode(bytes(range(32))).decode()[:20],
                    base64.b64encode(bytes(range(32))).decode()[20:],
                ]
            ),
            bytes(range(22)).hex(),
        ),
        ("not base64!" * 10, ""),
        ("", ""),
    ],
)
def test_all_mails_of_a_conversation_share_the_beginning_of_their_thread_index(value, found):
    assert read_thread_index(value) == found


def test_a_mark_is_cut_from_a_text_with_its_brackets():
    assert without_markers(f"Hello [{marker()}] there {marker().upper()}.") == "Hello  there ."
