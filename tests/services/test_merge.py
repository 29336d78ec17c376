"""Two tickets made one: nothing lost, nobody reading more than before, and later mail finding the way."""

import threading
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy import text as sql

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import HelpdeskError, InvalidInput, NotFound
from helpdesk.models import Comment, Draft, EmailMessage, Event, Ticket
from helpdesk.policy.status import CommentKind, Disposition
from helpdesk.services import access, following, people, portal, queries, replies, search
from helpdesk.services.ingest import process, store
from helpdesk.services.outbox import deliver
from helpdesk.services.queries import TicketFilter
from helpdesk.services.tickets import comments, merge
from tests.factories import CUSTOMER, OTHER_CUSTOMER, STRANGER, make_mail
from tests.fakes import FakeSender
from tests.services.test_routing import FIRST_ID, Desk


@pytest.fixture
def desk(context):
    """Jonas' ticket with Maria in copy, and Sam's, each with an answer by Nora."""
    desk = Desk()
    row = desk.receive(
        make_mail(sender=STRANGER, subject="Same trouble", text="Sam's okapi", message_id="<sam@s.example>")
    )
    desk.other_id = row.ticket_id
    for ticket_id, text in ((desk.ticket_id, "To Jonas"), (desk.other_id, "To Sam")):
        with transaction():
            ticket = db.session.get(Ticket, ticket_id)
            prepared = replies.compose(ticket, text, actor=desk.nora)
            comments.add_reply(ticket, comments.Words(text), actor=desk.nora)
            assert prepared.people.to
    return desk


def do_merge(desk, source_id=None, target_id=None, actor=None):
    with transaction():
        source = db.session.get(Ticket, source_id or desk.other_id)
        target = db.session.get(Ticket, target_id or desk.ticket_id)
        merge.merge(source, target, actor=actor or desk.nora)


def read_by(desk, email, ticket_id=None):
    user = people.find_user(email)
    return [
        c.text.strip() for c in access.visible_comments(desk.ticket_of(ticket_id or desk.ticket_id), user)
    ]


def test_everything_goes_over_and_everybody_reads_what_he_read_before(desk):
    before = desk.counts()
    do_merge(desk)
    source, target = desk.ticket_of(desk.other_id), desk.ticket
    assert (source.disposition, source.merged_into_id, source.comments) == ("merged", target.id, [])
    assert (desk.counts(), len(target.comments)) == (before, 4)
    assert {p.address.email for p in target.participants} == {CUSTOMER, OTHER_CUSTOMER, STRANGER}
    assert read_by(desk, CUSTOMER) == read_by(desk, OTHER_CUSTOMER) == ["It does not print.", "To Jonas"]
    assert read_by(desk, STRANGER) == ["Sam's okapi", "To Sam"]
    with transaction():
        comments.add_reply(db.session.get(Ticket, desk.ticket_id), comments.Words("To all"), actor=desk.nora)
    assert [read_by(desk, email)[-1] for email in (CUSTOMER, OTHER_CUSTOMER, STRANGER)] == ["To all"] * 3
    assert "Sam's okapi" not in read_by(desk, CUSTOMER) and "To Jonas" not in read_by(desk, STRANGER)
    rows = (
        select(func.count())
        .select_from(EmailMessage)
        .where(EmailMessage.ticket_id == desk.other_id, EmailMessage.direction == "in")
    )
    assert db.session.scalar(rows) == 0
    assert queries.incoming_mail(desk.ticket)[-1].message_id == "sam@s.example"


def test_a_merge_tells_no_customer_anything(desk):
    sent_before = db.session.scalar(select(func.max(EmailMessage.id)))
    do_merge(desk)
    rows = select(EmailMessage).where(EmailMessage.id > sent_before)
    assert db.session.scalars(rows).all() == []
    sender = FakeSender()
    deliver.drain(desk.account.id, sender=sender)
    told = [
        mail
        for mail in sender.sent
        if f"-{desk.ticket.number:05d}".encode() in mail.raw and STRANGER in mail.recipients
    ]
    assert told == [], "nobody is told another ticket's number"


def test_later_mail_to_the_merged_ticket_lands_on_the_other(desk):
    do_merge(desk)
    number = desk.ticket_of(desk.other_id).number
    for headers in ({"In_Reply_To": "<sam@s.example>"}, {"In_Reply_To": f"<{desk.signed_id(desk.other_id)}>"},
                    {"subject": f"Re: [TICKET-{number}] x"}):  # fmt: skip
        row = desk.receive(make_mail(sender=STRANGER, text="more", **headers))
        assert (row.state, row.ticket_id) == ("appended", desk.ticket_id)
    assert read_by(desk, CUSTOMER)[-1] == "more"


def test_a_chain_of_merges_is_followed_and_a_circle_leads_nowhere(desk):
    third = desk.receive(make_mail(subject="Third", text="x")).ticket_id
    do_merge(desk, desk.other_id, third)
    do_merge(desk, third, desk.ticket_id)
    assert merge.merge_target(desk.ticket_of(desk.other_id)).id == desk.ticket_id
    assert read_by(desk, STRANGER) == ["Sam's okapi", "To Sam"]
    assert read_by(desk, CUSTOMER) == ["It does not print.", "To Jonas", "x"]
    desk.change(disposition=Disposition.MERGED, merged_into_id=third)
    assert merge.merge_target(desk.ticket_of(desk.other_id)).id == desk.other_id
    row = desk.receive(make_mail(text="again", In_Reply_To=f"<{FIRST_ID}>"))
    assert row.state == "opened"


