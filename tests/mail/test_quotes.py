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
    assert sorted((split.visible + "\n" + split.quoted).split()) == sorted("\n".join(lines).split())


@pytest.mark.parametrize(
    "header",
    [
        "Dne 2. 3. 2026 v 10:11 Nora Keller napsal(a):",
        "Dňa 2. 3. 2026 o 10:11 Nora Keller napísal(a):",
        "2026. 03. 02. 10:11 keltezéssel, Nora Keller írta:",
        "Pe lun., 2 mar. 2026 la 10:11, Nora Keller <nora@desk.example> a scris:",
        "Στις 2/3/2026 10:11, ο/η Nora Keller έγραψε:",
        "2 Mar 2026 Pzt, 10:11 tarihinde Nora Keller <nora@desk.example> şunu yazdı:",
        "На пн, 2.03.2026 г. в 10:11 Nora Keller <nora@desk.example> написа:",
        "пн, 2 бер. 2026 р. о 10:11 Nora Keller <nora@desk.example> пише:",
        "Nora Keller kirjoitti 2.3.2026 klo 10.11:",
        "Den man. 2. mar. 2026 kl. 10.11 skrev Nora Keller <nora@desk.example>:",
        "2026年3月2日(月) 10:11 Nora Keller <nora@desk.example>:",
        "在 2026年3月2日，10:11，Nora Keller <nora@desk.example> 写道：",
        "2026년 3월 2일 (월) 오전 10:11, Nora Keller <nora@desk.example>님이 작성:",
        "Vào Th 2, 2 thg 3, 2026 vào lúc 10:11 Nora <nora@desk.example> đã viết:",
        "Pada tanggal Sen, 2 Mar 2026 pukul 10.11 Nora <nora@desk.example> menulis:",
        "เมื่อ จ. 2 มี.ค. 2026 เวลา 10:11 Nora <nora@desk.example> เขียนว่า:",
        "בתאריך יום ב׳, 2 במרץ 2026 ב-10:11 מאת Nora <nora@desk.example>:",
        "2026 m. kovo 2 d., 10:11, Nora <nora@desk.example> rašė:",
        "Kuupäev 02.03.2026 10:11, Nora kirjutas:",
        "V pon., 2. mar. 2026 ob 10:11 je oseba Nora <nora@desk.example> napisala:",
        "El dl., 2 de març 2026, 10:11, Nora <nora@desk.example> va escriure:",
        '02.03.2026, 10:11, "Nora Keller" <nora@desk.example>:',
        "Od: Nora Keller\nWysłano: poniedziałek, 2 marca 2026 10:11\nDo: Jonas",
        "Fra: Nora Keller\nSendt: 2. marts 2026 10:11\nTil: Jonas\nEmne: Printer",
        "差出人: Nora Keller\n送信日時: 2026年3月2日 10:11\n宛先: Jonas",
        "Kimden: Nora\nGönderildi: 2 Mart 2026 10:11\nKime: Jonas",
        "От: Nora\nОтправлено: 2 марта 2026 г. 10:11\nКому: Jonas",
        "--- Ursprungligt meddelande ---",
        "-------- Oprindelig besked --------",
    ],
)
def test_history_is_cut_in_more_languages(header):
    split = split_reply(f"Thanks, it prints!\n\n{header}\n\nPlease install 4.2.\nNora\n")
    assert split.visible == "Thanks, it prints!"
    assert split.quoted.endswith("Please install 4.2.\nNora")


def test_an_answer_below_the_quote_is_the_answer():
    split = split_reply(f"On 2 Mar 2026 10:11, Nora wrote:\n{QUOTE}\n\nDone, it works now.\n")
    assert split.visible == "Done, it works now."
    assert "Please install" in split.quoted


def test_words_above_and_below_one_quote_are_shown_together():
    split = split_reply(f"Hello Nora,\n\nOn 2 Mar 2026 10:11, Nora wrote:\n{QUOTE}\n\nDone, it works now.\n")
    assert split.visible.split() == ["Hello", "Nora,", "Done,", "it", "works", "now."]


