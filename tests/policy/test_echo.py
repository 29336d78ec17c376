"""What two machines say to each other, told from what people write."""

import pytest

from helpdesk.policy import echo

SENT = "[TKT-2026-00007] Printer shows error 49"
LINES = [
    "Thank you for writing. Your message has arrived and somebody will look at it soon.",
    "Status: Open",
    "",
]


@pytest.mark.parametrize(
    ("subject", "text", "repeats"),
    [
        (f"[TKT-2026-00003] {SENT}", "", True),
        ("[Case 5] " + SENT.upper(), "", True),
        ("Your request 5", f"Number: 5\nSubject: {SENT}\n", True),
        ("Printer shows error 49", "It still does not print.", False),
        ("TKT-2026-00007", "What about this one?", False),
        ("", "", False),
    ],
)
def test_our_number_and_subject_together_are_an_echo(subject, text, repeats):
    assert echo.repeats_subject(SENT, subject=subject, text=text) is repeats


def test_a_subject_is_known_again_when_it_was_cut_or_made_harmless():
    sent = "[TKT-2026-00007] Please look at the page " + "very " * 40
    assert echo.repeats_subject(sent, subject="[A-1] " + sent[:80] + "…", text="")
    linked = "[TKT-2026-00007] Trouble with https://shop.example/basket"
    assert echo.repeats_subject(linked, subject="[A-1] [TKT-2026-00007] Trouble with …", text="")
    assert not echo.repeats_subject("[#7] Hi", subject="[#17] [#7] Hi", text="")  # too little to tell


def test_a_sentence_of_ours_is_an_echo_and_a_word_is_none():
    assert echo.repeats_line(
        LINES, "HELLO,\nthank you for writing. Your message has arrived and\nsomebody will look at it soon."
    )
    assert not echo.repeats_line(LINES, "Thank you for writing. Status: Open. It is not solved.")


def test_machines_that_count_say_the_same():
    assert echo.is_same("Disk at 91 % on host7", "Disk at 99% on host 12")
    assert not echo.is_same("Disk at 91 %", "Disk at 91 %, still")
    assert not echo.is_same("", "12")
