"""Calendar files in mails (RFC 5545, 5546): what a person wants to know of one, as plain values.

Written anew because the known library expands the rules of a time zone for years when a file of 400 bytes asks it to.
Here a file is cut into lines once, and of a zone's rules only those for the event's own year are worked out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from helpdesk.mail.charset import clean, clean_line, decode
from helpdesk.mail.types import Particular, ParticularKind
from helpdesk.mail.zones import Observance, Zone, find_zone

MAX_BYTES = 512 * 1024
MAX_LINES = 10_000
MAX_WORDS = 300
MAX_DESCRIPTION = 20_000
_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9-]{1,60})(?P<parameters>(?:;[A-Za-z0-9-]{1,60}=(?:\"[^\"]*\"|[^\";:,]*)(?:,(?:\"[^\"]*\"|[^\";:,]*)){0,50}){0,50}):(?P<value>.*)"
)
_PARAMETER = re.compile(r";([A-Za-z0-9-]{1,60})=(\"[^\"]*\"|[^\";:,]*)")
_ESCAPE = re.compile(r"\\(.)")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?\Z", re.IGNORECASE)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?\Z", re.IGNORECASE
)
_METHODS = {"request", "cancel", "reply", "publish", "counter", "add", "refresh"}
_FREQUENCIES = {"daily", "weekly", "monthly", "yearly"}
_ANSWERS = {"accepted", "declined", "tentative"}


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    value: str
    parameters: dict[str, str]


@dataclass(slots=True)
class _Component:
    """One BEGIN to END: its own lines by name, first one first, and the components inside."""

    name: str
    lines: dict[str, list[_Line]] = field(default_factory=dict)
    inside: list[_Component] = field(default_factory=list)

    def line(self, name: str) -> _Line:
        return next(iter(self.lines.get(name, ())), _Line(name, "", {}))

    def words(self, name: str, most: int = MAX_WORDS) -> str:
        return clean_line(_unescaped(self.line(name).value[: 2 * most]))[:most]


def read_invitation(data: bytes, charset: str = "", method: str = "") -> tuple[Particular | None, str]:
    """(the event of a calendar file, its description); (None, "") when it holds none or several, or is too large."""
    if len(data) > MAX_BYTES:
        return None, ""
    calendar = _components(_lines(decode(data, charset)))
    events = [each for each in calendar.inside if each.name == "VEVENT"]
    series = [each for each in events if "RECURRENCE-ID" not in each.lines]
    if not events or len(series) > 1:
        return None, ""
    event = (series or events)[0]
    facts = _facts(calendar, event, method)
    description = clean(_unescaped(event.line("DESCRIPTION").value[:MAX_DESCRIPTION])).strip()
    return Particular(ParticularKind.EVENT, tuple((key, value) for key, value in facts if value)), description


def _lines(text: str) -> Iterator[_Line]:
    """Unfolded, with their parameters; what is no line of a calendar is left out."""
    unfolded = re.sub(r"\n[ \t]", "", text)
    for line in unfolded.split("\n", MAX_LINES)[:MAX_LINES]:
        match = _LINE.match(line)
        if match:
            found = _PARAMETER.findall(match["parameters"])
            parameters = {name.upper(): value.strip('"') for name, value in reversed(found)}
            yield _Line(match["name"].upper(), match["value"].strip(), parameters)


def _components(lines: Iterator[_Line]) -> _Component:
    """The calendar; components deeper than an alarm are of no interest and counted only."""
    root = calendar = _Component("")
    path: list[_Component] = []
    for line in lines:
        if line.name == "BEGIN":
            component = _Component(line.value.upper())
            if path and len(path) < 4:
                path[-1].inside.append(component)
            elif not path and calendar is root and component.name == "VCALENDAR":
                calendar = component
            path.append(component)
        elif line.name == "END":
            del path[-1:]
        elif path:
            path[-1].lines.setdefault(line.name, []).append(line)
    return calendar


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)


def _facts(calendar: _Component, event: _Component, method: str) -> list[tuple[str, str]]:
    method = (calendar.line("METHOD").value or method).lower()
    start_line = event.line("DTSTART")
    zone = find_zone(start_line.parameters.get("TZID", ""), _own_zones(calendar))
    start = _moment(start_line, zone)
    end = _end(event, start, zone)
    if event.line("STATUS").value.upper() == "CANCELLED":
        method = "cancel"
    facts = [
        ("method", method if method in _METHODS else "publish"),
        ("summary", event.words("SUMMARY")),
        ("start", _written(start)),
        ("end", _written(end)),
        ("zone", clean_line(start_line.parameters.get("TZID", ""))[:100]),
        ("place", event.words("LOCATION")),
        ("organizer", _person(event.line("ORGANIZER"))),
        *_repetition(event.line("RRULE").value),
    ]
    return [*facts, *_answer(event)] if method == "reply" else facts


def _answer(event: _Component) -> list[tuple[str, str]]:
    attendee = event.line("ATTENDEE")
    answer = attendee.parameters.get("PARTSTAT", "").lower()
    return [("attendee", _person(attendee)), ("answer", answer if answer in _ANSWERS else "")]


def _person(line: _Line) -> str:
    """The name, else the address."""
    scheme, colon, address = line.value.partition(":")
    address = address if colon and scheme.lower() == "mailto" else ""
    return clean_line(line.parameters.get("CN", "") or address)[:MAX_WORDS]


def _repetition(rule: str) -> list[tuple[str, str]]:
    if not rule:
        return []
    parts = dict(part.upper().split("=", 1) for part in rule[:1000].split(";") if "=" in part)
    frequency = parts.get("FREQ", "").lower()
    facts = [("repeats", frequency if frequency in _FREQUENCIES else "otherwise")]
    for name, fact in (("INTERVAL", "every"), ("COUNT", "times")):
        number = parts.get(name, "")
        if number.isascii() and number.isdigit() and 1 < int(number[:6]) < 10_000:
            facts.append((fact, str(int(number[:6]))))
    until = _TIME.match(parts.get("UNTIL", ""))
    if until and (day := _day(until)):
        facts.append(("until", day.isoformat()))
    return facts


Moment = date | datetime | None


def _day(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _moment(line: _Line, zone: Zone | None) -> Moment:
    """A date for a whole day; a time in UTC, or naive where nobody says in which zone."""
    match = _TIME.match(line.value)
    day = _day(match) if match else None
    if match is None or day is None or match[4] is None:
        return day
    try:
        clock = time(int(match[4]), int(match[5]), min(int(match[6] or 0), 59))
        moment = datetime.combine(day, clock)
        if match[7]:
            return moment.replace(tzinfo=UTC)
        return (moment - zone.offset(moment)).replace(tzinfo=UTC) if zone else moment
    except (ValueError, OverflowError):
        return None


def _end(event: _Component, start: Moment, zone: Zone | None) -> Moment:
    """The moment it ends; of whole days the last one, which the file names by the day after."""
    line = event.line("DTEND")
    if start is None:
        return None
    if line.value:
        own = line.parameters.get("TZID", "")
        end = _moment(
            line,
            zone if own == event.line("DTSTART").parameters.get("TZID", "") else find_zone(own, {}) or zone,
        )
    else:
        end = _after(start, event.line("DURATION").value)
    if end is None or isinstance(end, datetime) != isinstance(start, datetime):
        return None
    if not isinstance(end, datetime):
        end -= timedelta(days=end > start)
    return end if str(end) > str(start) else None


def _after(start: date, duration: str) -> Moment:
    match = _DURATION.match(duration)
    if match is None:
        return None
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    try:
        return start + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def _written(moment: Moment) -> str:
    return moment.isoformat() if moment else ""


def _own_zones(calendar: _Component) -> dict[str, Zone]:
    """The zones a calendar file brings along, by the names it gives them."""
    found: dict[str, Zone] = {}
    for component in [each for each in calendar.inside if each.name == "VTIMEZONE"][:20]:
        rules = [_observance(each) for each in component.inside[:40] if each.name in ("STANDARD", "DAYLIGHT")]
        known = tuple(rule for rule in rules if rule)
        if known:
            found[component.line("TZID").value.strip('"')] = Zone(observances=known)
    return found


def _observance(component: _Component) -> Observance | None:
    begins = _moment(component.line("DTSTART"), None)
    offset = re.match(r"([+-])(\d\d)(\d\d)", component.line("TZOFFSETTO").value)
    if not isinstance(begins, datetime) or offset is None:
        return None
    minutes = int(offset[2]) * 60 + int(offset[3])
    rule = dict(
        part.upper().split("=", 1) for part in component.line("RRULE").value[:500].split(";") if "=" in part
    )
    day = re.match(r"([+-]?[1-5])(MO|TU|WE|TH|FR|SA|SU)\Z", rule.get("BYDAY", ""))
    month = re.match(r"(1[0-2]|[1-9])\Z", rule.get("BYMONTH", str(begins.month)))
    return Observance(
        begins.replace(tzinfo=None),
        timedelta(minutes=-minutes if offset[1] == "-" else minutes),
        yearly=(int(month[1]), int(day[1]), day[2])
        if day and month and rule.get("FREQ") == "YEARLY"
        else None,
    )
