"""The second reader: asked about short texts, never about hostile ones, and it never decides."""

import pytest

from helpdesk.mail.witness import describe_difference, second_opinion

REPLY = "It works.\n\nOn Mon, Mar 2, 2026 at 10:11 AM, Nora <nora@desk.example> wrote:\n\n> Please restart.\n"


def test_it_agrees_on_the_usual_reply():
    assert second_opinion(REPLY).strip() == "It works."
    assert describe_difference(REPLY, "It works.") == ""


def test_it_is_quoted_when_it_sees_more_or_less():
    german = "Läuft.\n\nAm 2. März 2026 schrieb Nora:\n\nBitte neu starten.\n"
    assert describe_difference(german, "Läuft.") == "email-reply-parser would show 10 words instead of 1."


@pytest.mark.parametrize("text", ["On x wrote\n" * 800, "x" * 5000, "On x wrote\n" * 10])
def test_what_could_keep_it_busy_is_not_shown_to_it(text):
    assert second_opinion(text) is None
    assert describe_difference(text, "x") == ""
