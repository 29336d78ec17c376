"""Which status follows, and what customers are shown of it."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.policy.status import (
    Status,
    after_customer_reply,
    after_staff_reply,
    allowed,
    customer_label,
    is_overdue,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "setting", "after"),
    [
        (Status.NEW, Status.PENDING, Status.PENDING),
        (Status.CLOSED, Status.PENDING, Status.PENDING),
        (Status.OPEN, Status.RESOLVED, Status.RESOLVED),
        (Status.IN_PROGRESS, None, Status.IN_PROGRESS),
        (Status.NEW, None, Status.OPEN),
        (Status.OPEN, Status.NEW, Status.OPEN),
    ],
)
def test_an_answer_sets_the_accounts_status_and_never_new(status, setting, after):
    assert after_staff_reply(status, setting) is after


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (Status.NEW, Status.NEW),
        (Status.OPEN, Status.OPEN),
        (Status.IN_PROGRESS, Status.OPEN),
        (Status.PENDING, Status.OPEN),
        (Status.RESOLVED, Status.OPEN),
        (Status.CLOSED, Status.OPEN),
    ],
)
def test_a_customers_reply_opens_the_ticket_again(status, after):
    assert after_customer_reply(status) is after


@pytest.mark.parametrize("status", Status)
def test_a_vacation_answer_changes_nothing(status):
    assert after_customer_reply(status, is_automatic=True) is status


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_people_may_move_a_ticket_anywhere_but_back_to_new(before, after):
    assert allowed(before, after) is (after is not Status.NEW or before is Status.NEW)


def test_customers_see_one_open_for_all_the_teams_steps():
    assert {status: customer_label(status) for status in Status} == {
        Status.NEW: "Open",
        Status.OPEN: "Open",
        Status.IN_PROGRESS: "Open",
        Status.PENDING: "Waiting for you",
        Status.RESOLVED: "Resolved",
        Status.CLOSED: "Closed",
    }


@pytest.mark.parametrize("status", Status)
def test_only_what_is_still_to_be_done_is_overdue(status):
    late = is_overdue(status, NOW - timedelta(seconds=1), now=NOW)
    assert late is (status not in (Status.RESOLVED, Status.CLOSED))
    assert not is_overdue(status, NOW, now=NOW)
    assert not is_overdue(status, None, now=NOW)
