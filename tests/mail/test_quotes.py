"""What the sender newly wrote; nothing is ever lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.mail.quotes import REPLY_ABOVE, split_reply

QUOTE = "> Please install 4.2.\n> Nora"


@pytest.mark.parametrize(
    "header",
    [
        "On Mon, 2 Mar 2026 at 10:11, Nora Keller <nora@desk.example> wrote:",
        "On Mon, 2 Mar 2026 at 10:11,\nNora Keller <nora@desk.example>\nwrote:",
        "Am 02.03.2026 um 10:11 schrieb Nora Keller:",
        "Le 2 mars 2026 à 10:11, Nora Keller <nora@desk.example> a écrit :",
        "El 2 mar 2026, a las 10:11, Nora Keller <nora@desk.example> escribió:",
        "Il giorno 2 mar 2026, alle ore 10:11, Nora ha scritto:",
        "Op 2 mrt. 2026 om 10:11 schreef Nora <nora@desk.example>:",
        "Den 2 mars 2026 10:11 skrev Nora <nora@desk.example>:",
        "W dniu 2.03.2026 o 10:11, Nora pisze/napisał:",
        "2 марта 2026 г., в 10:11, Nora <nora@desk.example> написал(а):",
        "-----Original Message-----",
        "-----Ursprüngliche Nachricht-----",
        f"{REPLY_ABOVE}",
        "From: Nora Keller\nSent: Monday, March 2, 2026 10:11\nTo: Jonas",
        "Von: Nora Keller\nGesendet: Montag, 2. März 2026 10:11\nAn: Jonas",
        "________________________________\nFrom: Nora Keller\nSent: Monday",
    ],
)
def test_history_is_cut_in_many_languages(header):
    split = split_reply(f"Thanks, it prints!\n\n{header}\n{QUOTE}\n")
    assert split.visible == "Thanks, it prints!"
    assert "Please install" in split.quoted


def test_answers_between_quotes_stay_whole():
    text = "On 2 Mar 2026 Nora wrote:\n> Which printer?\nThe one upstairs.\n> Since when?\nTuesday.\n"
    assert split_reply(text).visible.endswith("Tuesday.")
    assert "Which printer?" in split_reply(text).visible


def test_a_forward_stays():
    text = "See below.\n\n---------- Forwarded message ---------\nFrom: A <a@b.example>\nDate: today\n\nBroken.\n"
    assert "Broken." in split_reply(text).visible


def test_only_a_quote_is_shown_whole():
    assert split_reply(QUOTE).visible == QUOTE


@pytest.mark.parametrize(
    "text",
    [
        "I wrote: nothing works.\nPlease help.",
        "On Monday we start.\nWill it work?",
        "From: the beginning it was slow.\nThanks",
        "The result:\n- one\n- two",
    ],
)
def test_ordinary_sentences_are_not_history(text):
    assert split_reply(text).visible == text


def test_a_signature_is_folded():
    assert split_reply("It works.\n\n-- \nJonas Berg\nNordlicht AB").visible == "It works."


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["On 1 x wrote:", "> q", "words", "", "-- ", "From: a", "Sent: b", "wrote:", "Am"]),
        max_size=40,
    )
)
def test_no_word_is_ever_lost(lines):
    split = split_reply("\n".join(lines))
    assert (split.visible + "\n" + split.quoted).split() == "\n".join(lines).split()
