"""Times for later, by the clock on somebody's wall, whatever the zone does in between."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpdesk.errors import InvalidInput
from helpdesk.policy import later
from helpdesk.policy.later import Offer

BERLIN = ZoneInfo("Europe/Berlin")


def offered(now, zone=BERLIN):
    return {one.offer: one.at.astimezone(UTC) for one in later.offers(now, zone)}


def test_two_hours_from_now_tomorrow_at_nine_and_monday_at_nine():
    wednesday = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
    assert offered(wednesday) == {
        Offer.SOON: datetime(2026, 11, 18, 16, 30, tzinfo=UTC),
        Offer.TOMORROW: datetime(2026, 11, 19, 8, tzinfo=UTC),
        Offer.MONDAY: datetime(2026, 11, 23, 8, tzinfo=UTC),
    }


@pytest.mark.parametrize(("day", "has_monday"), [(21, True), (22, False), (23, True)])
def test_monday_is_the_next_one_and_is_not_offered_twice(day, has_monday):
    found = offered(datetime(2026, 11, day, 12, tzinfo=UTC))
    assert (Offer.MONDAY in found) is has_monday
    assert found[Offer.TOMORROW] == datetime(2026, 11, day + 1, 8, tzinfo=UTC)
    if has_monday:
        assert found[Offer.MONDAY] == datetime(2026, 11, 23 if day < 23 else 30, 8, tzinfo=UTC)


def test_tomorrow_is_that_of_the_reader_not_of_the_server():
    late = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)  # past midnight in Berlin, still the 18th in Lima
    assert offered(late)[Offer.TOMORROW] == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert offered(late, ZoneInfo("America/Lima"))[Offer.TOMORROW] == datetime(2026, 11, 19, 14, tzinfo=UTC)


def test_nine_is_at_nine_on_both_sides_of_a_change_of_the_clocks():
    before_spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    before_autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert offered(before_spring)[Offer.TOMORROW] == datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert offered(before_autumn)[Offer.TOMORROW] == datetime(2026, 10, 25, 8, tzinfo=UTC)
    assert offered(before_spring)[Offer.SOON] - before_spring == timedelta(hours=2)


@pytest.mark.parametrize(
    ("day", "clock", "at"),
    [
        ("2026-03-29", "02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # left out that night: 03:30
        ("2026-10-25", "02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # comes twice: the first
        ("2026-11-19", "", datetime(2026, 11, 19, 8, tzinfo=UTC)),
    ],
)
def test_a_day_and_a_time_are_read_by_the_readers_clock(day, clock, at):
    assert later.read(day, clock, BERLIN) == at


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("", "09:00"),
        ("tomorrow", ""),
        ("2026-02-30", "09:00"),
        ("2026-03-01", "9:00+01:00"),
        ("0001-01-01", "00:00"),
    ],
)
def test_what_is_no_day_or_no_time_is_refused(day, clock):
    with pytest.raises(InvalidInput, match="choose a day"):
        later.read(day, clock, BERLIN)


def test_what_has_passed_or_is_years_away_is_refused():
    now = datetime(2026, 11, 18, tzinfo=UTC)
    assert later.check(now + timedelta(minutes=1), now)
    for wrong in (now, now - timedelta(minutes=1), now + timedelta(days=400)):
        with pytest.raises(InvalidInput):
            later.check(wrong, now)
