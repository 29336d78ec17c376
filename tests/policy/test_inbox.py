"""Which facts the team is told of in the browser, and by which word."""

import pytest

from helpdesk.policy.audience import Person
from helpdesk.policy.inbox import Facts, Kind, mentioned, told
from helpdesk.policy.status import CommentKind, Role

NORA, TOM, ADA, JONAS = (
    Person(1, Role.AGENT),
    Person(2, Role.AGENT),
    Person(3, Role.ADMIN),
    Person(9, Role.CUSTOMER),
)
INCOMING = Facts(9, NORA, (TOM,), comment_kind=CommentKind.INCOMING)


def words(event, facts):
    return {one.user_id: one.kind for one in told(event, facts)}


@pytest.mark.parametrize(
    ("event", "facts", "expected"),
    [
        ("ticket.assigned", Facts(2, NORA), {1: Kind.ASSIGNED}),
        ("ticket.assigned", Facts(2, None), {}),
        ("comment.added", INCOMING, {1: Kind.ANSWERED, 2: Kind.ANSWERED}),
        ("comment.added", Facts(9, None, (TOM,), comment_kind=CommentKind.INCOMING), {2: Kind.ANSWERED}),
        (
            "comment.added",
            Facts(3, NORA, (TOM,), comment_kind=CommentKind.REPLY),
            {1: Kind.REPLIED, 2: Kind.REPLIED},
        ),
        (
            "comment.added",
            Facts(3, NORA, (TOM,), comment_kind=CommentKind.NOTE),
            {1: Kind.NOTE, 2: Kind.NOTE},
        ),
        ("comment.added", Facts(3, NORA, comment_kind=CommentKind.FORWARD), {}),
        (
            "email.failed",
            Facts(None, NORA, author=TOM, purpose="reply"),
            {1: Kind.MAIL_FAILED, 2: Kind.MAIL_FAILED},
        ),
        ("email.failed", Facts(None, NORA, author=TOM, purpose="ticket_created"), {}),
        ("reply.stopped", Facts(None, NORA, author=TOM), {2: Kind.STOPPED}),
        ("reply.crossed", Facts(None, NORA, author=TOM), {2: Kind.CROSSED}),
        ("ticket.overdue", Facts(None, NORA, (TOM,)), {1: Kind.OVERDUE}),
        ("ticket.priority_changed", Facts(2, NORA, (TOM,)), {}),
    ],
)
def test_who_is_told_and_by_which_word(event, facts, expected):
    assert words(event, facts) == expected


@pytest.mark.parametrize("event", ["ticket.assigned", "comment.added"])
def test_nobody_is_told_of_his_own_act(event):
    facts = Facts(1, NORA, (NORA,), mentioned=(NORA,), comment_kind=CommentKind.NOTE)
    assert words(event, facts) == {}


def test_a_vacation_answer_is_told_to_nobody():
    facts = Facts(9, NORA, (TOM,), comment_kind=CommentKind.INCOMING, is_automatic=True)
    assert words("comment.added", facts) == {}


def test_customers_are_never_told():
    facts = Facts(3, JONAS, (JONAS,), author=JONAS, mentioned=(JONAS,), comment_kind=CommentKind.NOTE)
    assert not any(words(event, facts) for event in ("comment.added", "ticket.assigned", "reply.stopped"))


def test_one_is_told_once_by_the_word_that_concerns_one_most():
    facts = Facts(3, NORA, (NORA, TOM), mentioned=(NORA,), comment_kind=CommentKind.NOTE)
    assert words("comment.added", facts) == {1: Kind.MENTION, 2: Kind.NOTE}


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
