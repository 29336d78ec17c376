"""Every service that changes a ticket asks the table itself, whoever calls it: the page is not the only guard."""

import inspect
import pkgutil
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Forbidden, InvalidInput, NotFound
from helpdesk.models import EmailAccount, EmailMessage, Ticket, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.policy.mail_texts import MailText
from helpdesk.policy.status import Category, CommentKind, Disposition, Priority, Role, Status
from helpdesk.services import (
    accounts,
    mail_previews,
    mail_texts,
    mailing,
    members,
    people,
    replies,
    tags,
    tickets,
    waiting_mail,
)
from helpdesk.services.tickets import changing, comments, merge, opening, setting_aside, split
from helpdesk.services.tickets.comments import Words
from tests import factories

EVERYBODY = ("admin", "agent", "other_agent", "customer", "other_customer", "former_agent")
TEAM = {"admin", "agent"}
WORDS = Words("Some words")
WITHOUT_ACTOR = {
    "changing.move",  # what follows from an act, which was asked for itself
    "changing.one_at_a_time",
    "changing.hold",  # looks again, changes nothing
    "changing.refuse_merged",
    "changing.may_be_assigned",
    "changing.may_work_on",
    "comments.write",
    "comments.refuse_empty",
    "comments.in_markdown",
    "comments.find_by_form",
    "comments.said_before",  # looks again, changes nothing
    "comments.status_after_reply",
    "opening.next_number",
    "opening.tidy_subject",
    "opening.join",
    "opening.find_by_form",
    "opening.default_assignee",
    "opening.new_row",  # made for who was asked already
    "merge.merge_target",
    "merge.find_target",  # these look, as whoever asks
    "merge.open_to",
    "merge.led_to",
    "merge.candidates",
    "merge.by_number",
}


@dataclass
class Scene:
    """The ticket of `customer`, another of his, and everybody by name."""

    ticket: Ticket
    other: Ticket
    people: dict[str, User]

    @property
    def tag(self):
        return self.ticket.tags[0]

    @property
    def unreleased(self):
        return next(c for c in self.ticket.comments if not c.is_released)


def open_for_somebody(scene, actor, created_by):
    opening.open_ticket(
        account=scene.ticket.account, requester=scene.ticket.requester_address, subject="Again", words=WORDS,
        actor=actor, created_by=created_by,
    )  # fmt: skip


def send_by_code(scene, actor, **about):
    mailing.send_email(scene.ticket.account, ["x@y.example"], "Subject", "Words", actor=actor, **about)


ACTS = {
    "changing.set_status": (lambda s, a: changing.set_status(s.ticket, Status.PENDING, actor=a), TEAM),
    "changing.assign": (lambda s, a: changing.assign(s.ticket, s.people["agent"], actor=a), TEAM),
    "changing.set_priority": (lambda s, a: changing.set_priority(s.ticket, Priority.URGENT, actor=a), TEAM),
    "changing.set_category": (lambda s, a: changing.set_category(s.ticket, Category.BUG, actor=a), TEAM),
    "changing.set_due": (lambda s, a: changing.set_due(s.ticket, utcnow() + timedelta(1), actor=a), TEAM),
    "comments.add_incoming": (
        lambda s, a: comments.add_incoming(s.ticket, WORDS, address=a.addresses[0], actor=a),
        {"customer"},
    ),
    "comments.add_reply": (lambda s, a: comments.add_reply(s.ticket, WORDS, actor=a), TEAM),
    "comments.add_note": (lambda s, a: comments.add_note(s.ticket, WORDS, actor=a), TEAM),
    "comments.release": (lambda s, a: comments.release(s.unreleased, actor=a), TEAM),
    "merge.merge": (lambda s, a: merge.merge(s.other, s.ticket, actor=a), TEAM),
    "split.split": (lambda s, a: split.split(s.unreleased, actor=a), TEAM),
    "setting_aside.mark_spam": (lambda s, a: setting_aside.mark_spam(s.ticket, actor=a), TEAM),
    "setting_aside.restore": (lambda s, a: setting_aside.restore(s.ticket, actor=a), TEAM),
    "setting_aside.block_sender": (lambda s, a: setting_aside.block_sender(s.ticket, actor=a), TEAM),
    "opening.open_ticket": (lambda s, a: open_for_somebody(s, a, None), {"customer"}),
    "opening.open_ticket for others": (lambda s, a: open_for_somebody(s, a, a), TEAM),
    "mailing.send_reply by code": (lambda s, a: mailing.send_reply(s.ticket, "Words", actor=a), TEAM),
    "mailing.send_email by code": (lambda s, a: send_by_code(s, a), TEAM),
    "mailing.send_email about a ticket": (lambda s, a: send_by_code(s, a, ticket=s.ticket), TEAM),
}
PREPARATIONS = {
    "replies.prepare": lambda s, a: replies.prepare(s.ticket, "Words", actor=a),
    "replies.prepare_opening": lambda s, a: replies.prepare_opening(
        s.ticket.account, "x@y.example", "Subject", "Words", actor=a
    ),
}


