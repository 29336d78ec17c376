"""What arrives at a mail server after everything that can happen to a ticket, read as those who get it read it."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select, update

from helpdesk.database import db, transaction, utcnow
from helpdesk.mail.parse import parse
from helpdesk.models import Comment, EmailMessage, Notification, Ticket, User
from helpdesk.models.mail import EmailState
from helpdesk.policy import audience
from helpdesk.policy.status import Category, CommentKind, Priority, Status
from helpdesk.services import events, overdue, people, settings
from helpdesk.services.outbox import queue
from helpdesk.services.outbox.deliver import drain
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.factories import ADMIN, AGENT, CUSTOMER, OTHER_AGENT, OTHER_CUSTOMER, SUPPORT
from tests.servers.fixtures import sink, smtp_sink  # noqa: F401
from tests.services.outbox.told_mails import end_gathering

CANARY = "canary-of-the-team"
CUSTOMERS, TEAM = {CUSTOMER, OTHER_CUSTOMER}, {AGENT, OTHER_AGENT, ADMIN}
OUTSIDER, LEFT = "otto@desk.example", "lea@desk.example"
INTERNAL = (CommentKind.NOTE, CommentKind.FORWARD)


@pytest.fixture
def account(context, sink):  # noqa: F811
    account = factories.make_account(SUPPORT, outgoing_port=sink.port, outgoing_security="plain")
    factories.make_admin()
    factories.make_customer()
    factories.make_customer(OTHER_CUSTOMER, "Maria Lund")
    for email, name in ((AGENT, "Nora Keller"), (OTHER_AGENT, "Tom Hale"), (LEFT, "Lea Fort")):
        factories.make_agent(email, name, accounts=[account])
    factories.make_agent(OUTSIDER, "Otto Fern", accounts=[factories.make_account("sales@desk.example")])
    with transaction():
        person(LEFT).is_active = False
    return account


def person(email):
    return people.find_user(email) if email else None


@dataclass(frozen=True)
class Act:
    """One thing that happens: who does it, to which kind of ticket, and whether its words are internal."""

    name: str
    actor: str | None
    by_hand: bool = False
    kind: CommentKind | None = None
    is_released: bool = True


def every_act():
    changes = ["status:" + status.value for status in Status if status is not Status.NEW]
    changes += ["priority", "category", "due", "assign", "unassign", "release", "restore"]
    changes += ["mail:failed", "mail:uncertain", "mail:bounced", "reply:stopped", "reply:crossed"]
    for by_hand in (False, True):
        yield Act("opened", None, by_hand)
        yield Act("overdue", None, by_hand)
    for actor in (CUSTOMER, OTHER_CUSTOMER, AGENT, OTHER_AGENT, ADMIN, None):
        for name in changes:
            yield Act(name, actor)
        for kind, is_released in product(CommentKind, [True, False]):
            yield Act("comment", actor, kind=kind, is_released=is_released)


def ticket_for(account, act):
    """A ticket with both customers and with everything on it that they must not read, and none of it told yet."""
    opener = person(OTHER_AGENT) if act.by_hand else None
    address = people.find_address(CUSTOMER)
    with transaction():
        ticket, _ = opening.open_ticket(
            account=account, requester=address, subject="Printer", words=Words("It does not print."),
            actor=opener or address.user, created_by=opener, from_email=not act.by_hand,
            cc=[people.find_address(OTHER_CUSTOMER)],
        )  # fmt: skip
        ticket.assignee, ticket.status = person(AGENT), Status.OPEN
        ticket.due_at = utcnow() - timedelta(days=1) if act.name == "overdue" else None
        for kind in INTERNAL:
            comments.write(ticket, kind, Words(CANARY), author=person(ADMIN))
        secret = comments.write(ticket, CommentKind.INCOMING, Words(CANARY, is_released=False), author=None)
        if act.name != "opened":
            mails = update(EmailMessage).where(EmailMessage.ticket_id == ticket.id)
            db.session.execute(mails.values(state="cancelled"))
    return ticket.id, secret.id


def do(act, ticket_id, secret_id):
    """Let it happen below the doors that would refuse it to most: what tells is the record of an event."""
    ticket, actor = db.session.get(Ticket, ticket_id), person(act.actor)
    match act.name.split(":"):
        case ["status", status]:
            changing.move(ticket, Status(status), actor=actor)
        case ["priority"]:
            ticket.priority = Priority.HIGH
            record("priority_changed", ticket, actor, "medium", "high")
        case ["category"]:
            ticket.category = Category.BUG
            record("category_changed", ticket, actor, "Support", "Bug")
        case ["due"]:
            ticket.due_at = utcnow() + timedelta(days=1)
            record("due_changed", ticket, actor, None, ticket.due_at.isoformat())
        case ["assign"]:
            ticket.assignee = person(OTHER_AGENT)
            record("assigned", ticket, actor, person(AGENT).id, person(OTHER_AGENT).id)
        case ["unassign"]:
            ticket.assignee = None
            record("assigned", ticket, actor, person(AGENT).id, None)
        case ["release"]:
            db.session.get(Comment, secret_id).is_released = True
            events.record("comment.released", actor=actor, ticket=ticket, comment_id=secret_id)
        case ["restore"]:
            first_id = ticket.comments[0].id
            events.record("ticket.restored", actor=actor, ticket=ticket, comment_id=first_id, is_news=True)
        case ["mail", state]:
            failed = queue.add(
                ticket.account, purpose="reply", to=[CUSTOMER], ticket=ticket, comment=ticket.comments[1]
            )
            failed.state = EmailState(state)
            queue.record_event(f"email.{state}", failed, actor=actor)
        case ["reply", what]:
            author_id = person(OTHER_AGENT).id
            events.record(
                f"reply.{what}", actor=actor, ticket=ticket, comment_id=secret_id, author_id=author_id
            )
        case ["comment"]:
            say(act, ticket, actor)


def record(what, ticket, actor, before, after):
    events.record(f"ticket.{what}", actor=actor, ticket=ticket, before=before, after=after)


def say(act, ticket, actor):
    """A comment of every kind by anybody: the record of it is what tells, whichever door it came through."""
    is_internal = act.kind in INTERNAL or not act.is_released or act.kind is CommentKind.INCOMING
    words = Words(CANARY if is_internal else "Hello.", is_released=act.is_released)
    comment = comments.write(ticket, act.kind, words, author=actor)
    events.record("comment.added", actor=actor, ticket=ticket, comment_id=comment.id, kind=act.kind.value)


def shown(taken):
    parsed = parse(taken.raw)
    return f"{parsed.subject} {parsed.text} {parsed.html} {taken.raw.decode('utf-8', 'replace')}"


def test_no_internal_word_reaches_a_customer_whatever_happens(account, sink):  # noqa: F811
    """Every event, by everybody, with every kind of comment: through gathering, making and a real SMTP server."""
    acts = {}
    for act in every_act():
        ticket_id, secret_id = ticket_for(account, act)
        with transaction():
            do(act, ticket_id, secret_id)
            acts[settings.tag_of(db.session.get(Ticket, ticket_id))] = act
    overdue.tell()
    end_gathering()
    drain(account.id)
    told = {tag: {} for tag in acts}
    for taken in sink.mails():
        (reader,) = taken.recipients
        tag = parse(taken.raw).header("X-Helpdesk-Ticket")
        assert reader not in told[tag], f"{acts[tag]}: {reader} was told twice"
        told[tag][reader] = shown(taken)
    for tag, act in acts.items():
        check(act, told[tag])
    assert {act.kind for act in acts.values() if act.kind} == set(CommentKind)
    assert len(audience.Event) == 15, "a new event needs its act here"
    pages = db.session.execute(
        select(Ticket, User)
        .join(Notification, Notification.ticket_id == Ticket.id)
        .join(User, User.id == Notification.user_id)
    )
    for ticket, user in pages:
        act = acts[settings.tag_of(ticket)]
        assert user.email in TEAM, f"{act}: {user.email} was told in the browser"


def check(act, texts):
    for reader, text in texts.items():
        assert reader in CUSTOMERS | TEAM, f"{act}: {reader} has no access"
        assert reader not in CUSTOMERS or CANARY not in text, f"{act}: told {reader} what is internal"
        assert reader != act.actor, f"{act}: {reader} was told what he did"
    if act.kind is CommentKind.NOTE:
        assert texts.keys() == TEAM - {act.actor}, f"{act}: notes are for the team, all of it and nobody else"
        assert all(CANARY in text for text in texts.values())
    if act.name.startswith(("mail", "reply")):
        assert texts.keys() <= {AGENT, OTHER_AGENT, ADMIN}, f"{act}: told others than author and assignee"
    if act.kind is CommentKind.FORWARD or not act.is_released:
        assert texts.keys() <= TEAM, f"{act}: told customers"
