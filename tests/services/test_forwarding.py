"""A forward: what was said in public goes to somebody outside; no customer sees it, and what comes back waits."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.parse import parse
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, Notification, Participant, ScheduledReply, Ticket
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import access, attachments, forwarding, participants, scheduled
from helpdesk.services.forwarding import Wish, check_people
from helpdesk.services.outbox.conversation import thread_of
from helpdesk.services.outbox.deliver import drain
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.fakes import FakeSender
from tests.services.arrivals import receive
from tests.services.outbox.mails import outgoing
from tests.services.test_scheduled import deliver, said

EXPERT, BOSS = "expert@maker.example", "boss@elsewhere.example"
COLLEAGUE = "colleague@customer.example"
KEY = "a-form-key-of-forwarding"
TRUSTED = "mx.desk.example"
SECRET = "canary of the team"


def file(name):
    return attachments.stage([MailFile(name, "text/plain", name.encode())])


@pytest.fixture
def talk(ticket, agent):
    """A conversation: the customer's mail, an answer and words with files, and a note with another."""
    with transaction():
        comments.add_reply(ticket, Words("Please send the log."), actor=agent)
        words = Words("Here it is.", files=file("log.txt"))
        comments.add_incoming(ticket, words, address=ticket.requester_address, actor=ticket.requester)
        comments.add_note(ticket, Words(SECRET, files=file("secret.txt")), actor=agent)
    db.session.expire_all()
    return ticket


def press_forward(
    ticket, agent, *, ids=None, files=(), text="Can you **help**?", to=(EXPERT,), key=KEY, **people
):
    ids = ids or [one.id for one in forwarding.conversation(ticket)]
    wish = Wish(text, tuple(ids), tuple(files), check_people(to, **people))
    forwarding.prepare(ticket, wish, actor=agent)
    with transaction():
        return forwarding.schedule(ticket, wish, actor=agent, form_key=key)


def send(ticket, agent, sender=None, **options):
    assert deliver(press_forward(ticket, agent, **options))
    sender = sender or FakeSender()
    drain(ticket.account_id, sender=sender)
    return outgoing(purpose="forward")[-1], sender


def answer(mail, sender=f"Eva Expert <{EXPERT}>", text="Turn it off.\n", **headers):
    to = headers.pop("to", factories.SUPPORT)
    return factories.make_mail(
        sender=sender,
        to=to,
        subject=f"Re: {mail.subject}",
        text=text,
        In_Reply_To=f"<{mail.message_id}>",
        **headers,
    )


def last(ticket):
    db.session.expire_all()
    return db.session.scalars(select(Comment).order_by(Comment.id.desc()).limit(1)).one()


def test_the_conversation_goes_out_with_own_words_and_chosen_files_and_without_a_note(talk, agent):
    (log,) = [f.id for one in talk.comments for f in one.attachments if f.filename == "log.txt"]
    status = talk.status
    mail, sender = send(talk, agent, files=[log], cc=[COLLEAGUE], bcc=[BOSS])
    (taken,) = sender.sent
    assert taken.recipients == (EXPERT, COLLEAGUE, BOSS)
    read = parse(taken.raw)
    assert read.subject == "Fwd: [TKT-2026-00001] Printer shows error 49"
    for part in (read.text, read.html):
        for words in ("It does not print.", "Please send the log.", "Here it is.", factories.CUSTOMER):
            assert words in part
    assert "Can you help?" in read.text
    assert "help</strong>" in read.html
    assert [f.filename for f in read.files] == ["log.txt"]
    assert SECRET.encode() not in taken.raw
    assert agent.email.encode() not in taken.raw
    assert b"elsewhere.example" not in taken.raw
    assert b"References:" not in taken.raw
    (comment,) = said(talk, CommentKind.FORWARD)
    assert (comment.text, mail.comment_id, talk.status) == ("Can you help?", comment.id, status)
    assert "Here it is." in comment.full_text
    assert [f.filename for f in comment.attachments] == ["log.txt"]


def test_one_message_goes_out_alone(talk, agent):
    one = forwarding.conversation(talk)[1]
    _, sender = send(talk, agent, ids=[one.id], text="")
    read = parse(sender.sent[0].raw)
    assert "Please send the log." in read.text
    assert "It does not print." not in read.text
    assert not read.files


def test_a_note_its_files_and_what_is_on_another_ticket_are_never_passed_on(account, talk, agent):
    other = factories.make_ticket(account, factories.OTHER_CUSTOMER, text="Of somebody else")
    (note,) = said(talk, CommentKind.NOTE)
    public = forwarding.conversation(talk)[0].id
    for ids in ([note.id], [public, note.id], [forwarding.conversation(other)[0].id], []):
        with pytest.raises(NotFound):
            forwarding.prepare(talk, Wish("", tuple(ids), (), check_people([EXPERT])), actor=agent)
    with pytest.raises(NotFound):
        wish = Wish("", (public,), (note.attachments[0].id,), check_people([EXPERT]))
        forwarding.prepare(talk, wish, actor=agent)


@pytest.mark.parametrize("to", [[], ["no address"], [factories.SUPPORT]])
def test_it_goes_to_somebody_outside_of_the_desk(account, to):
    with pytest.raises(InvalidInput):
        check_people(to)


