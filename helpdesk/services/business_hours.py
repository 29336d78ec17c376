"""The business hours of the desk and of accounts that keep their own: whose count, and what follows for answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from babel.dates import format_datetime
from flask_babel import force_locale, get_locale, gettext

from helpdesk.models import EmailAccount
from helpdesk.policy import hours
from helpdesk.policy.hours import Hours
from helpdesk.services import settings

SOON_DAYS = 6  # a weekday alone says which day is meant


def of(account: EmailAccount | None = None) -> Hours:
    """The account's own, else the desk's; always by the desk's clock."""
    stored = (account.business_hours if account else None) or settings.get("business_hours")
    return hours.hours_of(cast("Mapping[str, object]", stored), settings.desk_zone())


def closed_facts(account: EmailAccount | None, now: datetime) -> dict[str, object]:
    """What the row of an automatic answer keeps of the moment: nothing while somebody is there, else when next."""
    found = of(account)
    if hours.is_open(found, now):
        return {}
    opens_at = hours.next_opening(found, now)
    return {"is_closed": True, "opens_at": opens_at.isoformat() if opens_at else ""}


def opens_at_in_words(facts: Mapping[str, object], now: datetime, language: str) -> str:
    """For `{{opens_at}}`: the weekday and the time, with the date when that is further away."""
    text = facts.get("opens_at")
    with force_locale(language):
        if not isinstance(text, str) or not text:
            return str(gettext("further notice"))
        opens_at = datetime.fromisoformat(text).astimezone(settings.desk_zone())
        is_soon = (opens_at.date() - now.astimezone(settings.desk_zone()).date()).days <= SOON_DAYS
        return _written(opens_at, is_soon=is_soon)


def _written(moment: datetime, *, is_soon: bool) -> str:
    locale = get_locale() or "en"
    is_german = str(locale).startswith("de")
    day = "EEEE" if is_soon else "EEEE, d. MMMM" if is_german else "EEEE, d MMMM"
    clock = "HH:mm 'Uhr'" if is_german else "HH:mm"
    return str(format_datetime(moment, f"{day}, {clock}", tzinfo=settings.desk_zone(), locale=locale))