def a_place(scene):
    return mail_texts.Place(MailText.ASSIGNED, "en", scene.ticket.account)


ADMINISTRATION = {
    "members.invite": lambda s, a: members.invite("new@desk.example", Role.ADMIN, name="", account_ids=(), actor=a),
    "members.invite_again": lambda s, a: members.invite_again(s.people["agent"], actor=a),
    "members.change": lambda s, a: members.change(s.people["agent"], role=Role.ADMIN, account_ids=(), actor=a),
    "members.deactivate": lambda s, a: members.deactivate(s.people["agent"], actor=a),
    "members.reactivate": lambda s, a: members.reactivate(s.people["former_agent"], actor=a),
    "accounts.create": lambda s, a: accounts.create("more@desk.example", actor=a),
    "accounts.update": lambda s, a: accounts.update(s.ticket.account, actor=a, from_name="x"),
    "accounts.fetch_soon": lambda s, a: accounts.fetch_soon(s.ticket.account, actor=a),
    "tags.rename": lambda s, a: tags.rename(s.tag, "other", actor=a),
    "tags.merge": lambda s, a: tags.merge(s.tag, s.ticket.tags[1], actor=a),
    "tags.delete": lambda s, a: tags.delete(s.tag, actor=a),
    "mail_texts.save": lambda s, a: mail_texts.save(a_place(s), "x", "{{ticket_link}}", seen=0, actor=a),
    "mail_texts.reset": lambda s, a: mail_texts.reset(a_place(s), actor=a),
    "mail_previews.send_test": lambda s, a: mail_previews.send_test(
        a_place(s), "x", "{{ticket_link}}", ticket=s.ticket, actor=a
    ),
    "accounts.create_practice": lambda s, a: accounts.create_practice(actor=a),
}  # fmt: skip


@pytest.fixture
def scene(context):
    account = factories.make_account()
    people_ = {
        "admin": factories.make_admin(),
        "agent": factories.make_agent(accounts=[account]),
        "other_agent": factories.make_agent(factories.OTHER_AGENT),
        "customer": factories.make_customer(),
        "other_customer": factories.make_customer(factories.OTHER_CUSTOMER),
        "former_agent": factories.make_agent("gone@desk.example", accounts=[account]),
    }
    ticket, other = factories.make_ticket(account), factories.make_ticket(account, subject="Another")
    with transaction():
        people_["former_agent"].is_active = False
        for name in ("first", "second"):
            tags.add(ticket, name, actor=None)
        stranger = people.address_for(factories.STRANGER)
        held = Words("A stranger's words", is_released=False, is_from_email=True)
        comments.write(ticket, CommentKind.INCOMING, held, author=None, address=stranger)
    return Scene(ticket, other, people_)


