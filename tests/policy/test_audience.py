"""Who is told of what: the seven notifications, never one's own acts, never anything internal to a customer."""

import os
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from helpdesk.policy.audience import Channel, Event, Facts, Kind, Person, Recipient, Relation, What, audience
from helpdesk.policy.audience_table import TABLE
from helpdesk.policy.status import CommentKind, Role, Status

JONAS, MARIA = Person(1, Role.CUSTOMER), Person(2, Role.CUSTOMER)
NORA, TOM, ADA = Person(11, Role.AGENT), Person(12, Role.AGENT), Person(13, Role.ADMIN)
MACHINE = None
DOCUMENT = Path(__file__).parents[2] / "docs" / "notifications.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
HEADS = {
    Relation.REQUESTER: "requester", Relation.CC: "in copy", Relation.MENTIONED: "named in it",
    Relation.ASSIGNEE: "assignee", Relation.AUTHOR: "its author", Relation.CREATOR: "who opened it",
    Relation.FOLLOWER: "followers", Relation.TEAM: "team",
}  # fmt: skip
FACTS = Facts(actor_id=TOM.user_id, customers=(JONAS, MARIA), assignee=NORA, team=(NORA, TOM, ADA))


def told(event, **values):
    """To those who are told unasked, or have not switched anything off."""
    notices = audience(event, replace(FACTS, **values), is_wanted=lambda notice: notice.kind is not Kind.NEW)
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
        actor, (JONAS, MARIA, ADA), assignee, creator, (NORA, TOM, ADA, JONAS), kind, released, automatic, None, status,
        author=assignee, mentioned=(TOM, MARIA), followers=(ADA, JONAS), purpose=purpose,
    )
    for actor, assignee, creator, kind, released, automatic, status, purpose in product(
        [None, 1, 11, 13],
        [None, NORA, JONAS],
        [None, TOM, MARIA],
        CommentKind,
        [True, False],
        [True, False],
        [None, Status.OPEN, Status.CLOSED],
        ["reply", "resent", "ticket_created", "notification"],
    )
]  # fmt: skip
TOLD_TO_CUSTOMERS = {What.OPENED, What.STATUS, What.RESOLVED, What.CLOSED, What.ANSWERED}


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("event", Event)
def test_every_event_by_every_channel_to_everybody(event, channel):
    """Nobody is told of his own act, nor twice; and nothing internal ever reaches somebody who is not of the team,
    whatever else he is: assignee, follower, named in a note."""
    for facts in EVERYTHING:
        notices = audience(event, facts, channel)
        ids = [notice.user_id for notice in notices]
        assert len(ids) == len(set(ids))
        own = [notice for notice in notices if notice.user_id == facts.actor_id]
        assert all(notice.is_acknowledgement for notice in own)
        for notice in notices:
            is_customer = notice.user_id in (JONAS.user_id, MARIA.user_id)
            assert is_customer <= (notice.recipient is Recipient.CUSTOMER)
            if notice.recipient is Recipient.CUSTOMER:
                assert channel is Channel.MAIL
                check_customer(notice, event, facts)


def check_customer(notice, event, facts):
    assert notice.what in TOLD_TO_CUSTOMERS
    if event is Event.COMMENT_ADDED:
        assert facts.comment_kind is CommentKind.REPLY
        assert facts.is_released
        assert not facts.is_automatic


def test_customers_have_cells_of_their_own_in_public_rows_only():
    rows = {what for what, row in TABLE.items() if set(row) & {Relation.REQUESTER, Relation.CC}}
    assert rows == TOLD_TO_CUSTOMERS
    assert set(TABLE) == set(What)
    assert all(list(row) == [relation for relation in Relation if relation in row] for row in TABLE.values())


def test_who_does_not_want_to_be_told_as_one_thing_may_be_told_as_another():
    note = replace(FACTS, comment_kind=CommentKind.NOTE, mentioned=(NORA,))
    notices = audience(Event.COMMENT_ADDED, note, is_wanted=lambda notice: notice.kind is not Kind.MENTION)
    assert {(n.user_id, n.relation.value) for n in notices} == {(11, "assignee"), (13, "team")}


# the documentation


def test_the_documented_table_is_the_one_that_decides():
    """After a change somebody has thought about: UPDATE_DOCS=1 writes it anew."""
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    shown, after = rest.split(END)
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(f"{before}{BEGIN}{as_markdown()}{END}{after}")
        return
    assert shown == as_markdown()


def as_markdown():
    lines = [["What happens", *(HEADS[relation] for relation in Relation)]]
    lines.append(["---"] * len(lines[0]))
    lines += [[what.value, *(in_words(TABLE[what].get(relation)) for relation in Relation)] for what in What]
    return "\n" + "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def in_words(cell):
    if cell is None:
        return ""
    return ", ".join([*(["mail"] if cell.mail else []), *(["page"] if cell.inbox else [])])
