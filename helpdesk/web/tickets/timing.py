"""When an answer is to go out: what the editor offers, and what its form says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import format_datetime, format_time
from flask_babel import gettext as _

from helpdesk.database import utcnow
from helpdesk.errors import InvalidInput
from helpdesk.policy import later
from helpdesk.policy.later import Offer
from helpdesk.web.locale import choose_zone

NOW, OWN = "now", "own"


@dataclass(frozen=True, slots=True)
class When:
    """The choice as the form sends it: now, soon, a moment the page offered, or a day and a time of one's own."""

    choice: str = NOW
    day: str = ""
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the menu. `name` is the offer's, `value` what the form sends, `short` what the closed menu shows."""

    name: str
    value: str
    words: str
    short: str


@dataclass(frozen=True, slots=True)
class Times:
    """The menu: its lines, the chosen one, and the day and time of one's own."""

    choices: list[Choice]
    chosen: str
    day: str
    clock: str
    first_day: str


def read_when() -> When:
    fields = (request.form.get(name, "").strip()[:40] for name in ("when", "when_day", "when_time"))
    choice, day, clock = fields
    return When(choice or NOW, day, clock)


def moment(when: When) -> datetime | None:
    """The moment that was chosen, None for now. Raises InvalidInput for none, and for one that has passed."""
    now = utcnow()
    match when.choice:
        case "now":
            return None
        case Offer.SOON:
            return now + timedelta(hours=2)
        case "own":
            return later.check(later.read(when.day, when.clock, _zone()), now)
    return later.check(_offered(when.choice), now)


def _offered(value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError(value)
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("Please choose a day and a time.", field="when") from error


def times(typed: When | None = None) -> Times:
    """The menu as it stands now; what was chosen before and is offered no more becomes a time of one's own."""
    offered = [_choice(one) for one in later.offers(utcnow(), _zone())]
    typed = typed or When()
    chosen, day, clock = typed.choice, typed.day, typed.clock
    if chosen not in {NOW, OWN, *(one.value for one in offered)}:
        chosen, (day, clock) = OWN, _parts(chosen)
    tomorrow = utcnow().astimezone(_zone()).date() + timedelta(days=1)
    return Times(offered, chosen, day or tomorrow.isoformat(), clock or "09:00", _today())


def _choice(one: later.Moment) -> Choice:
    clock = format_time(one.at, "HH:mm")
    day_and_clock = format_datetime(one.at, "EEE, HH:mm")
    words = {
        Offer.SOON: _("In two hours"),
        Offer.TOMORROW: _("Tomorrow morning"),
        Offer.MONDAY: _("Monday morning"),
    }[one.offer]
    value = one.offer.value if one.offer is Offer.SOON else one.at.isoformat()
    return Choice(one.offer.value, value, words, clock if one.offer is Offer.SOON else day_and_clock)


def _parts(value: str) -> tuple[str, str]:
    try:
        at = datetime.fromisoformat(value)
        return parts_of(at) if at.tzinfo else ("", "")
    except (ValueError, OverflowError):
        return "", ""


def parts_of(at: datetime) -> tuple[str, str]:
    """The day and the time of a moment, by the reader's clock, as fields of a form hold them."""
    local = at.astimezone(_zone())
    return local.date().isoformat(), f"{local:%H:%M}"


def _zone() -> ZoneInfo:
    """The reader's; not Babel's own object, whose zones cannot be put on a date without being asked for it first."""
    return ZoneInfo(choose_zone())


def _today() -> str:
    return utcnow().astimezone(_zone()).date().isoformat()
