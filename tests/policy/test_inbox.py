"""Which facts the team is told of in the browser, and by which word."""

from dataclasses import replace

import pytest

from helpdesk.policy.audience import Channel, Facts, Person, audience
from helpdesk.policy.inbox import Kind, mentioned
from helpdesk.policy.status import CommentKind, Role

NORA, TOM, ADA, JONAS = (
    Person(1, Role.AGENT),
    Person(2, Role.AGENT),
    Person(3, Role.ADMIN),
    Person(9, Role.CUSTOMER),
)
NOBODYS = Facts(9, (JONAS,), team=(NORA, TOM, ADA))
NORAS = replace(NOBODYS, assignee=NORA)
FOLLOWED = replace(NORAS, followers=(TOM,))


def words(event, facts, **values):
    notices = audience(event, replace(facts, **values), Channel.INBOX)
    return {notice.user_id: notice.cell.inbox for notice in notices}


@pytest.mark.parametrize(
    ("event", "facts", "values", "expected"),
    [
        ("ticket.opened", NORAS, {}, {1: Kind.OPENED, 2: Kind.NEW, 3: Kind.NEW}),
        ("ticket.assigned", NORAS, {"actor_id": 2}, {1: Kind.ASSIGNED}),
        ("ticket.assigned", NOBODYS, {"actor_id": 2}, {}),
        ("comment.added", FOLLOWED, {"comment_kind": "incoming"}, {1: Kind.ANSWERED, 2: Kind.ANSWERED}),
        ("comment.added", FOLLOWED, {"comment_kind": "incoming", "is_automatic": True}, {}),
        (
            "comment.added",
            FOLLOWED,
            {"actor_id": 3, "comment_kind": "reply"},
            {1: Kind.REPLIED, 2: Kind.REPLIED},
        ),
        ("comment.added", FOLLOWED, {"actor_id": 3, "comment_kind": "note"}, {1: Kind.NOTE, 2: Kind.NOTE}),
        ("comment.added", NORAS, {"actor_id": 3, "comment_kind": "forward"}, {1: Kind.FORWARDED}),
        (
            "email.failed",
            NORAS,
            {"author": TOM, "purpose": "reply"},
            {1: Kind.MAIL_FAILED, 2: Kind.MAIL_FAILED},
        ),
        ("email.failed", NORAS, {"author": TOM, "purpose": "ticket_created"}, {}),
        ("email.bounced", NORAS, {"purpose": "ticket_created"}, {1: Kind.MAIL_FAILED}),
        ("email.bounced", NORAS, {"purpose": "notification"}, {}),
        ("reply.stopped", NORAS, {"actor_id": None, "author": TOM}, {2: Kind.STOPPED}),
        ("reply.crossed", NORAS, {"actor_id": None, "author": TOM}, {2: Kind.CROSSED}),
        ("ticket.overdue", FOLLOWED, {"creator": ADA}, {1: Kind.OVERDUE, 3: Kind.OVERDUE}),
        ("ticket.priority_changed", FOLLOWED, {"actor_id": 2}, {1: Kind.CHANGED}),
        ("ticket.tagged", FOLLOWED, {"actor_id": 2}, {}),
    ],
)
def test_who_is_told_and_by_which_word(event, facts, values, expected):
    if "comment_kind" in values:
        values = values | {"comment_kind": CommentKind(values["comment_kind"])}
    assert words(event, facts, **values) == expected


def test_one_is_told_once_by_the_word_that_concerns_one_most():
    note = replace(NORAS, actor_id=3, followers=(NORA, TOM), mentioned=(NORA,), comment_kind=CommentKind.NOTE)
    assert words("comment.added", note) == {1: Kind.MENTION, 2: Kind.NOTE}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@Nora can you?", {1}),
        ("@nora keller and @Tom.", {1, 2}),
        ("(@Tom)", {2}),
        ("@Anna", set()),
        ("@Anna Berg", {4}),
        ("nora@desk.example", set()),
        ("@Norah", set()),
        ("@ Nora", set()),
        ("", set()),
    ],
)
def test_who_is_named_in_a_note(text, expected):
    names = {1: "Nora Keller", 2: "Tom Hale", 4: "Anna Berg", 5: "Anna Lind", 6: ""}
    assert mentioned(text, names) == expected
