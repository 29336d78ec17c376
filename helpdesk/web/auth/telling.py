"""Which mails a person wants: a switch for each kind there is for him."""

from __future__ import annotations

from flask import Response, flash, request
from flask_babel import gettext as _

from helpdesk.database import transaction
from helpdesk.models import User
from helpdesk.policy.audience import Kind
from helpdesk.services import preferences
from helpdesk.web.access import require, viewer
from helpdesk.web.auth.blueprint import blueprint
from helpdesk.web.security import go

Switch = tuple[str, str, bool]


@blueprint.post("/profile/notifications")
@require("person")
def choose_notifications() -> Response:
    """A kind that is not in the form is off, as boxes are."""
    wanted = [kind for kind in Kind if kind.value in request.form]
    with transaction():
        preferences.choose(viewer(), wanted)
    flash(_("Saved."), "success")
    return go("auth.profile")


def switches(user: User) -> list[Switch]:
    """(name, words, is on) for each kind of mail this person may switch off."""
    words = _for_the_team() if user.is_team else _for_customers()
    return [(kind.value, words[kind], is_on) for kind, is_on in preferences.wanted(user).items()]


def _for_customers() -> dict[Kind, str]:
    return {
        Kind.CREATED: _("Your message has arrived, with its number"),
        Kind.STATUS: _("A ticket waits for you, or is open again"),
        Kind.RESOLVED: _("A ticket is resolved"),
        Kind.CLOSED: _("A ticket is closed"),
    }


def _for_the_team() -> dict[Kind, str]:
    return {
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
