"""Which ticket a mail belongs to: the evidence it brings times who wrote it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from helpdesk.database import db, transaction, utcnow
from helpdesk.mail import thread
from helpdesk.mail.thread import Evidence, issue_message_id
from helpdesk.models import Comment, EmailMessage, Ticket, User
from helpdesk.policy.status import Disposition, Role, Status
from helpdesk.services import access, keys, participants, people, routing, settings
from helpdesk.services.ingest import process, store
from helpdesk.services.ingest.reading import UNVERIFIED_EMAIL
from helpdesk.services.ingest.trace import Trace, reason_of
from helpdesk.services.outbox import queue
from helpdesk.services.tickets import changing, comments
from tests import factories
from tests.factories import AGENT, CUSTOMER, OTHER_AGENT, OTHER_CUSTOMER, STRANGER, make_mail

FIRST_ID = "first@customer.example"
UNVERIFIED = f"{CUSTOMER}, {STRANGER}"


class Desk:
    """A ticket of Jonas with Maria in copy; Nora works on its account, Tom does not; Sam is a stranger."""

    def __init__(self):
        self.account = factories.make_account()
        self.other_account = factories.make_account("sales@desk.example")
        self.nora = factories.make_agent(accounts=[self.account])
        self.tom = factories.make_agent(OTHER_AGENT, "Tom", accounts=[self.other_account])
        self.receive(make_mail(Cc=OTHER_CUSTOMER, message_id=f"<{FIRST_ID}>"))
        self.ticket_id = db.session.scalars(select(Ticket.id)).one()
        with transaction():
            self.instance = settings.instance_id()

    @property
    def ticket(self):
        db.session.rollback()
        return db.session.get(Ticket, self.ticket_id)

    def ticket_of(self, ticket_id):
        db.session.rollback()
        return db.session.get(Ticket, ticket_id)

    def receive(self, raw, account=None):
        email_id = store.store_raw(account or self.account, raw)
        process.drain()
        db.session.rollback()
        return db.session.get(EmailMessage, email_id)

    def signed_id(self, ticket_id=None, instance=None, key=None, nonce="n1"):
        return issue_message_id(
            ticket_id or self.ticket_id,
            nonce=nonce,
            key=key or keys.current_key("message-id"),
            instance=instance or self.instance,
            domain="desk.example",
        )

    def sent(self, *recipients, nonce="n1", purpose="ticket_assigned"):
        """A mail of ours on the ticket, sent to exactly these."""
        message_id = self.signed_id(nonce=nonce)
        with transaction():
            queue.add(
                self.account, purpose=purpose, to=list(recipients), ticket=db.session.get(Ticket, self.ticket_id),
                message_id=message_id,
            )  # fmt: skip
        return message_id

    def change(self, **values):
        with transaction() as session:
            ticket = session.get(Ticket, self.ticket_id)
            for name, value in values.items():
                setattr(ticket, name, value)

    def counts(self):
        db.session.rollback()
        tickets, said = (db.session.scalar(select(func.count()).select_from(t)) for t in (Ticket, Comment))
        return tickets, said


@pytest.fixture
def desk(context):
    return Desk()


def evidence_headers(desk, evidence):
    number = desk.ticket.number
    return {
        "signed id": {"In_Reply_To": f"<{desk.signed_id()}>"},
        "signed id far back": {"References": f"<{desk.signed_id()}> <x@y.example> <z@y.example>"},
        "known id": {"In_Reply_To": f"<{FIRST_ID}>"},
        "number": {"subject": f"AW: [TKT-1999-{number:05d}] Printer"},
        "short number": {"subject": f"#{number} Printer"},
        "text number": {"subject": f"Problem with ticket {number}"},
        "unknown number": {"subject": "[TICKET-4711] Printer"},
        "nothing": {},
    }[evidence]


@pytest.mark.parametrize(
    ("evidence", "sender", "what"),
    [
        ("signed id", CUSTOMER, "comment"),
        ("signed id", OTHER_CUSTOMER, "comment"),
        ("signed id far back", CUSTOMER, "comment"),
        ("known id", CUSTOMER, "comment"),
        ("known id", OTHER_CUSTOMER, "comment"),
        ("number", CUSTOMER, "comment"),
        ("number", OTHER_CUSTOMER, "comment"),
        ("short number", CUSTOMER, "comment"),
        ("signed id", STRANGER, "unreleased"),
        ("signed id", AGENT, "unreleased"),
        ("signed id", UNVERIFIED, "unreleased"),
        ("number", AGENT, "unreleased"),
        ("known id", STRANGER, "new with hint"),
        ("known id", AGENT, "new with hint"),
        ("known id", UNVERIFIED, "new with hint"),
        ("number", STRANGER, "new with hint"),
        ("number", UNVERIFIED, "new with hint"),
        ("number", OTHER_AGENT, "new with hint"),
        ("short number", STRANGER, "new with hint"),
        ("text number", CUSTOMER, "new"),
        ("unknown number", CUSTOMER, "new"),
        ("nothing", CUSTOMER, "new"),
        ("nothing", AGENT, "new"),
    ],
)
def test_evidence_and_author_decide(desk, evidence, sender, what):
    headers = {"subject": "Re: Printer", "text": "More words."} | evidence_headers(desk, evidence)
    row = desk.receive(make_mail(sender=sender, **headers))
    if what.startswith("new"):
        assert (row.state, desk.counts()) == ("opened", (2, 2))
        new = db.session.get(Ticket, row.ticket_id)
        assert new.may_belong_to_id == (desk.ticket_id if what == "new with hint" else None)
        assert len(new.participants) == 1
    else:
        assert (row.state, row.ticket_id, desk.counts()) == ("appended", desk.ticket_id, (1, 2))
        assert desk.ticket.comments[1].is_released == (what == "comment")
    assert {p.address.email for p in desk.ticket.participants} == {CUSTOMER, OTHER_CUSTOMER}
    assert desk.ticket.requester_address.email == CUSTOMER
    assert row.trace


@pytest.mark.parametrize(
    "case", ["foreign desk", "wrong key", "other ticket", "each byte", "cut", "older format"]
)
def test_an_id_that_is_not_exactly_ours_proves_nothing(desk, case):
    real = desk.signed_id()
    forged = {
        "foreign desk": [desk.signed_id(instance="0123456789abcdef")],
        "wrong key": [desk.signed_id(key=b"k" * 32)],
        "other ticket": [real.replace(f"hd.{desk.ticket_id}.", f"hd.{desk.ticket_id + 1}.")],
        "each byte": [
            real[:i] + ("a" if real[i] != "a" else "b") + real[i + 1 :] for i in range(real.index("@"))
        ],
        "cut": [real[:i] + "@desk.example" for i in range(5, real.index("@"))],
        "older format": [f"{desk.ticket_id}.n1@desk.example", f"hd.{desk.ticket_id}.n1@desk.example"],
    }[case]
    author = people.find_address(STRANGER)
    for message_id in forged:
        parsed = process.read(make_mail(sender=STRANGER, In_Reply_To=f"<{message_id}>"))
        found = routing.route(parsed.evidence, desk.account, author, Trace())
        assert (found.kind, found.ticket, found.may_belong_to) == ("new", None, None), message_id


def test_ten_thousand_guesses_are_added_nowhere(desk):
    factories.make_customer(STRANGER)
    author, key = people.find_address(STRANGER), keys.current_key("message-id")
    guesses = [f"hd.{desk.ticket_id}.n{n}.{thread.sign(b'guess', str(n))}@desk.example" for n in range(9_500)]
    assert not any(thread.read_message_id(guess, keys=[key], instance=desk.instance) for guess in guesses)
    kinds = {
        routing.route(
            Evidence((), (f"{number}@customer.example",), number), desk.account, author, Trace()
        ).kind
        for number in range(500)
    }
    assert kinds == {"new"}
    assert desk.counts() == (1, 1)


def test_the_placeholder_of_unverified_senders_takes_part_nowhere(desk):
    row = desk.receive(make_mail(sender=UNVERIFIED, subject="Who am I"))
    number = db.session.get(Ticket, row.ticket_id).number
    again = desk.receive(make_mail(sender=UNVERIFIED_EMAIL, subject=f"[TICKET-{number}] Who am I"))
    assert again.state == "opened" and again.ticket_id != row.ticket_id


def test_a_persons_other_address_is_the_same_person(desk):
    with transaction() as session:
        user = people.find_user(CUSTOMER)
        session.add(
            routing.UserAddress(
                user_id=user.id, address="j@home.example", email="j@home.example", created_at=utcnow()
            )
        )
    row = desk.receive(make_mail(sender="j@home.example", In_Reply_To=f"<{FIRST_ID}>"))
    assert (row.state, row.ticket_id) == ("appended", desk.ticket_id)


def test_a_known_id_of_another_account_leads_nowhere(desk):
    row = desk.receive(
        make_mail(to="sales@desk.example", In_Reply_To=f"<{FIRST_ID}>"), account=desk.other_account
    )
    assert row.state == "opened"


def test_words_of_a_stranger_reach_no_customer_until_released(desk):
    desk.receive(make_mail(sender=STRANGER, text="Canary", In_Reply_To=f"<{desk.signed_id()}>"))
    customer = people.find_user(CUSTOMER)
    assert len(access.visible_comments(desk.ticket, customer)) == 1
    assert desk.ticket.status == "new"
    with transaction():
        comments.release(desk.ticket.comments[1], actor=desk.nora)
    assert len(access.visible_comments(desk.ticket, customer)) == 2


# agents by mail


def test_an_agent_answering_his_own_notification_writes_a_note(desk):
    message_id = desk.sent(AGENT)
    row = desk.receive(make_mail(sender=AGENT, text="I know this one.", In_Reply_To=f"<{message_id}>"))
    note = desk.ticket.comments[1]
    assert (row.state, note.kind, note.author.email, note.text.strip()) == (
        "appended",
        "note",
        AGENT,
        "I know this one.",
    )


def test_the_id_of_a_mail_the_customer_also_got_makes_nobody_an_agent(desk):
    message_id = desk.sent(CUSTOMER, AGENT, purpose="reply")
    desk.receive(make_mail(sender=AGENT, text="Refund granted.", In_Reply_To=f"<{message_id}>"))
    said = desk.ticket.comments[1]
    assert (said.kind, said.is_released) == ("incoming", False)


def test_the_notification_of_one_agent_helps_no_other(desk):
    message_id = desk.sent(AGENT)
    desk.receive(make_mail(sender=OTHER_AGENT, In_Reply_To=f"<{message_id}>"))
    assert (desk.ticket.comments[1].kind, desk.ticket.comments[1].is_released) == ("incoming", False)


def test_an_agent_who_lost_his_access_is_held_with_the_reason(desk):
    message_id = desk.sent(AGENT)
    with transaction():
        people.set_grants(people.find_user(AGENT), [], actor=None)
    row = desk.receive(make_mail(sender=AGENT, In_Reply_To=f"<{message_id}>"))
    assert (row.state, desk.counts()) == ("held", (1, 1))
    assert "no access" in str(reason_of(row))


def test_a_deactivated_agent_is_a_stranger(desk):
    message_id = desk.sent(AGENT, CUSTOMER)
    with transaction():
        people.find_user(AGENT).is_active = False
    row = desk.receive(make_mail(sender=AGENT, In_Reply_To=f"<{message_id}>"))
    assert row.state == "appended"
    assert (desk.ticket.comments[1].kind, desk.ticket.comments[1].is_released) == ("incoming", False)


# where tickets have gone


@pytest.mark.parametrize("disposition", [Disposition.SPAM, Disposition.TRASH, Disposition.MERGED])
@pytest.mark.parametrize("evidence", ["signed id", "known id", "number"])
def test_a_ticket_that_was_put_away_gets_nothing_more(desk, evidence, disposition):
    desk.change(disposition=disposition)
    row = desk.receive(make_mail(text="again", **evidence_headers(desk, evidence)))
    assert (row.state, desk.counts()) == ("opened", (2, 2))
    assert db.session.get(Ticket, row.ticket_id).may_belong_to_id is None


@pytest.mark.parametrize("evidence", ["signed id", "known id", "number"])
def test_long_after_closing_a_new_ticket_follows_the_old_with_its_people(desk, evidence):
    with transaction():
        changing.set_status(db.session.get(Ticket, desk.ticket_id), Status.CLOSED, actor=desk.nora)
    desk.change(closed_at=utcnow() - timedelta(days=15))
    row = desk.receive(make_mail(sender=OTHER_CUSTOMER, text="again", **evidence_headers(desk, evidence)))
    new = db.session.get(Ticket, row.ticket_id)
    assert (row.state, new.follow_up_of_id, desk.ticket.status) == ("opened", desk.ticket_id, "closed")
    assert {(p.address.email, p.role) for p in new.participants} == {
        (OTHER_CUSTOMER, "requester"),
        (CUSTOMER, "cc"),
    }


def test_what_an_answer_long_after_closing_quotes_is_not_read_by_who_joined_later(desk):
    with transaction():
        participants.add(db.session.get(Ticket, desk.ticket_id), "tim@other.example", actor=desk.nora)
    desk.change(status=Status.CLOSED, closed_at=utcnow() - timedelta(days=15))
    quoted = "On Sat, 21 Nov 2026 at 10:00, Helpdesk <support@desk.example> wrote:\n> Said before Tim came\n"
    row = desk.receive(make_mail(text=f"Again.\n\n{quoted}", In_Reply_To=f"<{desk.signed_id()}>"))
    new = desk.ticket_of(row.ticket_id)
    (said,) = access.visible_comments(new, people.find_user("tim@other.example"))
    assert (new.follow_up_of_id, said.text.strip()) == (desk.ticket_id, "Again.")
    assert "before Tim" in said.full_text


def test_soon_after_closing_an_answer_reopens(desk):
    with transaction():
        changing.set_status(db.session.get(Ticket, desk.ticket_id), Status.CLOSED, actor=desk.nora)
    row = desk.receive(make_mail(In_Reply_To=f"<{FIRST_ID}>", text="again"))
    assert (row.state, desk.ticket.status) == ("appended", "open")


# who joins


def test_whom_the_requester_copies_in_joins_from_now_on(desk):
    desk.receive(
        make_mail(Cc="tim@other.example", In_Reply_To=f"<{desk.signed_id()}>", text="Tim knows more.")
    )
    tim = next(p for p in desk.ticket.participants if p.address.email == "tim@other.example")
    assert (tim.role, tim.since is None) == ("cc", False)
    assert [c.text.strip() for c in access.visible_comments(desk.ticket, people.find_user("tim@other.example"))] in (
        [], ["Tim knows more."],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sender", "evidence"),
    [(CUSTOMER, "number"), (CUSTOMER, "known id"), (OTHER_CUSTOMER, "signed id"), (STRANGER, "signed id")],
)
def test_nobody_else_brings_people_along(desk, sender, evidence):
    desk.receive(make_mail(sender=sender, Cc="evil@x.example", text="x", **evidence_headers(desk, evidence)))
    assert {p.address.email for p in desk.ticket.participants} == {CUSTOMER, OTHER_CUSTOMER}


def test_mail_makes_customers_only(desk):
    desk.receive(make_mail(sender=STRANGER))
    roles = set(db.session.scalars(select(User.role).where(User.id > desk.tom.id)))
    assert roles == {Role.CUSTOMER}
