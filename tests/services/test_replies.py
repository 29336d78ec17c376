"""Staff answers: one comment and one mail, to whom the agent saw, once."""

import threading

import pytest
from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, Participant, Ticket, UserAddress
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import access, people, queries, recipients, replies
from helpdesk.services.outbox.deliver import drain
from helpdesk.services.tickets import opening
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import outgoing

COLLEAGUE = "colleague@customer.example"


def send(ticket, agent, prepared=None, **options):
    prepared = prepared or replies.prepare(ticket, "Please install 4.2.", actor=agent)
    with transaction():
        return replies.send(ticket, prepared, actor=agent, **options)


def people_on(ticket):
    rows = select(UserAddress.email).join(Participant).where(Participant.ticket_id == ticket.id)
    return set(db.session.scalars(rows))


def sent_to(account):
    sender = FakeSender()
    drain(account.id, sender=sender)
    return [mail.recipients for mail in sender.sent]


def test_an_answer_is_a_comment_and_a_queued_mail(ticket, agent):
    comment = send(ticket, agent)
    (email,) = outgoing()
    assert (comment.kind, comment.text) == (CommentKind.REPLY, "Please install 4.2.")
    assert (email.state, email.purpose, email.urgency) == ("queued", "reply", 1)
    assert (email.comment_id, email.ticket_id) == (comment.id, ticket.id)
    assert email.recipients == {"to": [factories.CUSTOMER], "cc": []}
    assert email.message_id == comment.message_id
    assert b"Please install 4.2." in storage.read(email.raw_sha256)
    assert ticket.status is Status.PENDING
    assert "email.queued" in [event.type for event in queries.history(ticket)]


def test_the_agent_chooses_the_status(ticket, agent):
    send(ticket, agent, replies.prepare(ticket, "Done.", actor=agent, status=Status.RESOLVED))
    assert ticket.status is Status.RESOLVED


def test_a_form_sent_twice_says_it_once(ticket, agent):
    first = send(ticket, agent, form_key="k" * 20)
    again = send(ticket, agent, form_key="k" * 20)
    assert first.id == again.id
    assert len(outgoing()) == 1


def test_a_form_sent_twice_at_once_says_it_once(app, ticket, agent):
    prepared = replies.prepare(ticket, "Once.", actor=agent)
    start, found, ticket_id, agent_id = threading.Barrier(2), [], ticket.id, agent.id
    db.session.rollback()

    def run():
        from helpdesk.models import User

        with app.app_context():
            start.wait()
            with transaction():
                ticket, agent = db.session.get(Ticket, ticket_id), db.session.get(User, agent_id)
                found.append(replies.send(ticket, prepared, actor=agent, form_key="the-same-form").id)
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 2
    assert len(set(found)) == 1
    assert len(outgoing()) == 1


def test_who_is_in_copy_is_answered_too_and_our_own_addresses_never(account, ticket, agent):
    other = factories.make_account("billing@desk.example")
    with transaction():
        for email in (COLLEAGUE, other.email):
            opening.join(ticket, people.address_for(email), role="cc")
    assert recipients.of_next_answer(ticket) == [factories.CUSTOMER, COLLEAGUE]
    send(ticket, agent)
    assert sent_to(account) == [(factories.CUSTOMER, COLLEAGUE)]


def test_the_agent_leaves_somebody_out_and_adds_another_who_sees_nothing_older(account, ticket, agent):
    with transaction():
        opening.join(ticket, people.address_for(COLLEAGUE), role="cc")
    prepared = replies.prepare(
        ticket, "Hello", actor=agent, cc=["new@customer.example", " ", "NEW@customer.example"]
    )
    assert (prepared.people.to, prepared.people.cc) == ((factories.CUSTOMER,), ("new@customer.example",))
    send(ticket, agent, prepared)
    assert sent_to(account) == [(factories.CUSTOMER, "new@customer.example")]
    assert people_on(ticket) == {factories.CUSTOMER, COLLEAGUE, "new@customer.example"}
    newcomer = people.find_user("new@customer.example")
    assert [c.text for c in access.visible_comments(ticket, newcomer)] == ["Hello"]


