"""Opening tickets, saying something on them, changing them: what a person then finds."""

import pytest

from helpdesk.database import db, transaction
from helpdesk.errors import InvalidInput
from helpdesk.mail.types import MailFile
from helpdesk.models import Event
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import access, attachments, people, queries, settings
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Words
from tests import factories


def event_types(ticket):
    return [event.type for event in queries.history(ticket)]


def test_a_mailed_ticket_is_new_medium_support_and_unassigned(ticket):
    assert (ticket.status, ticket.priority, ticket.category, ticket.assignee) == (
        "new",
        "medium",
        "Support",
        None,
    )
    assert ticket.created_from_email
    assert ticket.email_from == factories.CUSTOMER
    assert [c.text for c in ticket.comments] == ["It does not print."]
    assert settings.tag_of(ticket) == f"TKT-{ticket.created_at.year}-00001"


def test_numbers_run_on_and_a_rolled_back_one_is_not_lost(account, ticket):
    with pytest.raises(InvalidInput), transaction():
        opening.next_number()
        raise InvalidInput("no")
    assert factories.make_ticket(account).number == 2


def test_a_long_subject_is_cut_and_an_empty_one_named(account):
    assert len(factories.make_ticket(account, subject="x" * 5000).subject) == 255
    assert factories.make_ticket(account, subject=" \n ").subject == "(no subject)"


def test_a_reply_leaves_it_pending_and_an_answer_opens_it(ticket, agent):
    with transaction():
        comments.add_reply(ticket, Words("Try again."), actor=agent)
    assert ticket.status is Status.PENDING
    assert ticket.waiting_since is None
    with transaction():
        comments.add_incoming(
            ticket, Words("Still broken."), address=ticket.requester_address, actor=ticket.requester
        )
    assert ticket.status is Status.OPEN
    assert ticket.waiting_since is not None
    assert event_types(ticket) == [
        "ticket.opened", "comment.added", "ticket.status_changed", "comment.added", "ticket.status_changed",
    ]  # fmt: skip


def test_a_vacation_answer_does_not_reopen(ticket, agent):
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=agent)
        words = Words("I am away.", is_from_email=True, is_automatic=True)
        comments.add_incoming(ticket, words, address=ticket.requester_address, actor=ticket.requester)
    assert ticket.status is Status.RESOLVED


def test_resolving_and_reopening_keep_their_times(ticket, agent):
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=agent)
    assert ticket.resolved_at
    with transaction():
        changing.set_status(ticket, Status.CLOSED, actor=agent)
    assert ticket.closed_at
    assert ticket.resolved_at
    with transaction():
        changing.set_status(ticket, Status.OPEN, actor=agent)
    assert (ticket.resolved_at, ticket.closed_at) == (None, None)


def test_only_people_with_access_can_be_assigned(ticket, agent, account):
    outsider = factories.make_agent(factories.OTHER_AGENT, "Tom Hale")
    with transaction():
        changing.assign(ticket, agent, actor=agent)
    assert ticket.assignee == agent
    with pytest.raises(InvalidInput, match="Tom Hale"), transaction():
        changing.assign(ticket, outsider, actor=agent)
    with pytest.raises(InvalidInput), transaction():
        changing.assign(ticket, ticket.requester, actor=agent)
    assert people.assignable(account.id) == [agent]


def test_the_same_change_twice_is_one_event(ticket, agent):
    for _ in range(2):
        with transaction():
            changing.assign(ticket, agent, actor=agent)
            changing.set_status(ticket, Status.OPEN, actor=agent)
    assert event_types(ticket) == ["ticket.opened", "ticket.assigned", "ticket.status_changed"]


def test_nothing_is_not_a_comment(ticket, agent):
    for say in (comments.add_reply, comments.add_note):
        with pytest.raises(InvalidInput), transaction():
            say(ticket, Words("  \n"), actor=agent)


def test_customers_see_no_notes_nothing_unreleased_and_nothing_from_before(ticket, agent):
    late = factories.make_customer(factories.OTHER_CUSTOMER, "Maria Rossi")
    with transaction():
        comments.add_note(ticket, Words("Difficult one."), actor=agent)
        stranger = people.address_for(factories.STRANGER)
        comments.add_incoming(
            ticket,
            Words("Me too", is_released=False, is_from_email=True),
            address=stranger,
            actor=stranger.user,
        )
        opening.join(ticket, people.find_address(factories.OTHER_CUSTOMER), role="cc", later=True)
        comments.add_reply(ticket, Words("Answer."), actor=agent)

    def texts(viewer):
        return [c.text for c in access.visible_comments(ticket, viewer)]

    assert texts(agent) == ["It does not print.", "Difficult one.", "Me too", "Answer."]
    assert texts(ticket.requester) == ["It does not print.", "Answer."]
    assert texts(late) == ["Answer."]
    assert texts(stranger.user) == []
    assert texts(factories.make_agent(factories.OTHER_AGENT)) == []


def test_files_are_kept_with_their_comment(ticket, agent):
    staged = attachments.stage([MailFile("photo.jpg", "image/jpeg", b"\xff\xd8photo")])
    with transaction():
        comment = comments.add_reply(ticket, Words("See photo", files=staged), actor=agent)
    (file,) = comment.attachments
    assert (file.filename, file.size, attachments.contents(file)) == ("photo.jpg", 7, b"\xff\xd8photo")
    assert access.get_attachment(ticket.requester, file.token) == file


def test_events_hold_no_words_of_people(ticket, agent):
    with transaction():
        comments.add_note(ticket, Words("secret words"), actor=agent)
    stored = [str(event.data) + event.type for event in db.session.query(Event)]
    assert not [text for text in stored if "secret" in text or "print" in text]


def test_kinds_are_what_they_are(ticket, agent):
    with transaction():
        comments.add_note(ticket, Words("n"), actor=agent)
        comments.add_reply(ticket, Words("r"), actor=agent)
    assert [c.kind for c in ticket.comments] == [CommentKind.INCOMING, CommentKind.NOTE, CommentKind.REPLY]
    assert [c.is_internal for c in ticket.comments] == [False, True, False]
