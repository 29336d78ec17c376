"""The conversation below an answer: to exactly its readers what all of them may read, and marked so that it is cut."""

import pytest

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.mail.parse import parse
from helpdesk.mail.quotes import split_reply
from helpdesk.models import User
from helpdesk.models.mail import QuotedHistory
from helpdesk.services import participants, people, replies
from helpdesk.services.outbox import answers, history
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.outbox.mails import outgoing

LATE, STRANGER = "late@customer.example", "sam@stranger.example"
GMAIL = '<div dir="ltr">It prints, thank you!</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Sun, Nov 22, 2026 at 9:00 AM Nora &lt;<a href="mailto:support@desk.example">support@desk.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">{}</blockquote></div>'
OUTLOOK = "It prints, thank you!\n\nFrom: Nora Keller <support@desk.example>\nSent: Sunday, November 22, 2026 9:00 AM\nTo: Jonas Berg <jonas@customer.example>\nSubject: Re: Printer shows error 49\n\n{}"


@pytest.fixture
def ticket(account, agent):
    """The customer, an answer, a note, a stranger, somebody in copy since then, and the customer once more."""
    with transaction():
        account.quoted_history = QuotedHistory.FULL
    ticket = factories.make_ticket(account, text="It does not print.\n\n> nor scan")
    jonas = people.find_user(factories.CUSTOMER)
    with transaction():
        jonas.name = "Jonas Berg"
        comments.add_reply(ticket, comments.in_markdown("Is it **on**?"), actor=agent)
        comments.add_note(ticket, comments.in_markdown("He is *difficult*"), actor=agent)
        sam = people.address_for(STRANGER)
        unreleased = Words("Let me in", is_from_email=True, is_released=False)
        comments.add_incoming(ticket, unreleased, address=sam, actor=None)
        participants.add(ticket, LATE, actor=agent)
        comments.add_incoming(
            ticket, Words("Yes, it is.", is_from_email=True), address=ticket.requester_address, actor=jonas
        )
    return ticket


def made(ticket, agent, *, cc=(), bcc=(), text="Then restart it."):
    letter = answers.answer(ticket, text, (), actor=agent, to=[factories.CUSTOMER], cc=cc, bcc=bcc)
    return parse(letter.raw)


def told(ticket, *emails):
    return [one.text for one in history.quoted(ticket, emails)]


def test_the_requester_is_quoted_what_was_said_in_public_the_newest_first(ticket, agent):
    assert told(ticket, factories.CUSTOMER) == [
        "Yes, it is.",
        "Is it on?",
        "It does not print.\n\n> nor scan",
    ]
    mail = made(ticket, agent)
    assert "\n> Yes, it is.\n" in mail.text
    assert "\n> It does not print.\n>\n> > nor scan" in mail.text
    assert "Jonas Berg wrote:\n> Yes" in mail.text
    assert '<blockquote type="cite"' in mail.html
    assert "<strong" in mail.html
    for words in ("difficult", "Let me in"):
        assert words not in mail.text + mail.html


@pytest.mark.parametrize("copy", ["cc", "bcc"])
def test_nobody_in_copy_gets_anything_from_before_he_joined(ticket, agent, copy):
    assert told(ticket, factories.CUSTOMER, LATE) == ["Yes, it is."]
    mail = made(ticket, agent, **{copy: [LATE]})
    assert "Is it on" not in mail.text + mail.html
    assert "It does not print" not in mail.text + mail.html
    for somebody_new in (STRANGER, "never@seen.example"):
        assert told(ticket, factories.CUSTOMER, somebody_new) == []
        assert "Yes, it is" not in made(ticket, agent, **{copy: [somebody_new]}).text


def test_a_colleague_in_copy_makes_no_note_public(ticket, agent):
    assert told(ticket, factories.CUSTOMER, agent.email) == told(ticket, factories.CUSTOMER)
    assert told(ticket, agent.email) == told(ticket, factories.CUSTOMER)


def test_one_newly_put_into_copy_reads_no_word_of_before_in_what_is_sent(ticket, agent):
    prepared = replies.prepare(ticket, "Hello all.", actor=agent, cc=["new@customer.example"])
    with transaction():
        replies.send(ticket, prepared, actor=agent)
    (email,) = outgoing(purpose="reply")
    mail = parse(storage.read(email.raw_sha256))
    assert "Hello all." in mail.text
    assert "wrote:" not in mail.text


def test_the_last_message_or_none_where_the_account_says_so(ticket, agent, account):
    with transaction():
        account.quoted_history = QuotedHistory.LAST
    assert told(ticket, factories.CUSTOMER) == ["Yes, it is."]
    with transaction():
        account.quoted_history = QuotedHistory.NONE
    assert told(ticket, factories.CUSTOMER) == []
    assert "wrote:" not in made(ticket, agent).text


def test_an_answer_that_is_said_already_does_not_quote_itself(ticket, agent):
    with transaction():
        comment = comments.add_reply(ticket, Words("By my phone."), actor=agent)
    assert [one.text for one in history.quoted(ticket, [factories.CUSTOMER], before=comment)][:1] == [
        "Yes, it is."
    ]


def test_a_long_conversation_is_quoted_as_far_as_there_is_room(ticket, agent):
    with transaction():
        for _ in range(30):
            comments.add_reply(ticket, Words("& word " * 1000), actor=agent)
    mail = made(ticket, agent)
    assert len(mail.html) < 102_000
    found = history.quoted(ticket, [factories.CUSTOMER])
    assert sum(len(one.text) for one in found) <= history.MOST_CHARS + 2 * len(found)
    assert all(one.is_cut for one in found)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_answer_to_it_is_cut_at_the_right_place(ticket, agent, language):
    with transaction():
        people.find_user(factories.CUSTOMER).language = language
        db.session.get(User, agent.id).signature = "Kind regards\n**Nora**"
    ours = made(ticket, agent)
    own = split_reply(ours.text, ours.html, subject=ours.subject)
    assert "Then restart it." in own.visible
    assert "Yes, it is." not in own.visible
    quoted = "\n".join(f"> {line}" for line in ours.text.split("\n"))
    plain = f"It prints, thank you!\n\nOn Sun, Nov 22, 2026 at 9:00 AM Nora <support@desk.example> wrote:\n\n{quoted}"
    for text, html in ((plain, ""), (plain, GMAIL.format(ours.html)), (OUTLOOK.format(ours.text), "")):
        assert split_reply(text, html, subject="Re: " + ours.subject).visible == "It prints, thank you!"
