"""Who is told of what: the seven notifications, never one's own acts, never anything internal to a customer."""

from dataclasses import replace
from itertools import product

import pytest

from helpdesk.policy.audience import Event, Facts, Person, Recipient, Template, audience
from helpdesk.policy.status import CommentKind, Role, Status

JONAS, MARIA = Person(1, Role.CUSTOMER), Person(2, Role.CUSTOMER)
NORA, TOM, ADA = Person(11, Role.AGENT), Person(12, Role.AGENT), Person(13, Role.ADMIN)
MACHINE = None
FACTS = Facts(actor_id=TOM.user_id, customers=(JONAS, MARIA), assignee=NORA, team=(NORA, TOM, ADA))


def told(event, **values):
    notices = audience(event, replace(FACTS, **values))
    return {(notice.user_id, notice.recipient.value, notice.template.value) for notice in notices}


@pytest.mark.parametrize(
    ("event", "values", "expected"),
    [
        (
            Event.OPENED,
            {"actor_id": 1},
            {(1, "customer", "ticket_created"), (11, "assignee", "ticket_created")},
        ),
        (Event.OPENED, {"actor_id": 1, "assignee": None}, {(1, "customer", "ticket_created")}),
        (Event.OPENED, {"actor_id": 1, "assignee": None, "is_automatic": True}, set()),
        (Event.OPENED, {"creator": TOM}, {(11, "assignee", "ticket_created")}),
        (Event.ASSIGNED, {}, {(11, "assignee", "ticket_assigned")}),
        (Event.ASSIGNED, {"actor_id": 11}, set()),
        (Event.ASSIGNED, {"assignee": None}, set()),
        (
            Event.STATUS_CHANGED,
            {"before": Status.OPEN, "after": Status.PENDING},
            {
                (1, "customer", "status_changed"),
                (2, "customer", "status_changed"),
                (11, "assignee", "status_changed"),
            },
        ),
        (
            Event.STATUS_CHANGED,
            {"before": Status.NEW, "after": Status.IN_PROGRESS},
            {(11, "assignee", "status_changed")},
        ),
        (
            Event.STATUS_CHANGED,
            {"before": Status.OPEN, "after": Status.RESOLVED},
            {(1, "customer", "ticket_resolved"), (2, "customer", "ticket_resolved")},
        ),
        (
            Event.STATUS_CHANGED,
            {"before": Status.RESOLVED, "after": Status.CLOSED, "actor_id": 1},
            {(2, "customer", "ticket_closed")},
        ),
        (Event.STATUS_CHANGED, {"after": Status.PENDING, "is_consequence": True}, set()),
        (
            Event.STATUS_CHANGED,
            {"after": Status.RESOLVED, "is_consequence": True},
            {(1, "customer", "ticket_resolved"), (2, "customer", "ticket_resolved")},
        ),
        (Event.STATUS_CHANGED, {"after": Status.CLOSED, "is_quiet": True}, set()),
        (
            Event.PRIORITY_CHANGED,
            {},
            {(11, "assignee", "ticket_updated")},
        ),
        (
            Event.COMMENT_ADDED,
            {"comment_kind": CommentKind.REPLY},
            {
                (1, "customer", "comment_added"),
                (2, "customer", "comment_added"),
                (11, "assignee", "comment_added"),
            },
        ),
        (
            Event.COMMENT_ADDED,
            {"comment_kind": CommentKind.INCOMING, "actor_id": 1},
            {(11, "assignee", "comment_added")},
        ),
        (Event.COMMENT_ADDED, {"comment_kind": CommentKind.INCOMING, "is_automatic": True}, set()),
        (
            Event.COMMENT_ADDED,
            {"comment_kind": CommentKind.NOTE},
            {(11, "assignee", "comment_added"), (13, "team", "comment_added")},
        ),
        (
            Event.OVERDUE,
            {"actor_id": MACHINE, "creator": TOM},
            {(11, "assignee", "ticket_overdue"), (12, "creator", "ticket_overdue")},
        ),
        (Event.OVERDUE, {"actor_id": MACHINE, "creator": NORA}, {(11, "assignee", "ticket_overdue")}),
        (Event.OVERDUE, {"actor_id": MACHINE, "assignee": None}, set()),
        ("ticket.subject_changed", {}, set()),
    ],
)
def test_who_is_told_of_what(event, values, expected):
    assert told(event, **values) == expected


EVERYTHING = [
    Facts(
        actor, (JONAS, MARIA, ADA), assignee, creator, (NORA, TOM, ADA), kind, released, False, None, status
    )
    for actor, assignee, creator, kind, released, status in product(
        [None, 1, 11, 13],
        [None, NORA, JONAS],
        [None, TOM, MARIA],
        CommentKind,
        [True, False],
        [None, Status.OPEN, Status.CLOSED],
    )
]


@pytest.mark.parametrize("event", Event)
def test_nobody_is_told_of_his_own_act_nor_twice(event):
    for facts in EVERYTHING:
        notices = audience(event, facts)
        ids = [notice.user_id for notice in notices]
        assert len(ids) == len(set(ids))
        own = [notice for notice in notices if notice.user_id == facts.actor_id]
        assert all((n.recipient, n.template) == (Recipient.CUSTOMER, Template.CREATED) for n in own)


def test_nothing_internal_ever_reaches_a_customer():
    for facts in EVERYTHING:
        internal = [*audience(Event.OVERDUE, facts), *audience(Event.COMMENT_RELEASED, facts)]
        if facts.comment_kind is not CommentKind.REPLY or not facts.is_released:
            internal += audience(Event.COMMENT_ADDED, facts)
        assert not [notice for notice in internal if notice.user_id in (JONAS.user_id, MARIA.user_id)]
        assert not [notice for notice in internal if notice.recipient is Recipient.CUSTOMER]
