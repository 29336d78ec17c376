"""Answers that may still be taken back: nothing before their time, everything at once in it, and once."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.mail.types import MailFile
from helpdesk.models import (
    Attachment,
    Comment,
    Draft,
    EmailMessage,
    Event,
    ScheduledReply,
    Ticket,
    Upload,
    User,
)
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import (
    attachments,
    doctor,
    drafts,
    participants,
    people,
    scheduled,
    scheduled_delivery,
    sweep,
)
from helpdesk.services.drafts import Written
from helpdesk.services.scheduled import Crossed, Seen
from helpdesk.services.tickets import comments, opening
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.outbox.mails import outgoing

COLLEAGUE = "colleague@customer.example"
KEY = "a-form-key-of-the-tests"
FILE = MailFile("log.txt", "text/plain", b"a line")


def press_send(
    ticket,
    agent,
    text="Please install 4.2.",
    files=(),
    cc=None,
    bcc=(),
    to=None,
    key=KEY,
    tokens=(),
    **options,
):
    ready = scheduled.prepare(ticket, text, files, actor=agent, cc=cc, bcc=bcc, to=to, tokens=tokens)
    with transaction():
        return scheduled.schedule(ticket, ready, actor=agent, form_key=key, **options)


def let_time_pass(reply_id):
    with transaction():
        db.session.get_one(ScheduledReply, reply_id).due_at = utcnow() - timedelta(seconds=1)


def deliver(reply):
    let_time_pass(reply.id)
    return scheduled_delivery.deliver(reply.id)


def said(ticket, kind=CommentKind.REPLY):
    rows = select(Comment).where(Comment.ticket_id == ticket.id, Comment.kind == kind).order_by(Comment.id)
    return list(db.session.scalars(rows))


def happened(ticket):
    return list(db.session.scalars(select(Event.type).where(Event.ticket_id == ticket.id).order_by(Event.id)))


def own_draft(agent, ticket):
    db.session.expire_all()
    return drafts.find(agent, ticket, CommentKind.REPLY)


def customer_writes(ticket, text="It works by now"):
    with transaction():
        return comments.add_incoming(
            ticket, Words(text), address=ticket.requester_address, actor=ticket.requester
        )


def test_before_its_time_nothing_of_it_exists(ticket, agent):
    before = happened(ticket)
    reply = press_send(ticket, agent)
    assert timedelta(seconds=14) < reply.due_at - utcnow() <= timedelta(seconds=15)
    assert not scheduled_delivery.deliver(reply.id)
    assert (said(ticket), outgoing(), happened(ticket)) == ([], [], before)
    assert ticket.status is Status.NEW
    assert [waiting.text for waiting in scheduled.waiting(ticket)] == ["Please install 4.2."]


def test_at_its_time_it_is_a_comment_a_status_events_and_a_mail(ticket, agent):
    reply = press_send(ticket, agent, files=[FILE], status=Status.RESOLVED)
    assert deliver(reply)
    (comment,), (mail,) = said(ticket), outgoing(purpose="reply")
    assert (comment.text, comment.author_id, mail.comment_id) == ("Please install 4.2.", agent.id, comment.id)
    assert [a.filename for a in comment.attachments] == ["log.txt"]
    assert mail.recipients == {"to": [factories.CUSTOMER], "cc": []}
    assert ticket.status is Status.RESOLVED
    assert {"comment.added", "email.queued", "ticket.status_changed"} <= set(happened(ticket))
    db.session.refresh(reply)
    assert (reply.state, reply.comment_id, reply.text) == ("sent", comment.id, "")
    assert db.session.scalar(select(Upload)) is None


def test_however_often_it_is_delivered_it_is_there_once(ticket, agent):
    reply = press_send(ticket, agent)
    assert [deliver(reply), deliver(reply), scheduled_delivery.deliver_due()] == [True, False, (0, 0)]
    assert (len(said(ticket)), len(outgoing())) == (1, 1)


def test_two_workers_at_once_deliver_it_once(app, ticket, agent):
    reply_id = press_send(ticket, agent).id
    let_time_pass(reply_id)
    start, found = threading.Barrier(2), []
    db.session.rollback()

    def run():
        with app.app_context():
            start.wait()
            found.append(scheduled_delivery.deliver(reply_id))
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == [False, True]
    assert (len(said(ticket)), len(outgoing())) == (1, 1)


def test_a_form_sent_twice_waits_once_and_never_again_after_it_went_out(ticket, agent):
    first, second = press_send(ticket, agent), press_send(ticket, agent)
    assert first.id == second.id
    deliver(first)
    assert press_send(ticket, agent).state == "sent"
    assert len(said(ticket)) == 1


def test_undo_gives_text_files_and_copies_back(ticket, agent):
    with transaction():
        opening.join(ticket, people.address_for(COLLEAGUE), role="cc")
    reply = press_send(ticket, agent, files=[FILE], cc=["new@customer.example"])
    with transaction():
        scheduled.undo(ticket, reply.id, actor=agent)
    draft = own_draft(agent, ticket)
    assert draft.text == "Please install 4.2."
    assert draft.recipients == {"cc": ["new@customer.example"], "left_out": [COLLEAGUE]}
    assert [file.filename for file in draft.files] == ["log.txt"]
    assert not deliver(reply)
    assert (said(ticket), outgoing(), scheduled.waiting(ticket)) == ([], [], [])
    db.session.refresh(reply)
    assert reply.text == ""


def test_the_doctor_misses_an_answer_nobody_delivers(ticket, agent):
    reply = press_send(ticket, agent)
    assert doctor.examine() == []
    with transaction():
        db.session.get_one(ScheduledReply, reply.id).due_at = utcnow() - timedelta(minutes=6)
    (finding,) = doctor.examine()
    assert f"#{ticket.number}" in finding


def test_undo_adds_to_what_was_begun_since(ticket, agent):
    reply = press_send(ticket, agent)
    with transaction():
        drafts.save(agent, ticket, CommentKind.REPLY, Written("By the way"), revision=0)
        scheduled.undo(ticket, reply.id, actor=agent)
    assert own_draft(agent, ticket).text == "Please install 4.2.\n\nBy the way"


def test_what_was_undone_can_be_sent_from_the_same_form(ticket, agent):
    reply = press_send(ticket, agent, files=[FILE])
    with transaction():
        scheduled.undo(ticket, reply.id, actor=agent)
    tokens = [file.token for file in own_draft(agent, ticket).files]
    again = press_send(ticket, agent, "Better words", tokens=tokens, draft_revision=1)
    assert deliver(again)
    assert [(c.text, [a.filename for a in c.attachments]) for c in said(ticket)] == [
        ("Better words", ["log.txt"])
    ]
    assert own_draft(agent, ticket) is None


def test_undo_comes_too_late_after_it_went_out_and_is_nobody_elses(account, ticket, agent):
    other = factories.make_agent(factories.OTHER_AGENT, "Tom Hale", accounts=[account])
    reply = press_send(ticket, agent)
    with pytest.raises(Conflict), transaction():
        scheduled.undo(ticket, reply.id, actor=other)
    deliver(reply)
    with pytest.raises(Conflict, match="too late"), transaction():
        scheduled.undo(ticket, reply.id, actor=agent)
    assert len(said(ticket)) == 1


def test_undo_and_delivery_at_once_have_one_winner(app, ticket, agent):
    reply_id, ticket_id, agent_id = press_send(ticket, agent).id, ticket.id, agent.id
    let_time_pass(reply_id)
    start, won = threading.Barrier(2), []
    db.session.rollback()

    def undo():
        with app.app_context():
            start.wait()
            try:
                with transaction():
                    scheduled.undo(
                        db.session.get(Ticket, ticket_id), reply_id, actor=db.session.get(User, agent_id)
                    )
                won.append("undo")
            except Conflict:
                pass
            db.session.remove()

    def send():
        with app.app_context():
            start.wait()
            if scheduled_delivery.deliver(reply_id):
                won.append("send")
            db.session.remove()

    threads = [threading.Thread(target=undo), threading.Thread(target=send)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    assert len(said(ticket)) == len(outgoing()) == (won == ["send"])
    assert (own_draft(db.session.get(User, agent_id), ticket) is not None) == (won == ["undo"])


def test_what_the_sending_form_saved_by_itself_leaves_no_draft_but_another_windows_words_stay(ticket, agent):
    def save(text, key):
        with transaction():
            drafts.save(agent, ticket, CommentKind.REPLY, Written(text), revision=0, form_key=key)

    save("Please inst", KEY)  # its answer was still on the way when Send was pressed
    press_send(ticket, agent)
    assert own_draft(agent, ticket) is None
    save("From another window", "another-form-of-the-tests")
    press_send(ticket, agent, key="the-next-form-of-the-tests")
    assert own_draft(agent, ticket).text == "From another window"


@pytest.mark.parametrize("first", ["autosave", "send"])
def test_an_autosave_at_the_moment_of_sending_leaves_no_draft(app, ticket, agent, first):
    ids, half_done = (ticket.id, agent.id), threading.Event()
    ready = scheduled.prepare(ticket, "Please install 4.2.", actor=agent)

    def autosave(ticket, agent):
        drafts.save(agent, ticket, CommentKind.REPLY, Written("Please inst"), revision=0, form_key=KEY)

    def send(ticket, agent):
        scheduled.schedule(ticket, ready, actor=agent, form_key=KEY)

    def run(act):
        with app.app_context():
            with transaction():
                act(db.session.get(Ticket, ids[0]), db.session.get(User, ids[1]))
                if not half_done.is_set():
                    half_done.set()
                    time.sleep(0.3)  # not committed yet
            db.session.remove()

    order = [autosave, send] if first == "autosave" else [send, autosave]
    threads = [threading.Thread(target=run, args=[act]) for act in order]
    threads[0].start()
    assert half_done.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join(30)
    db.session.rollback()
    assert own_draft(agent, ticket) is None
    assert len(scheduled.waiting(ticket)) == 1


@pytest.mark.parametrize("who", ["customer", "colleague"])
def test_words_the_agent_has_not_seen_stop_it_and_are_named(account, ticket, agent, who):
    seen = Seen(ticket.comments[-1].id)
    if who == "customer":
        customer_writes(ticket)
    else:
        other = factories.make_agent(factories.OTHER_AGENT, "Tom Hale", accounts=[account])
        with transaction():
            comments.add_reply(ticket, Words("I have it"), actor=other)
    name = "Tom Hale" if who == "colleague" else factories.CUSTOMER
    with pytest.raises(Crossed, match=name):
        press_send(ticket, agent, seen=seen)
    assert scheduled.waiting(ticket) == []
    db.session.expire_all()
    assert press_send(ticket, agent, seen=Seen(ticket.comments[-1].id)).state == "waiting"


def test_a_colleagues_waiting_answer_stops_it_too_and_ones_own_words_do_not(account, ticket, agent):
    other = factories.make_agent(factories.OTHER_AGENT, "Tom Hale", accounts=[account])
    seen = Seen(ticket.comments[-1].id)
    with transaction():
        comments.add_note(ticket, Words("Mine"), actor=agent)
    first = press_send(ticket, agent, seen=seen)
    with pytest.raises(Crossed, match="Nora"):
        press_send(ticket, other, "Me too", key="another-form-of-tests", seen=Seen(seen.comment_id + 1))
    both = Seen(seen.comment_id + 1, first.id)
    assert press_send(ticket, other, "Me too", key="another-form-of-tests", seen=both).state == "waiting"


def test_the_customers_mail_within_the_undo_time_is_told_and_stops_nothing(ticket, agent):
    reply = press_send(ticket, agent, seen=Seen(ticket.comments[-1].id))
    customer_writes(ticket)
    assert deliver(reply)
    assert "reply.crossed" in happened(ticket)


def test_an_answer_for_later_is_cancelled_when_the_customer_writes_first(ticket, agent):
    reply = press_send(ticket, agent, seen=Seen(ticket.comments[-1].id))
    with transaction():
        db.session.get_one(ScheduledReply, reply.id).waits_for_silence = True
    customer_writes(ticket)
    assert not deliver(reply)
    assert own_draft(agent, ticket).text == "Please install 4.2."
    assert said(ticket) == []


@pytest.mark.parametrize("loss", ["deactivated", "no grant"])
def test_who_may_not_answer_any_more_does_not_and_keeps_his_text(ticket, agent, loss):
    reply = press_send(ticket, agent, files=[FILE])
    with transaction():
        if loss == "deactivated":
            db.session.get_one(User, agent.id).is_active = False
        else:
            people.set_grants(agent, [], actor=None)
    assert not deliver(reply)
    assert (said(ticket), outgoing()) == ([], [])
    draft = own_draft(agent, ticket)
    assert (draft.text, [file.filename for file in draft.files]) == ("Please install 4.2.", ["log.txt"])
    assert happened(ticket)[-1] == "reply.stopped"
    db.session.refresh(reply)
    assert (reply.state, reply.reason) == ("stopped", "You no longer have access to this ticket.")


def test_another_requester_by_now_stops_it(ticket, agent):
    reply = press_send(ticket, agent)
    with transaction():
        other = people.address_for(factories.OTHER_CUSTOMER)
        changed = db.session.get_one(Ticket, ticket.id)
        changed.requester, changed.requester_address = other.user, other
    assert not deliver(reply)
    assert (said(ticket), own_draft(agent, ticket).text) == ([], "Please install 4.2.")


def test_somebody_taken_out_meanwhile_gets_nothing(ticket, agent):
    with transaction():
        participants.add(ticket, COLLEAGUE, actor=agent)
    reply = press_send(ticket, agent, cc=[COLLEAGUE])
    with transaction():
        row = next(p for p in ticket.participants if p.role == "cc")
        participants.remove(ticket, row.id, actor=agent)
    assert deliver(reply)
    (mail,) = outgoing()
    assert mail.recipients == {"to": [factories.CUSTOMER], "cc": []}
    assert [p.address.email for p in ticket.participants] == [factories.CUSTOMER]


def test_new_people_in_copy_join_when_it_goes_out_and_see_nothing_older(ticket, agent):
    reply = press_send(ticket, agent, cc=[COLLEAGUE])
    assert len(ticket.participants) == 1
    deliver(reply)
    db.session.expire_all()
    newcomer = ticket.participants[-1]
    assert (newcomer.address.email, newcomer.since is not None) == (COLLEAGUE, True)


def test_after_too_many_attempts_it_is_given_back(ticket, agent):
    reply = press_send(ticket, agent)
    with transaction():
        db.session.get_one(ScheduledReply, reply.id).attempts = scheduled_delivery.MOST_ATTEMPTS
    assert not deliver(reply)
    assert own_draft(agent, ticket) is not None


def test_the_sweep_finds_what_no_wake_up_delivered(ticket, agent):
    reply = press_send(ticket, agent)
    assert ("deliver_reply", (reply.id,)) not in sweep.sweep()
    let_time_pass(reply.id)
    assert ("deliver_reply", (reply.id,)) in sweep.sweep()
    assert scheduled_delivery.deliver_due() == (1, 0)


@pytest.mark.parametrize(
    ("text", "cc"), [("  ", None), ("Hello", ["no address"]), ("Hello", [factories.SUPPORT])]
)
def test_what_cannot_be_sent_is_said_at_once(ticket, agent, text, cc):
    with pytest.raises(InvalidInput):
        press_send(ticket, agent, text, cc=cc)
    assert db.session.scalar(select(ScheduledReply)) is None


def test_each_person_chooses_the_time_for_undoing(ticket, agent):
    with transaction():
        db.session.get_one(User, agent.id).undo_seconds = 0
    assert press_send(ticket, agent).due_at <= utcnow()


def test_sending_takes_the_draft_along_but_not_a_newer_one_of_another_window(ticket, agent):
    with transaction():
        staged = attachments.stage([FILE])
        draft = drafts.save(agent, ticket, CommentKind.REPLY, Written("Half"), revision=0, files=staged)
        token = draft.files[0].token
    reply = press_send(ticket, agent, "Whole", tokens=[token], draft_revision=1)
    assert own_draft(agent, ticket) is None
    assert [file.token for file in reply.files] == [token]
    with transaction():
        drafts.save(agent, ticket, CommentKind.REPLY, Written("One"), revision=0)
        drafts.save(agent, ticket, CommentKind.REPLY, Written("Two, newer"), revision=1)
    press_send(ticket, agent, "One", key="another-form-of-tests", draft_revision=1)
    assert own_draft(agent, ticket).text == "Two, newer"


def test_a_delivery_that_dies_in_the_middle_leaves_the_answer_waiting(ticket, agent):
    """A rolled back delivery leaves the waiting answer as it was."""
    reply = press_send(ticket, agent, files=[FILE])
    let_time_pass(reply.id)
    prepared = scheduled_delivery.replies.prepare(ticket, reply.text, [FILE], actor=agent, cc=[])
    with pytest.raises(RuntimeError), transaction():
        assert scheduled_delivery._say(reply.id, prepared, reply.due_at, reply.recipients)
        raise RuntimeError("the machine died")
    db.session.expire_all()
    assert (reply.state, len(reply.files)) == ("waiting", 1)
    counts = [len(list(db.session.scalars(select(model)))) for model in (Draft, Attachment, EmailMessage)]
    assert counts == [0, 0, 0]
    assert scheduled_delivery.deliver(reply.id)
