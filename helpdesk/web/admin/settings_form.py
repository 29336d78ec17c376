"""The form of the settings: its fields, which of them the environment decides, and what they say once read."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from helpdesk.languages import LANGUAGES
from helpdesk.policy.audience import Kind
from helpdesk.services import settings
from helpdesk.web.forms import Form, options, trimmed
from helpdesk.web.hours_fields import hours_field
from helpdesk.web.zone_field import ZoneField

MISSING = _("Please enter a number.")
LATER = {  # fields of parts of the desk that bring their setting themselves
    "contact_form": BooleanField(_("Offer a public contact form")),
    "auto_close_days": IntegerField(_("Close resolved tickets after (days)"), validators=[InputRequired(MISSING)]),
    "undo_seconds": IntegerField(_("Undo time after sending (seconds)"), validators=[InputRequired(MISSING)]),
}  # fmt: skip


KINDS = options(
    (Kind.CREATED.value, _("A ticket was opened: to its sender, as a confirmation")),
    (Kind.NEW.value, _("A ticket was opened: to everybody of the team who asked for it")),
    (Kind.ASSIGNED.value, _("A ticket was assigned: to the assignee")),
    (Kind.COMMENT.value, _("Somebody wrote on a ticket: to the assignee")),
    (Kind.MENTION.value, _("Somebody was mentioned in a note: to him")),
    (Kind.FOLLOWED.value, _("Somebody wrote on a ticket: to those who follow it")),
    (Kind.NOTE.value, _("An internal note was written: to the team")),
    (Kind.STATUS.value, _("The status changed: to customer and assignee")),
    (Kind.RESOLVED.value, _("A ticket was resolved: to the customer")),
    (Kind.CLOSED.value, _("A ticket was closed: to the customer")),
    (Kind.UPDATED.value, _("Priority, category or due date changed")),
    (Kind.OVERDUE.value, _("A ticket is overdue: to the assignee")),
    (Kind.UNDELIVERED.value, _("An answer did not arrive or was not sent: to its author and the assignee")),
)


class BoxesField(SelectMultipleField):
    """Several boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def _number(label: object) -> IntegerField:
    return IntegerField(label, validators=[InputRequired(MISSING)])


class SettingsForm(Form):
    """Named as the settings are."""

    desk_name = StringField(
        _("Name of the desk"), filters=[trimmed], validators=[DataRequired(_("Please enter a name."))]
    )
    accent = StringField(_("Colour"), filters=[trimmed], validators=[Optional(), Length(max=20)])
    timezone = ZoneField(_("Time zone"))
    language = SelectField(_("Language"), choices=options(*LANGUAGES.items()))
    number_format = StringField(_("Ticket number"), filters=[trimmed], validators=[Length(max=100)])
    customer_passwords = BooleanField(_("Customers may choose a password"))
    session_idle_hours = _number(_("Sign out after hours without use"))
    session_max_days = _number(_("Sign in again after days at the latest"))
    retention_days = _number(_("Keep raw mails for days"))
    business_hours = hours_field(_("An ordinary week"))
    mailed = BoxesField(_("Mailed when it happens"), choices=KINDS)

    def fields_to_save(self) -> list[str]:
        """Those an admin may change here, in the page's order."""
        return [name for name in settings.RULES if name in self and not settings.is_fixed(name)]

    def values(self) -> dict[str, object]:
        found = {name: self[name].data or ("" if name == "accent" else self[name].data)
                 for name in self.fields_to_save()}  # fmt: skip
        return found | {
            "silenced": [choice.value for choice in KINDS if choice.value not in (self.mailed.data or [])]
        }


def settings_form(*, is_sent: bool) -> SettingsForm:
    """The form as it was sent, or as the settings are now."""

    class Whole(SettingsForm):
        pass

    for name, field in LATER.items():
        if name in settings.DEFAULTS:
            setattr(Whole, name, field)
    if is_sent:
        form: SettingsForm = Whole()
        for name in settings.ENVIRONMENT:
            if settings.is_fixed(name):
                form[name].data, form[name].raw_data = settings.get(name), [str(settings.get(name))]
        return form
    data = {name: settings.get(name) for name in settings.RULES if name in settings.DEFAULTS}
    mailed = [kind.value for kind in Kind if kind.value not in settings.silenced()]
    return Whole(None, data=data | {"mailed": mailed})