def test_no_customer_is_told_of_it_or_sees_it_and_nobody_joins(talk, agent):
    before = len(access.visible_comments(talk, talk.requester))
    _, sender = send(talk, agent)
    assert len(access.visible_comments(talk, talk.requester)) == before
    assert {p.address.email for p in db.session.query(Participant)} == {factories.CUSTOMER}
    assert all(
        factories.CUSTOMER not in mail.addressed for mail in outgoing() if mail.comment_id == last(talk).id
    )
    assert outgoing(purpose="forward")[0].message_id not in thread_of(talk).references
    assert len(sender.sent) == 1


@pytest.mark.parametrize("how", ["token", "id", "mark"])
def test_what_the_third_party_answers_waits_for_an_agent(talk, agent, how):
    if how == "token":
        with transaction():
            talk.account.takes_plus_addresses = True
    mail, sender = send(talk, agent)
    read = parse(sender.sent[0].raw)
    raw = {
        "token": lambda: factories.make_mail(
            sender=f"Eva <{EXPERT}>", to=read.reply_to[0].email, text="Turn it off.\n"
        ),
        "id": lambda: answer(mail),
        "mark": lambda: factories.make_mail(
            sender=f"Eva <{EXPERT}>", text="Turn it off.\n\n> " + read.text.replace("\n", "\n> ")
        ),
    }[how]()
    before = db.session.query(Ticket).count()
    receive(talk.account, raw)
    comment = last(talk)
    assert (comment.ticket_id, comment.kind, comment.is_released) == (talk.id, CommentKind.INCOMING, False)
    assert comment not in access.visible_comments(talk, talk.requester)
    assert {p.address.email for p in db.session.query(Participant)} == {factories.CUSTOMER}
    assert db.session.query(Ticket).count() == before


def test_even_a_participant_who_got_the_forward_answers_to_the_team_alone(talk, agent):
    with transaction():
        participants.add(talk, COLLEAGUE, actor=agent)
    mail, _ = send(talk, agent, to=[COLLEAGUE])
    for who in (COLLEAGUE, factories.CUSTOMER):
        receive(talk.account, answer(mail, sender=who, text=f"From {who}\n"))
        assert not last(talk).is_released


def test_an_agent_who_answers_it_by_mail_writes_a_note_and_the_customer_gets_nothing(talk, agent):
    with transaction():
        talk.account.trusted_authserv_id = TRUSTED
    mail, _ = send(talk, agent, cc=[factories.AGENT])
    proof = {"Authentication_Results": f"{TRUSTED}; dmarc=pass"}
    receive(talk.account, answer(mail, sender=factories.AGENT, text="I know her.\n", **proof))
    assert last(talk).kind is CommentKind.NOTE
    assert outgoing(purpose="reply") == []


def test_an_answer_to_it_long_after_closing_still_waits_on_the_ticket(talk, agent):
    mail, _ = send(talk, agent)
    with transaction():
        changing.move(talk, Status.CLOSED, actor=agent)
        talk.closed_at = utcnow() - timedelta(days=90)
    receive(talk.account, answer(mail))
    assert (last(talk).ticket_id, last(talk).is_released, talk.status) == (talk.id, False, Status.CLOSED)


def test_a_forward_is_taken_back_and_begun_again(talk, agent):
    reply = press_forward(talk, agent, bcc=[BOSS])
    with transaction():
        scheduled.undo(talk, reply.id, actor=agent)
    again = forwarding.one_of(talk, reply.id, agent)
    assert forwarding.wish_of(again).people.bcc == (BOSS,)
    assert forwarding.wish_of(again).text == "Can you **help**?"
    assert not deliver(reply)
    assert outgoing(purpose="forward") == []


def test_one_that_must_not_go_out_any_more_is_kept_for_its_author_and_is_no_draft_for_the_customer(
    talk, agent
):
    reply = press_forward(talk, agent)
    with transaction():
        for grant in list(agent.grants):
            db.session.delete(grant)
    db.session.expire_all()
    assert not deliver(reply)
    assert [one.id for one in scheduled.standing(talk, agent)[1]] == [reply.id]
    assert db.session.get(ScheduledReply, reply.id).text == "Can you **help**?"
    assert "stopped" in [row.kind for row in db.session.query(Notification)]
    with transaction():
        forwarding.let_go(db.session.get(ScheduledReply, reply.id))
    assert scheduled.standing(talk, agent) == ([], [])


def test_a_form_sent_twice_forwards_once_and_its_key_makes_nothing_else(talk, agent):
    first = press_forward(talk, agent)
    assert press_forward(talk, agent).id == first.id
    assert [deliver(first), deliver(first)] == [True, False]
    assert len(said(talk, CommentKind.FORWARD)) == 1
    other = factories.make_admin()
    with pytest.raises(Conflict):
        press_forward(talk, other)


def test_one_that_was_taken_back_goes_out_when_its_very_form_is_sent_again(talk, agent):
    """As by the browser's way back: neither lost without a word, nor sent as it was before."""
    reply = press_forward(talk, agent)
    with transaction():
        scheduled.undo(talk, reply.id, actor=agent)
    again = press_forward(talk, agent, text="Please help", to=[BOSS])
    assert deliver(again)
    assert [mail.addressed for mail in outgoing(purpose="forward")] == [[BOSS]]
    assert last(talk).text == "Please help"
