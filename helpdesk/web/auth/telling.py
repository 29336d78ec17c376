"""What a person wants to be told, and how: a switch for each kind and way there is for him, muted accounts, a digest."""

from __future__ import annotations

from dataclasses import dataclass

from babel.dates import get_day_names
from flask import Response, flash, request
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField

from helpdesk.database import transaction
from helpdesk.models import User
from helpdesk.policy.audience_table import Channel, Kind
from helpdesk.policy.digest import Every, Rhythm
from helpdesk.services import access, muting, preferences
from helpdesk.services.glance import AccountLine
from helpdesk.web.access import require, viewer
from helpdesk.web.auth.blueprint import blueprint
from helpdesk.web.forms import Form, options
from helpdesk.web.security import go

Switch = tuple[str, str, bool]
ON_THE_PAGE = "page-"  # before the name of a switch for a line under Notifications


@dataclass(frozen=True, slots=True)
class Row:
    """One kind in the table of a member of the team: its words, and per way its switch, None where there is none."""

    words: str
    mail: Switch | None
    page: Switch | None


class DigestForm(Form):
    """When mails are summed up, and what is not."""

    every = RadioField(
        _l("Mail me"),
        choices=options(
            (Every.OFF.value, _l("at once, one by one")),
            (Every.DAILY.value, _l("once a day")),
            (Every.WEEKLY.value, _l("once a week")),
        ),
    )
    hour = SelectField(_l("At"), coerce=int)
    weekday = SelectField(_l("Day of a weekly summary"), coerce=int)
    spares_urgent = BooleanField(_l("What cannot wait is mailed at once all the same"))

    def offer(self) -> None:
        """Fill the lists, in the reader's language."""
        names = get_day_names("wide", "stand-alone", locale=get_locale() or "en")
        self.hour.choices = options(*((hour, f"{hour:02}:00") for hour in range(24)))
        self.weekday.choices = options(*((day, names[day]) for day in range(7)))

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(Every(self.every.data), self.hour.data, self.weekday.data)


def digest_form(user: User) -> DigestForm:
    form = DigestForm(
        None,
        every=user.digest.value,
        hour=user.digest_hour,
        weekday=user.digest_weekday,
        spares_urgent=user.digest_spares_urgent,
    )
    form.offer()
    return form


@blueprint.post("/profile/notifications")
@require("person")
def choose_notifications() -> Response:
    """A kind that is not in the form is off, as boxes are."""
    user = viewer()
    with transaction():
        preferences.choose(user, _ticked(""))
        if user.is_team:
            preferences.choose(user, _ticked(ON_THE_PAGE), Channel.INBOX)
            muting.mute_accounts(
                user, [int(word) for word in request.form.getlist("mute") if word.isdecimal()]
            )
    flash(_("Saved."), "success")
    return go("auth.profile", _anchor="mails")


def _ticked(prefix: str) -> list[Kind]:
    return [kind for kind in Kind if prefix + kind.value in request.form]


def switches(user: User) -> list[Switch]:
    """(name, words, is on) for each kind of mail this person may switch off."""
    words = _for_the_team() if user.is_team else _for_customers()
    return [(kind.value, words[kind], is_on) for kind, is_on in preferences.wanted(user).items()]


def rows(user: User) -> list[Row]:
    """The table of a member of the team: a row for each kind he can be told of."""
    mail, page = (preferences.wanted(user, channel) for channel in (Channel.MAIL, Channel.INBOX))

    def switch(kind: Kind, wanted: dict[Kind, bool], prefix: str, words: str) -> Switch | None:
        return (prefix + kind.value, words, wanted[kind]) if kind in wanted else None

    return [
        Row(words, switch(kind, mail, "", words), switch(kind, page, ON_THE_PAGE, words))
        for kind, words in _for_the_team().items()
        if kind in mail or kind in page
    ]


def mutable_accounts(user: User) -> list[tuple[AccountLine, bool]]:
    """The accounts he works on, and whether each is muted."""
    muted = muting.muted_accounts(user)
    return [(account, account.id in muted) for account in access.accounts_of(user)]


def _for_customers() -> dict[Kind, str]:
    return {
        Kind.CREATED: _("Your message has arrived, with its number"),
        Kind.STATUS: _("A ticket waits for you, or is open again"),
        Kind.RESOLVED: _("A ticket is resolved"),
        Kind.CLOSED: _("A ticket is closed"),
    }


def _for_the_team() -> dict[Kind, str]:
    return {
        Kind.NEW: _("A ticket is opened, whoever gets it"),
        Kind.ASSIGNED: _("A ticket is assigned to you"),
        Kind.MENTION: _("Somebody mentions you in a note"),
        Kind.COMMENT: _("Somebody writes on a ticket of yours"),
        Kind.FOLLOWED: _("Somebody writes on a ticket you follow"),
        Kind.NOTE: _("Somebody adds an internal note"),
        Kind.STATUS: _("The status of a ticket of yours changes"),
        Kind.UPDATED: _("Priority, category or due date of a ticket of yours change"),
        Kind.OVERDUE: _("A ticket of yours is overdue"),
        Kind.UNDELIVERED: _("An answer does not arrive or is not sent"),
        Kind.HELD: _("A mail is held until somebody looks"),
    }
