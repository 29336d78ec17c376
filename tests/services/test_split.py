"""A stranger's words made a ticket of their own, and a ticket told whose it is."""

import pytest

from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, Forbidden, InvalidInput, NotFound
from helpdesk.models import Comment, EmailMessage, Event, MailClaim, Ticket
from helpdesk.services import access, participants, people
from helpdesk.services.tickets import comments, split
from tests.factories import AGENT, CUSTOMER, OTHER_CUSTOMER, STRANGER, SUPPORT, make_mail
from tests.services.test_routing import Desk


@pytest.fixture
def desk(context):
    desk = Desk()
    desk.row = desk.receive(
        make_mail(
            sender=STRANGER, subject="My own trouble", text="Canary", In_Reply_To=f"<{desk.signed_id()}>",
            files=[("photo.jpg", "image/jpeg", b"JPEG")],
        )
    )  # fmt: skip
    return desk


def test_a_strangers_words_become_a_ticket_with_their_files_and_their_mail(desk):
    with transaction():
        ticket = split.split(db.session.get(Comment, desk.row.comment_id), actor=desk.nora)
        new_id = ticket.id
    new = desk.ticket_of(new_id)
    (comment,) = new.comments
    assert (new.requester_address.email, new.subject, comment.text.strip()) == (
        STRANGER, "My own trouble", "Canary",
    )  # fmt: skip
    assert comment.is_released and [file.filename for file in comment.attachments] == ["photo.jpg"]
    assert db.session.get(EmailMessage, desk.row.id).ticket_id == new.id
    claims = db.session.query(MailClaim).filter_by(email_id=desk.row.id).all()
    assert [claim.ticket_id for claim in claims] == [new.id]
    assert len(desk.ticket.comments) == 1
    assert len(access.visible_comments(desk.ticket_of(new.id), people.find_user(STRANGER))) == 1
    types = [event.type for event in db.session.query(Event).filter_by(ticket_id=desk.ticket_id)]
    assert "comment.split" in types
    again = desk.receive(make_mail(sender=STRANGER, text="More", In_Reply_To=f"<{desk.row.message_id}>"))
    assert again.ticket_id == new.id


def test_words_the_tickets_people_have_read_stay(desk):
    comment_id = desk.row.comment_id
    with transaction():
        comments.release(db.session.get(Comment, comment_id), actor=desk.nora)
    with pytest.raises(Conflict), transaction():
        split.split(db.session.get(Comment, comment_id), actor=desk.nora)
    with pytest.raises((NotFound, Forbidden)), transaction():
        split.split(db.session.get(Comment, comment_id), actor=desk.tom)


def test_the_requester_of_a_forward_nobody_could_read_sees_nothing_older(desk):
    desk.change(needs_requester=True)
    for wrong in ("nobody", SUPPORT):
        with pytest.raises(InvalidInput), transaction():
            participants.set_requester(db.session.get(Ticket, desk.ticket_id), wrong, actor=desk.nora)
    with transaction():
        participants.set_requester(
            db.session.get(Ticket, desk.ticket_id), "paul@weber.example", actor=desk.nora
        )
    ticket = desk.ticket
    assert (ticket.requester_address.email, ticket.needs_requester) == ("paul@weber.example", False)
    assert {(p.address.email, p.role) for p in ticket.participants} == {
        ("paul@weber.example", "requester"), (OTHER_CUSTOMER, "cc"),
    }  # fmt: skip
    assert access.visible_comments(ticket, people.find_user("paul@weber.example")) == []
    with pytest.raises(Conflict), transaction():
        participants.set_requester(db.session.get(Ticket, desk.ticket_id), CUSTOMER, actor=desk.nora)
    assert AGENT not in {p.address.email for p in desk.ticket.participants}


def test_a_stranger_is_told_nothing_of_the_ticket_his_words_were_on(desk):
    row = desk.receive(
        make_mail(sender=STRANGER, subject="", text="And this?", In_Reply_To=f"<{desk.signed_id()}>")
    )
    with transaction() as session:  # said on a ticket that was merged into this one
        session.get(Comment, row.comment_id).came_from_id = desk.ticket_id
    with transaction():
        new_id = split.split(db.session.get(Comment, row.comment_id), actor=desk.nora).id
    new = desk.ticket_of(new_id)
    assert "Printer" in desk.ticket.subject and "Printer" not in desk.ticket_of(new_id).subject
    assert [c.text.strip() for c in access.visible_comments(new, people.find_user(STRANGER))] == ["And this?"]
