"""What a mail holds besides words and files, said to its reader: an invitation, a signature, an encrypted part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from babel.dates import format_date, format_datetime
from flask_babel import get_timezone, ngettext
from flask_babel import gettext as _

from helpdesk.services.templates import day_pattern
from helpdesk.web.catalog import reader_locale

Plain = Mapping[str, str]
Files = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Shown:
    """One of them as the page draws it: `title` is what it is, `facts` follow in one line, `file_url` keeps the whole."""

    kind: str
    icon: str
    title: str
    facts: tuple[str, ...] = ()
    file_url: str = ""
    file_name: str = ""


def shown(particulars: Sequence[Plain], files: Files) -> list[Shown]:
    """In the reader's language and time zone. `files` are the comment's, as the page lists them."""
    ways = {"event": _event, "signed": _signed, "encrypted": _encrypted}
    found = []
    for plain in particulars:
        url = next((str(file["url"]) for file in files if file["name"] == plain.get("file")), "")
        if plain.get("kind") in ways:
            found.append(ways[plain["kind"]](plain, url))
    return found


def _signed(plain: Plain, _url: str) -> Shown:
    way = _("S/MIME") if plain.get("way") == "smime" else _("PGP")
    if plain.get("by"):
        title = _("Signed as “%(name)s” with %(way)s.", name=plain["by"], way=way)
    else:
        title = _("Signed with %(way)s.", way=way)
    return Shown("signed", "shield", title, (_("The signature was not checked."),))


def _encrypted(plain: Plain, url: str) -> Shown:
    way = _("S/MIME") if plain.get("way") == "smime" else _("PGP")
    advice = _("It cannot be read here: whoever has the key can open the file.")
    return Shown(
        "encrypted", "lock", _("Encrypted with %(way)s.", way=way), (advice,), url, plain.get("file", "")
    )


def _event(plain: Plain, url: str) -> Shown:
    is_cancelled = plain.get("method") == "cancel"
    facts = [
        _when(plain),
        plain.get("place", ""),
        _repeats(plain),
        _("by %(name)s", name=plain["organizer"]) if plain.get("organizer") else "",
    ]
    icon = "stop" if is_cancelled else "calendar"
    return Shown("event", icon, _title(plain), tuple(filter(None, facts)), url, plain.get("file", ""))


def _title(plain: Plain) -> str:
    what, who = plain.get("summary") or _("(no title)"), plain.get("attendee") or _("Somebody")
    method, answer = plain.get("method", ""), plain.get("answer", "")
    if method == "reply" and answer == "accepted":
        return _("%(name)s accepts: %(event)s", name=who, event=what)
    if method == "reply" and answer == "declined":
        return _("%(name)s declines: %(event)s", name=who, event=what)
    if method == "reply":
        return _("%(name)s may come: %(event)s", name=who, event=what)
    if method == "cancel":
        return _("Cancelled: %(event)s", event=what)
    if method == "counter":
        return _("Another time proposed: %(event)s", event=what)
    return (
        _("Invitation: %(event)s", event=what) if method == "request" else _("Event: %(event)s", event=what)
    )


def _when(plain: Plain) -> str:
    start, end = _moment(plain.get("start", "")), _moment(plain.get("end", ""))
    if start is None:
        return ""
    if not isinstance(start, datetime):
        days = f"{_day(start)} – {_day(end)}" if end else _day(start)
        return _("%(days)s, all day", days=days)
    zone: tzinfo = (get_timezone() if start.tzinfo else None) or UTC
    text = _at(start, zone)
    if isinstance(end, datetime) and bool(end.tzinfo) == bool(start.tzinfo):
        is_same_day = _local(end, zone).date() == _local(start, zone).date()
        text += f"–{_clock(end, zone)}" if is_same_day else f" – {_at(end, zone)}"
    if start.tzinfo is None:
        return _("%(time)s (time zone: %(zone)s)", time=text, zone=plain.get("zone") or _("not given"))
    return text


def _moment(text: str) -> date | datetime | None:
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return None


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """By the reader's clock; a time without a zone is taken as it stands."""
    try:
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    except OverflowError:
        return moment


def _at(moment: datetime, zone: tzinfo) -> str:
    return f"{_day(_local(moment, zone).date())}, {_clock(moment, zone)}"


def _clock(moment: datetime, zone: tzinfo) -> str:
    local = _local(moment, zone)
    return str(format_datetime(local, "HH:mm", tzinfo=local.tzinfo, locale=reader_locale() or "en"))


def _day(day: date) -> str:
    locale = reader_locale()
    return str(format_date(day, f"EEE {day_pattern(locale)} y", locale=locale or "en"))


def _repeats(plain: Plain) -> str:
    every = int(plain.get("every", "1"))
    words = {
        "daily": ngettext("every day", "every %(num)d days", every),
        "weekly": ngettext("every week", "every %(num)d weeks", every),
        "monthly": ngettext("every month", "every %(num)d months", every),
        "yearly": ngettext("every year", "every %(num)d years", every),
        "otherwise": _("repeats"),
    }.get(plain.get("repeats", ""), "")
    until = _moment(plain.get("until", ""))
    if words and until:
        return _("%(often)s until %(day)s", often=words, day=_day(until))
    if words and plain.get("times"):
        return _("%(often)s, %(count)s times", often=words, count=plain["times"])
    return words
