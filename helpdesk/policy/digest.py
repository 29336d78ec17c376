"""When a person's digest is due: his hour, on his days, by his clock.

A turn is a day of his calendar, and no day comes twice: neither when the clocks change, nor when he travels, nor when
the machine's clock is set back. Pure: the time and the zone come in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

FURTHEST_AHEAD = timedelta(
    days=2
)  # no two calendars are further apart: a later day was written by a wrong clock


class Every(StrEnum):
    """How often somebody wants one."""

    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often, at which full hour, and of a weekly one on which day: 0 is Monday."""

    every: Every = Every.OFF
    hour: int = 8
    weekday: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """The day a digest is for, as the reader's calendar names it, and the moment it is due."""

    day: date
    at: datetime


def last_turn(rhythm: Rhythm, zone: tzinfo, now: datetime) -> Turn:
    """The turn that began last. An hour the clocks leave out counts as the one after it."""
    day = now.astimezone(zone).date()
    if rhythm.every is Every.WEEKLY:
        day -= timedelta(days=(day.weekday() - rhythm.weekday) % 7)
    turn = _turn(day, rhythm.hour, zone)
    if turn.at <= now:
        return turn
    return _turn(day - timedelta(days=7 if rhythm.every is Every.WEEKLY else 1), rhythm.hour, zone)


def _turn(day: date, hour: int, zone: tzinfo) -> Turn:
    return Turn(day, datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC))


def is_untold(turn: Turn, told: date | None, *, now: datetime) -> bool:
    """Whether the turn has had no digest yet; `told` is the day the last one was for."""
    if told is None or told - now.date() > FURTHEST_AHEAD:
        return True
    return told < turn.day