def test_a_change_of_requester_after_sending_changes_no_recipient(account, ticket, agent):
    send(ticket, agent)
    with transaction():
        other = people.address_for(factories.OTHER_CUSTOMER)
        changed = db.session.get(Ticket, ticket.id)
        changed.requester, changed.requester_address = other.user, other
    assert sent_to(account) == [(factories.CUSTOMER,)]


def test_a_change_of_requester_before_sending_is_said(ticket, agent):
    with pytest.raises(Conflict, match=factories.CUSTOMER):
        replies.prepare(ticket, "Hello", actor=agent, to=factories.OTHER_CUSTOMER)
    assert not outgoing()


def test_an_answer_for_one_ticket_is_not_said_on_another(account, ticket, agent):
    prepared = replies.prepare(ticket, "Hello", actor=agent)
    with pytest.raises(ValueError, match="prepared for"):
        send(factories.make_ticket(account), agent, prepared)


@pytest.mark.parametrize("cc", [["no address"], [factories.SUPPORT], [f"p{n}@x.example" for n in range(60)]])
def test_copies_to_no_address_to_the_desk_or_to_a_crowd_are_refused(ticket, agent, cc):
    with pytest.raises(InvalidInput):
        replies.prepare(ticket, "Hello", actor=agent, cc=cc)


def test_an_empty_answer_and_a_mail_too_large_are_refused(app, ticket, agent):
    with pytest.raises(InvalidInput):
        replies.prepare(ticket, "  \n", actor=agent)
    app.config["EMAIL_MAX_MESSAGE_SIZE"] = 1024 * 1024
    with pytest.raises(InvalidInput, match="too large"):
        replies.prepare(ticket, "x", [MailFile("a.bin", "image/png", b"x" * 1_000_000)], actor=agent)
    assert db.session.scalar(select(Comment).where(Comment.kind == CommentKind.REPLY)) is None


def test_a_rolled_back_answer_leaves_neither_comment_nor_mail(ticket, agent):
    prepared = replies.prepare(ticket, "Hello", actor=agent)
    with pytest.raises(RuntimeError), transaction():
        replies.send(ticket, prepared, actor=agent)
        raise RuntimeError("the page broke")
    assert not outgoing()
    assert len(ticket.comments) == 1


def open_one(account, agent, **options):
    prepared = replies.prepare_opening(
        account, factories.STRANGER, "About your order", "It is ready.",
        [MailFile("slip.pdf", "application/pdf", b"%PDF")], actor=agent, cc=[COLLEAGUE],
    )  # fmt: skip
    with transaction():
        return replies.open_and_send(prepared, actor=agent, requester_name="Sam Strange", **options)


def test_a_ticket_on_behalf_of_a_customer_begins_with_a_mail_to_him(account, agent):
    import email
    import email.policy

    ticket = open_one(account, agent, assignee_id=agent.id, form_key="form")
    assert open_one(account, agent, form_key="form").id == ticket.id
    assert (ticket.requester.name, ticket.assignee_id, ticket.status) == (
        "Sam Strange",
        agent.id,
        Status.OPEN,
    )
    sender = FakeSender()
    drain(account.id, sender=sender)
    (sent,) = sender.sent
    mail = email.message_from_bytes(sent.raw, policy=email.policy.default)
    assert sent.recipients == (factories.STRANGER, COLLEAGUE)
    assert mail["Subject"].endswith("About your order")
    assert mail["In-Reply-To"] is None
    assert "It is ready." in mail.get_body(("plain",)).get_content()
    assert [part.get_content() for part in mail.iter_attachments()] == [b"%PDF"]
    db.session.rollback()
    (row,) = outgoing()
    assert (row.state, db.session.get(Comment, row.comment_id).message_id) == ("sent", row.message_id)


@pytest.mark.parametrize(
    ("requester", "subject", "text"),
    [
        ("", "s", "t"),
        ("nobody", "s", "t"),
        (factories.SUPPORT, "s", "t"),
        (factories.STRANGER, " ", "t"),
        (factories.STRANGER, "s", " "),
    ],
)
def test_a_new_ticket_needs_a_requester_a_subject_and_a_text(account, agent, requester, subject, text):
    with pytest.raises(InvalidInput):
        replies.prepare_opening(account, requester, subject, text, actor=agent)