def test_a_greeting_above_a_broken_attribution_is_not_taken_for_its_start():
    text = "On Monday I was ill.\nOn Tue, 3 Mar 2026 at 10:11 Nora\n<nora@desk.example> wrote:\n> Well?\n"
    assert split_reply(text).visible == "On Monday I was ill."


@pytest.mark.parametrize(
    "text",
    [
        "Sent from the warehouse, it arrived broken.\nPlease advise.",
        "We met:\n\nDate: 3 March 2026\nTime: 10:30\nPlace: Oslo\n\nPlease confirm.",
        "Dear desk,\non 3 March 2026 at 10:11 our manager wrote a complaint, see below.\n\nIt is still open.",
        "Settings:\n-------\na = 1\n-------\nb = 2",
        "A: yes\nB: no",
        "> is the character that fails in the search.\nPlease look.",
    ],
)
def test_more_ordinary_mail_stays_whole(text):
    assert split_reply(text).visible == text


MARKS = {
    "gmail": '<div dir="ltr">Answer</div><br><div class="gmail_quote"><div class="gmail_attr">Den dagen</div>'
    '<blockquote class="gmail_quote">History</blockquote></div>',
    "outlook.com": "<div>Answer</div><div id='appendonsend'></div><hr><div id='divRplyFwdMsg'><b>X</b></div><div>History</div>",
    "word": "<div class=WordSection1><p>Answer</p><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3pt 0'>"
    "<p><b>Avsändare</b></p></div><p>History</p></div>",
    "apple": "<div>Answer</div><div><br><blockquote type='cite'><div>Someone:</div></blockquote></div>"
    "<blockquote type='cite'>History</blockquote>",
    "thunderbird": "<p>Answer</p><div class='moz-cite-prefix'>Nekdo je rekel</div><blockquote type='cite'>History</blockquote>",
    "yahoo": "<div>Answer</div><div id='yahoo_quoted_1' class='yahoo_quoted'><div>X schrieb</div><div>History</div></div>",
    "proton": "Answer<div class='protonmail_quote'>On a day X wrote:<blockquote class='protonmail_quote'>History</blockquote></div>",
    "ours": f"<div>Answer</div><hr><div>{REPLY_ABOVE}</div><div>History</div>",
}


@pytest.mark.parametrize("client", MARKS)
def test_the_marks_of_mail_programs_are_known(client):
    split = split_reply("Answer\n\nHistory in words no rule knows", MARKS[client])
    assert split.visible == "Answer"
    assert "History" in split.quoted


def test_answers_inside_a_html_quote_stay():
    html = (
        '<div class="gmail_quote"><div class="gmail_attr">On 2 Mar 2026 10:11 Nora wrote:</div>'
        '<blockquote class="gmail_quote">Which printer?</blockquote><div>The one upstairs.</div>'
        '<blockquote class="gmail_quote">Since when?</blockquote><div>Tuesday.</div></div>'
    )
    visible = split_reply("", html).visible
    assert "The one upstairs." in visible
    assert "Tuesday." in visible
    assert "> Which printer?" in visible


def test_a_html_forward_stays():
    html = (
        'See below.<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>'
        "From: A &lt;a@b.example&gt;<br>Date: today 10:00<br>To: x<br></div><div>It is broken.</div></div>"
    )
    assert "It is broken." in split_reply("", html).visible


PIECES = ["<blockquote>alpha</blockquote>", "bravo", "<hr>", "<div class=gmail_quote>charlie", "</div>", "<p>delta",
          "&gt; echo<br>", "<div id=appendonsend></div>", "On 1 May 2026 foxtrot wrote:<br>", "<br>"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_no_word_of_html_is_ever_lost(pieces):
    split = split_reply("", "<body>" + " ".join(pieces))
    shown = f"{split.visible} {split.quoted}"
    if shown.strip():
        for word in ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot"):
            assert shown.count(word) == " ".join(pieces).count(word)


def test_an_indented_paragraph_is_not_a_quotation():
    html = 'Please see:<blockquote style="margin:0 0 0 40px;border:none;padding:0px">Room 4.</blockquote>'
    assert "Room 4." in split_reply("", html).visible
