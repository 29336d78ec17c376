"""Who may do what: each permission grants and each denies, and the page says what the code does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helpdesk.policy.permissions import (
    TABLE,
    Action,
    CommentFacts,
    Standing,
    TicketFacts,
    Viewer,
    can_administer,
    can_see_comment,
    can_see_notes,
    can_see_ticket,
    can_work_on,
    may,
    may_on_account,
    standing,
)
from helpdesk.policy.status import CommentKind, Disposition, Role

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
ACCOUNT, OTHER_ACCOUNT, ADDRESS, SECOND_ADDRESS = 1, 2, 11, 12

ADMIN = Viewer(1, Role.ADMIN)
AGENT = Viewer(2, Role.AGENT, account_ids=frozenset({ACCOUNT}))
OTHER_AGENT = Viewer(3, Role.AGENT, account_ids=frozenset({OTHER_ACCOUNT}))
NO_GRANTS = Viewer(4, Role.AGENT, address_ids=frozenset({ADDRESS}))
CUSTOMER = Viewer(5, Role.CUSTOMER, address_ids=frozenset({ADDRESS}))
OTHER_CUSTOMER = Viewer(6, Role.CUSTOMER, address_ids=frozenset({99}))
CUSTOMER_WITH_GRANT = Viewer(7, Role.CUSTOMER, account_ids=frozenset({ACCOUNT}))
GONE = [
    Viewer(8, Role.ADMIN, is_active=False),
    Viewer(9, Role.AGENT, account_ids=frozenset({ACCOUNT}), is_active=False),
    Viewer(10, Role.CUSTOMER, address_ids=frozenset({ADDRESS}), is_active=False),
]
NOBODIES = [None, OTHER_AGENT, NO_GRANTS, OTHER_CUSTOMER, CUSTOMER_WITH_GRANT, *GONE]
TICKET = TicketFacts(ACCOUNT, {ADDRESS: None})
PUBLIC = CommentFacts(CommentKind.REPLY, NOW)


def test_the_page_shows_the_very_table_of_the_code():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[0] == ["may", *Standing]
    expected = [[action, *("yes" if s in TABLE[action] else "no" for s in Standing)] for action in Action]
    assert cells[2:] == expected


@pytest.mark.parametrize("action", Action)
def test_every_action_is_in_the_table_and_denied_to_somebody(action):
    assert TABLE[action]
    assert Standing.NOBODY not in TABLE[action]


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("viewer", NOBODIES)
def test_who_has_no_standing_may_nothing(viewer, action):
    assert not may(viewer, action, TICKET)
    assert not may_on_account(viewer, action, ACCOUNT)


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [(ADMIN, Standing.ADMIN), (AGENT, Standing.AGENT), (CUSTOMER, Standing.PARTICIPANT)],
)
def test_what_people_are_to_a_ticket(viewer, expected):
    assert standing(viewer, TICKET) is expected


@pytest.mark.parametrize(
    ("viewer", "sees", "works", "notes", "administers"),
    [
        (ADMIN, True, True, True, True),
        (AGENT, True, True, True, False),
        (CUSTOMER, True, False, False, False),
        *((viewer, False, False, False, False) for viewer in NOBODIES),
    ],
)
def test_the_four_questions_pages_ask(viewer, sees, works, notes, administers):
    answers = (
        can_see_ticket(viewer, TICKET),
        can_work_on(viewer, TICKET),
        can_see_notes(viewer, TICKET),
        can_administer(viewer),
    )
    assert answers == (sees, works, notes, administers)


@pytest.mark.parametrize("disposition", [d for d in Disposition if d is not Disposition.NORMAL])
def test_what_was_set_aside_is_hidden_from_customers_only(disposition):
    ticket = TicketFacts(ACCOUNT, {ADDRESS: None}, disposition)
    assert not can_see_ticket(CUSTOMER, ticket)
    assert not can_see_comment(CUSTOMER, ticket, PUBLIC)
    assert can_see_ticket(AGENT, ticket)


@pytest.mark.parametrize("kind", CommentKind)
@pytest.mark.parametrize("is_released", [True, False])
def test_customers_read_only_what_is_public_and_released(kind, is_released):
    comment = CommentFacts(kind, NOW, is_released)
    is_public = is_released and kind in (CommentKind.INCOMING, CommentKind.REPLY)
    assert can_see_comment(CUSTOMER, TICKET, comment) is is_public
    assert can_see_comment(AGENT, TICKET, comment)
    assert not any(can_see_comment(viewer, TICKET, comment) for viewer in NOBODIES)


@pytest.mark.parametrize(
    ("since", "is_shown"),
    [
        ({ADDRESS: None}, True),
        ({ADDRESS: EARLIER}, True),
        ({ADDRESS: NOW}, True),
        ({ADDRESS: LATER}, False),
        ({ADDRESS: LATER, SECOND_ADDRESS: EARLIER}, True),
        ({ADDRESS: LATER, 99: None}, False),
        ({}, False),
    ],
)
def test_who_joined_later_reads_nothing_from_before(since, is_shown):
    viewer = Viewer(5, Role.CUSTOMER, address_ids=frozenset({ADDRESS, SECOND_ADDRESS}))
    assert can_see_comment(viewer, TicketFacts(ACCOUNT, since), PUBLIC) is is_shown


def test_agents_administer_nothing_even_on_their_own_account():
    assert not may_on_account(AGENT, Action.ADMINISTER, ACCOUNT)
    assert may_on_account(AGENT, Action.OPEN_TICKET, ACCOUNT)
    assert not may_on_account(AGENT, Action.OPEN_TICKET, OTHER_ACCOUNT)