def test_two_tickets_that_cannot_be_one(desk):
    for source, target in ((desk.ticket_id, desk.ticket_id),):
        with pytest.raises(InvalidInput):
            do_merge(desk, source, target)
    do_merge(desk)
    with pytest.raises(InvalidInput):
        do_merge(desk)
    with pytest.raises(InvalidInput):
        do_merge(desk, desk.ticket_id, desk.other_id)


def test_nobody_merges_into_an_account_that_is_none_of_his(desk):
    row = desk.receive(make_mail(to="sales@desk.example", subject="Order"), account=desk.other_account)
    for actor in (desk.nora, desk.tom):
        with pytest.raises(NotFound):
            do_merge(desk, desk.other_id, row.ticket_id, actor=actor)
        with pytest.raises(NotFound):
            do_merge(desk, row.ticket_id, desk.other_id, actor=actor)
    assert desk.ticket_of(row.ticket_id).disposition == "normal"
    assert row.ticket_id not in {one.id for one in merge.candidates(desk.ticket, desk.nora)}
    with pytest.raises(InvalidInput):
        merge.by_number(desk.nora, str(desk.ticket_of(row.ticket_id).number))


def test_numbers_lead_on_for_who_took_part_only(desk):
    number = desk.ticket_of(desk.other_id).number
    do_merge(desk)
    assert merge.led_to(people.find_user(STRANGER), number).id == desk.ticket_id
    assert merge.led_to(people.find_user(CUSTOMER), number) is None
    assert merge.led_to(desk.nora, number).id == desk.ticket_id
    assert merge.led_to(desk.tom, number) is None


def test_search_followers_history_and_drafts_go_along(desk):
    with transaction():
        other = db.session.get(Ticket, desk.other_id)
        following.follow(other, actor=desk.nora)
        comments.add_note(other, comments.Words("A wombat note"), actor=desk.nora)
        now = utcnow()
        db.session.add(
            Draft(
                user=desk.nora,
                ticket=other,
                kind=CommentKind.REPLY,
                text="half",
                created_at=now,
                updated_at=now,
            )
        )
    do_merge(desk)
    for word in ("okapi", "wombat"):
        (row,) = queries.list_tickets(desk.nora, TicketFilter(query=search.parse(word))).rows
        assert row.ticket.id == desk.ticket_id
    assert [user.id for user in following.followers(desk.ticket)] == [desk.nora.id]
    types = {event.type: event.ticket_id for event in db.session.scalars(select(Event).order_by(Event.id))}
    assert (types["ticket.merged"], types["ticket.absorbed"]) == (desk.other_id, desk.ticket_id)
    assert db.session.scalar(select(func.count()).where(Comment.ticket_id == desk.other_id)) == 0
    assert db.session.scalars(select(Draft.ticket_id)).all() == [desk.ticket_id]


def is_anybody_waiting():
    """Whether another connection waits for a row we hold; SQLite's waits to begin, which nobody can see."""
    if db.session.get_bind().dialect.name == "sqlite":
        return True
    db.session.execute(sql("SELECT pg_stat_clear_snapshot()"))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(db.session.scalar(sql(waiting)))


def merge_while(desk, work):
    """Merge the tickets, and let somebody work on them on another connection before that is committed."""
    worker = threading.Thread(target=work)
    with transaction():
        source, target = db.session.get(Ticket, desk.other_id), db.session.get(Ticket, desk.ticket_id)
        merge.merge(source, target, actor=desk.nora)
        worker.start()
        ends_at = time.monotonic() + 60
        while not is_anybody_waiting() and time.monotonic() < ends_at:
            time.sleep(0.02)
    worker.join()
    db.session.rollback()


def test_an_answer_that_comes_while_tickets_are_merged_goes_along(context, desk):
    answer_id = store.store_raw(
        desk.account,
        make_mail(sender=STRANGER, text="One more okapi", In_Reply_To="<sam@s.example>"),
    )

    def work():
        with context.app_context():
            process.drain()

    merge_while(desk, work)
    row = db.session.get(EmailMessage, answer_id)
    assert (row.state, row.ticket_id) == ("appended", desk.ticket_id)
    assert db.session.get(Comment, row.comment_id).ticket_id == desk.ticket_id


def test_what_is_typed_while_tickets_are_merged_is_refused_and_not_left_behind(context, desk):
    """The page keeps the words; sent again they go to where the ticket went."""
    refused = []

    def write():
        with context.app_context():
            sam = people.find_user(STRANGER)
            try:
                with transaction():
                    portal.answer(db.session.get(Ticket, desk.other_id), comments.Words("Hello?"), actor=sam)
            except HelpdeskError as error:
                refused.append(error)

    merge_while(desk, write)
    assert len(refused) == 1
    assert db.session.scalar(select(func.count()).where(Comment.text == "Hello?")) == 0
