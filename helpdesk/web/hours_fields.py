"""Business hours in a form: one line for each weekday, holidays one a line, each wrong one told where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from babel.dates import get_day_names
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Form as PlainForm
from wtforms import FormField, StringField, TextAreaField
from wtforms.fields.core import Field
from wtforms.validators import Length, ValidationError

from helpdesk.database import utcnow
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailAccount
from helpdesk.policy import hours
from helpdesk.services import business_hours
from helpdesk.web.errors import sentence
from helpdesk.web.filters import reader_locale
from helpdesk.web.forms import trimmed


def _readable(read: Callable[[str], object]) -> Callable[[object, Field], None]:
    def check(_form: object, field: Field) -> None:
        try:
            read(field.data or "")
        except HelpdeskError as error:
            raise ValidationError(sentence(error)) from error

    return check


def _read_lines(text: str) -> object:
    return hours.read_holidays(text.splitlines())


class LinesField(TextAreaField):
    """A list of lines, shown one below the other."""

    def process_data(self, value: Any) -> None:
        super().process_data("\n".join(value) if isinstance(value, list) else value)


def _day(name: str) -> StringField:
    return StringField(
        name,
        filters=[trimmed],
        validators=[Length(max=200), _readable(hours.read_day)],
        render_kw={"autocomplete": "off"},
    )


class HoursForm(PlainForm):
    """Named as `policy.hours` keeps them."""

    mon = _day(_("Monday"))
    tue = _day(_("Tuesday"))
    wed = _day(_("Wednesday"))
    thu = _day(_("Thursday"))
    fri = _day(_("Friday"))
    sat = _day(_("Saturday"))
    sun = _day(_("Sunday"))
    holidays = LinesField(_("Closed on these days"), validators=[Length(max=20_000), _readable(_read_lines)])


def hours_field(label: Any) -> FormField:
    """The fields of a week as one field of a form; its data is what `policy.hours.tidy` reads."""
    return FormField(HoursForm, label)


def week_in_words(stored: Mapping[str, object]) -> str:
    """Days with the same hours together: `Mon–Fri 09:00-17:00`; "" when it is never open."""
    names = get_day_names("abbreviated", locale=reader_locale() or "en")
    lines = [(names[number], str(stored.get(day) or "")) for number, day in enumerate(hours.DAYS)]
    groups = [(spans, [name for name, _ in days]) for spans, days in groupby(lines, key=itemgetter(1))]
    return "; ".join(f"{_from_to(days)} {spans}" for spans, days in groups if spans)


def state_in_words(account: EmailAccount | None = None) -> str:
    """Whether somebody is there at this moment, by the hours that are kept: so that whoever sets them sees what they do."""
    now = utcnow()
    closed = business_hours.closed_facts(account, now)
    if not closed:
        return gettext("Right now the desk is open.")
    language = str(reader_locale() or "en")
    opens_at = business_hours.opens_at_in_words(closed, now, language)
    return gettext("Right now the desk is closed, until %(opens_at)s.", opens_at=opens_at)


def _from_to(days: list[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]}–{days[-1]}"
