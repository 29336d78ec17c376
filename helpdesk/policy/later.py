"""When an answer for later goes out: the times a page offers, and what somebody chose, by the clock on his wall.

Days and hours are those of the reader's zone, so a change to summer time in between moves nothing he sees: tomorrow at
nine is at nine. An hour the clock leaves out is taken for the one right after it, one that comes twice for the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from helpdesk.errors import InvalidInput

MORNING = time(9)
MONDAY = 0
LONGEST = timedelta(days=366)


class Offer(StrEnum):
    """What a page offers besides a day and time of one's own."""

    SOON = "soon"
    TOMORROW = "tomorrow"
    MONDAY = "monday"


@dataclass(frozen=True, slots=True)
class Moment:
    """An offer and when that would be, in the reader's zone."""

    offer: Offer
    at: datetime


def offers(now: datetime, zone: tzinfo) -> list[Moment]:
    """In two hours, tomorrow morning, and on Monday morning unless that is tomorrow."""
    local = now.astimezone(zone)
    days = {Offer.TOMORROW: 1, Offer.MONDAY: (MONDAY - local.weekday() - 1) % 7 + 1}
    moments = [Moment(Offer.SOON, now.astimezone(UTC) + timedelta(hours=2))]
    for offer, ahead in days.items():
        day = local.date() + timedelta(days=ahead)
        if offer is Offer.TOMORROW or ahead > 1:
            moments.append(Moment(offer, datetime.combine(day, MORNING, zone)))
    return [Moment(one.offer, one.at.astimezone(zone)) for one in moments]


def read(day: str, clock: str, zone: tzinfo) -> datetime:
    """A day and a time as a form gives them (`2026-11-23`, `09:00`). Raises InvalidInput for what is none."""
    try:
        written = datetime.fromisoformat(f"{day.strip()}T{clock.strip() or '09:00'}")
        if written.tzinfo is not None:
            raise ValueError(clock)
        return written.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("Please choose a day and a time.", field="when") from error


def check(at: datetime, now: datetime) -> datetime:
    """The moment itself. Raises InvalidInput for one that has passed, or is more than a year away."""
    if at <= now:
        raise InvalidInput("This time has passed already. Please choose a later one.", field="when")
    if at > now + LONGEST:
        raise InvalidInput("At most a year ahead, please.", field="when")
    return at
