"""Business hours: whether somebody is there, and when next. Pure: the time, and what admins wrote, come as arguments.

A week is kept as text, by weekday (`{"mon": "09:00-12:00, 13:00-17:00", ..., "holidays": ["2026-12-25 Christmas Day"]}`),
as it is read on the page. A span that ends before it begins goes over midnight and belongs to the day it begins on; so
does a holiday, on which nothing begins. A day without spans is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from helpdesk.errors import InvalidInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAYS = "holidays"
ORDINARY: dict[str, object] = {
    **{day: "09:00-17:00" if day not in ("sat", "sun") else "" for day in DAYS},
    HOLIDAYS: [],
}
MOST_SPANS, MOST_HOLIDAYS, MAX_NAME = 6, 200, 80
_DAY_MINUTES = 24 * 60
_LOOK_AHEAD_DAYS = 800  # over two years: longer than any list of holidays closes a desk
_ANY_LEAP_YEAR = 2024
_TIME = r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?"
_SPAN = re.compile(rf"{_TIME}\s*(?:-|–|—|to|bis)\s*{_TIME}(?:\s*(?:Uhr|h))?\Z", re.IGNORECASE)
_ISO_DATE = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})(?=\s|\Z)")
_DOTTED_DATE = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4}))?(?=\s|\Z)")


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes after midnight of the day it begins on; `ends` is past 1440 when it goes over midnight."""

    begins: int
    ends: int

    def __str__(self) -> str:
        return f"{_clock(self.begins)}-{_clock(self.ends, is_end=True)}"


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day nobody is there; without a year every year."""

    month: int
    day: int
    year: int | None = None
    name: str = ""

    def __str__(self) -> str:
        year = f"{self.year:04d}-" if self.year is not None else ""
        return f"{year}{self.month:02d}-{self.day:02d} {self.name}".rstrip()

    def is_on(self, day: date) -> bool:
        """Whether it is this day."""
        return (self.month, self.day) == (day.month, day.day) and self.year in (None, day.year)


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of each weekday, Monday first, by the clocks of `zone`."""

    week: tuple[tuple[Span, ...], ...]
    holidays: tuple[Holiday, ...]
    zone: ZoneInfo


def hours_of(stored: Mapping[str, object], zone: ZoneInfo) -> Hours:
    """What was kept, as values. What was damaged outside the desk raises InvalidInput."""
    week = tuple(read_day(str(stored.get(day, ""))) for day in DAYS)
    lines = stored.get(HOLIDAYS)
    return Hours(week, read_holidays(lines if isinstance(lines, list) else []), zone)


def tidy(written: Mapping[str, object]) -> dict[str, object]:
    """As it is kept: each day in one form, holidays in order and each once. Raises InvalidInput."""
    tidied: dict[str, object] = {
        day: ", ".join(map(str, read_day(str(written.get(day) or "")))) for day in DAYS
    }
    lines = written.get(HOLIDAYS) or []
    holidays = read_holidays(lines.splitlines() if isinstance(lines, str) else lines)  # type: ignore[arg-type]
    return tidied | {HOLIDAYS: sorted(dict.fromkeys(map(str, holidays)))}


# reading what a person wrote


def read_day(text: str) -> tuple[Span, ...]:
    """`9:00-12:00, 13-17` and the like, in order; nothing for a closed day. Raises InvalidInput."""
    spans = sorted(
        map(_read_span, filter(None, re.split(r"[,;\n]|\s+and\s+|\s+und\s+", text.strip()))), key=_begin
    )
    if len(spans) > MOST_SPANS:
        raise InvalidInput("At most %(limit)d spans a day.", limit=MOST_SPANS)
    for earlier, later in pairwise(spans):
        if later.begins < earlier.ends:
            raise InvalidInput("%(one)s and %(other)s overlap.", one=str(earlier), other=str(later))
    return tuple(spans)


def _begin(span: Span) -> int:
    return span.begins


def _read_span(text: str) -> Span:
    text = text.strip()
    match = _SPAN.match(text)
    begins = _minutes(*match.group(1, 2, 3)) if match else None
    ends = _minutes(*match.group(4, 5, 6)) if match else None
    if begins is None or ends is None or begins in (_DAY_MINUTES, ends):
        raise InvalidInput(
            "“%(text)s” is no span of time. Write it like 9:00-17:00; leave the day empty to be closed.",
            text=text[:40],
        )
    return Span(begins, ends if ends > begins else ends + _DAY_MINUTES)


def _minutes(hour: str, minute: str | None, half: str | None) -> int | None:
    """None for what no clock shows; 24:00 is the end of the day."""
    hours, minutes = int(hour), int(minute or 0)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    total = hours * 60 + minutes
    return total if minutes < 60 and total <= _DAY_MINUTES else None


def _clock(minutes: int, *, is_end: bool = False) -> str:
    if is_end and minutes == _DAY_MINUTES:
        return "24:00"
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def read_holidays(lines: list[str]) -> tuple[Holiday, ...]:
    """A date at the beginning of each line, with or without a year, then any words. Raises InvalidInput."""
    found = tuple(_read_holiday(line.strip()) for line in lines if line.strip())
    if len(found) > MOST_HOLIDAYS:
        raise InvalidInput("At most %(limit)d holidays.", limit=MOST_HOLIDAYS)
    return found


def _read_holiday(line: str) -> Holiday:
    iso, dotted = _ISO_DATE.match(line), _DOTTED_DATE.match(line)
    match = iso or dotted
    try:
        if match is None:
            raise ValueError(line)
        year, month, day = (iso or match).group(1, 2, 3) if iso else match.group(3, 2, 1)
        date(int(year or _ANY_LEAP_YEAR), int(month), int(day))
    except ValueError:
        raise InvalidInput(
            "“%(line)s” does not begin with a date. Write it like 2026-12-25, or 12-25 for every year.",
            line=line[:40],
        ) from None
    name = " ".join(line[match.end() :].split())[:MAX_NAME]
    return Holiday(int(month), int(day), int(year) if year else None, name)


# asking


def is_open(hours: Hours, now: datetime) -> bool:
    """Whether somebody is there at this moment."""
    today = now.astimezone(hours.zone).date()
    days = (today - timedelta(days=1), today)
    return any(begins <= now < ends for day in days for begins, ends in _spans_on(hours, day))


def next_opening(hours: Hours, now: datetime) -> datetime | None:
    """When somebody comes next, in the zone of the hours; None when nobody ever does."""
    today = now.astimezone(hours.zone).date()
    for ahead in range(_LOOK_AHEAD_DAYS):
        for begins, _ in _spans_on(hours, today + timedelta(days=ahead)):
            if begins > now:
                return begins.astimezone(hours.zone)
    return None


def _spans_on(hours: Hours, day: date) -> Iterator[tuple[datetime, datetime]]:
    """What begins on a day, as moments."""
    if any(holiday.is_on(day) for holiday in hours.holidays):
        return
    for span in hours.week[day.weekday()]:
        yield min(_moments(day, span.begins, hours.zone)), max(_moments(day, span.ends, hours.zone))


def _moments(day: date, minutes: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both readings of a time that clocks show twice, or never, when they are put back or on; else twice the same."""
    shown = datetime.combine(day, time()) + timedelta(minutes=minutes)
    first, second = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second
