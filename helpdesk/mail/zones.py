"""The time zone a calendar file means: by its name, by the name Windows gives it, else by the rules it brings along."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.core import get_global

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}\Z")
_IN_WORDS = re.compile(r"[A-Z][A-Za-z]{2,12}/[A-Za-z_]{2,30}(?:/[A-Za-z_]{2,30})?")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Observance:
    """From a moment on (by the clock before it) the clock is `offset` ahead of UTC.

    `yearly` names the day on which it begins again each year: (3, -1, "SU") is the last Sunday of March.
    """

    begins: datetime
    offset: timedelta
    yearly: tuple[int, int, str] | None = None

    def last_begin(self, moment: datetime) -> datetime | None:
        """When it began last before a moment; None when that was never."""
        if moment < self.begins:
            return None
        if self.yearly is None:
            return self.begins
        for year in (moment.year, moment.year - 1):
            begin = self._in_year(year, *self.yearly)
            if self.begins <= begin <= moment:
                return begin
        return self.begins

    def _in_year(self, year: int, month: int, number: int, weekday: str) -> datetime:
        first = self.begins.replace(year=year, month=month, day=1)
        day = first + timedelta(days=(_WEEKDAYS.index(weekday) - first.weekday()) % 7)
        if number > 0:
            return day + timedelta(weeks=number - 1)
        days = [day + timedelta(weeks=week) for week in range(5)]
        return [each for each in days if each.month == first.month][max(number, -4)]


@dataclass(frozen=True, slots=True)
class Zone:
    """Either one everybody knows or one made of rules."""

    known: ZoneInfo | None = None
    observances: tuple[Observance, ...] = ()

    def offset(self, moment: datetime) -> timedelta:
        """How far its clocks are ahead of UTC when they show this moment. Raises ValueError, OverflowError."""
        if self.known:
            return moment.replace(tzinfo=self.known).utcoffset() or timedelta()
        begun = [(begin, each.offset) for each in self.observances if (begin := each.last_begin(moment))]
        return max(begun)[1] if begun else self.observances[0].offset


def find_zone(name: str, own: Mapping[str, Zone]) -> Zone | None:
    """None when the name means nothing to anybody."""
    if not name:
        return None
    known = _known(name) or _known(get_global("windows_zone_mapping").get(name, ""))
    if known:
        return Zone(known)
    if name in own:
        return own[name]
    written = _IN_WORDS.search(name[:200])  # `/freeassociation.sourceforge.net/Europe/Oslo`
    known = _known(written[0]) if written else None
    return Zone(known) if known else None


def _known(name: str) -> ZoneInfo | None:
    if not _NAME.match(name):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return None
