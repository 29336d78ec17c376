"""When a digest is due: by the reader's clock, each day of his calendar once."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from helpdesk.policy.digest import Every, Rhythm, is_untold, last_turn

BERLIN, AUCKLAND, LOS_ANGELES = (
    ZoneInfo(name) for name in ("Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles")
)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rhythm", "now", "day", "at"),
    [
        (Rhythm(Every.DAILY, 8), utc(2026, 11, 21, 7), date(2026, 11, 21), utc(2026, 11, 21, 7)),
        (Rhythm(Every.DAILY, 8), utc(2026, 11, 21, 6, 59), date(2026, 11, 20), utc(2026, 11, 20, 7)),
        (Rhythm(Every.DAILY, 0), utc(2026, 11, 20, 23), date(2026, 11, 21), utc(2026, 11, 20, 23)),
        (Rhythm(Every.WEEKLY, 8, 0), utc(2026, 11, 21, 12), date(2026, 11, 16), utc(2026, 11, 16, 7)),
        (Rhythm(Every.WEEKLY, 8, 5), utc(2026, 11, 21, 6), date(2026, 11, 14), utc(2026, 11, 14, 7)),
        (Rhythm(Every.WEEKLY, 8, 5), utc(2026, 11, 21, 7), date(2026, 11, 21), utc(2026, 11, 21, 7)),
        # 02:30 is left out in March, and comes twice in October
        (Rhythm(Every.DAILY, 2), utc(2026, 3, 29, 1), date(2026, 3, 29), utc(2026, 3, 29, 1)),
        (Rhythm(Every.DAILY, 2), utc(2026, 3, 29, 0, 59), date(2026, 3, 28), utc(2026, 3, 28, 1)),
        (Rhythm(Every.DAILY, 2), utc(2026, 10, 25, 0), date(2026, 10, 25), utc(2026, 10, 25, 0)),
        (Rhythm(Every.DAILY, 2), utc(2026, 10, 25, 1, 30), date(2026, 10, 25), utc(2026, 10, 25, 0)),
    ],
)
def test_the_last_turn_by_the_readers_clock(rhythm, now, day, at):
    turn = last_turn(rhythm, BERLIN, now)
    assert (turn.day, turn.at) == (day, at)


@pytest.mark.parametrize("zone", [BERLIN, AUCKLAND, LOS_ANGELES])
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 8, 23])
@pytest.mark.parametrize("month", [3, 10])
def test_every_day_has_one_turn_whatever_the_clocks_do(zone, hour, month):
    """Looked at every half hour for two months, no day is told twice and none is left out."""
    told, days, start = None, [], utc(2026, month, 1)
    for half_hours in range(60 * 48):
        now = start + half_hours * timedelta(minutes=30)
        turn = last_turn(Rhythm(Every.DAILY, hour), zone, now)
        if is_untold(turn, told, now=now):
            told = turn.day
            days.append(told)
    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=1)}
    assert len(days) >= 60


def test_who_travels_gets_no_day_twice():
    now = utc(2026, 11, 21, 20)
    there = last_turn(Rhythm(Every.DAILY, 8), AUCKLAND, now)
    here = last_turn(Rhythm(Every.DAILY, 8), LOS_ANGELES, now)
    assert there.day > here.day
    assert not is_untold(here, there.day, now=now)
    assert is_untold(
        last_turn(Rhythm(Every.DAILY, 8), LOS_ANGELES, now + timedelta(days=1)), here.day, now=now
    )


def test_a_day_far_ahead_was_written_by_a_wrong_clock():
    now = utc(2026, 11, 21, 9)
    turn = last_turn(Rhythm(Every.DAILY, 8), UTC, now)
    assert is_untold(turn, date(2030, 1, 1), now=now)
    assert not is_untold(turn, turn.day, now=now)