def may(act, scene, name):
    """Whether the act is carried out for this person; nothing of it stays."""
    try:
        with transaction():
            act(scene, scene.people[name])
            db.session.rollback()
    except (Forbidden, NotFound):
        return False
    return True


def takes_actor(function):
    return "actor" in inspect.signature(function).parameters


def test_every_verb_on_tickets_stands_here():
    found = {
        f"{module.name}.{name}": function
        for module in pkgutil.iter_modules(tickets.__path__)
        for name, function in vars(import_module(f"{tickets.__name__}.{module.name}")).items()
        if inspect.isfunction(function) and function.__module__.endswith(f".{module.name}") and name[0] != "_"
    }
    asking = {name for name in found if name not in WITHOUT_ACTOR}
    assert asking == {name for name in ACTS if " " not in name}
    assert set(found) >= WITHOUT_ACTOR
    assert all(takes_actor(found[name]) for name in asking)


def test_only_whom_the_table_names_gets_through(scene):
    found = {act: {name for name in EVERYBODY if may(ACTS[act][0], scene, name)} for act in ACTS}
    assert found == {act: allowed for act, (_, allowed) in ACTS.items()}


@pytest.mark.parametrize("act", PREPARATIONS)
def test_nothing_is_composed_for_whom_the_table_does_not_name(scene, act):
    for name in set(EVERYBODY) - TEAM:
        with pytest.raises((Forbidden, NotFound)):
            PREPARATIONS[act](scene, scene.people[name])
    for name in TEAM:
        PREPARATIONS[act](scene, scene.people[name])


def test_only_admins_administer(scene):
    found = {
        act: {name for name in EVERYBODY if may(function, scene, name)}
        for act, function in ADMINISTRATION.items()
    }
    assert found == {act: {"admin"} for act in ADMINISTRATION}


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("act", [waiting_mail.retry, waiting_mail.put_away])
def test_only_the_team_of_an_account_touches_its_waiting_mail(scene, act, direction):
    with transaction():
        email = EmailMessage(
            account_id=scene.ticket.account_id,
            direction=direction,
            state=EmailState.FAILED,
            tray=Tray.FAILED if direction is Direction.IN else None,
            created_at=utcnow(),
        )
        db.session.add(email)
        db.session.flush()
        email_id = email.id
    for name in EVERYBODY:
        done = may(lambda _scene, who: act(db.session.get(EmailMessage, email_id), actor=who), scene, name)
        assert done is (name in TEAM), name


def test_customer_writes_nothing_on_what_was_put_aside(scene):
    with transaction():
        scene.ticket.disposition = Disposition.TRASH
    assert not may(ACTS["comments.add_incoming"][0], scene, "customer")


def test_the_desk_itself_needs_nobodys_leave(scene):
    with transaction():
        changing.set_priority(scene.ticket, Priority.URGENT, actor=None)
        changing.set_status(scene.ticket, Status.OPEN, actor=None)
    assert (scene.ticket.priority, scene.ticket.status) == (Priority.URGENT, Status.OPEN)


def test_what_was_worked_on_never_becomes_new_again(scene):
    agent = scene.people["agent"]
    with transaction():
        changing.set_status(scene.ticket, Status.NEW, actor=agent)  # it still is
        changing.set_status(scene.ticket, Status.OPEN, actor=agent)
    with pytest.raises(InvalidInput, match="cannot be new again"), transaction():
        changing.set_status(scene.ticket, Status.NEW, actor=agent)
    assert db.session.get(Ticket, scene.ticket.id).status is Status.OPEN


def test_losing_a_grant_counts_at_once(scene):
    agent = scene.people["agent"]
    with transaction():
        people.set_grants(agent, [], actor=None)
    assert not may(ACTS["comments.add_note"][0], scene, "agent")
    with transaction():
        people.set_grants(agent, [db.session.get(EmailAccount, scene.ticket.account_id).id], actor=None)
    assert may(ACTS["comments.add_note"][0], scene, "agent")
