"""The settings of the desk as a whole: its look, its numbers, signing in, keeping, and the switch that holds all mail."""

from __future__ import annotations

from flask import Response, flash, render_template, request
from flask_babel import gettext as _

from helpdesk.database import transaction, utcnow
from helpdesk.errors import HelpdeskError
from helpdesk.policy import colour, numbering
from helpdesk.services import logo, sending, settings
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.admin.settings_form import SettingsForm, settings_form
from helpdesk.web.errors import say
from helpdesk.web.hours_fields import state_in_words
from helpdesk.web.look import logo_url
from helpdesk.web.security import go, go_to, safe_next

Page = str | Response | tuple[str, int]


@blueprint.get("/settings")
@require("admin")
def desk() -> Page:
    return _page(settings_form(is_sent=False))


@blueprint.post("/settings")
@require("admin")
def save_desk() -> Page:
    form = settings_form(is_sent=True)
    if request.form.get("do") == "preview":
        return _page(form)
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            changed = settings.change(form.values(), actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return _page(form), 422
    flash(_("Saved.") if changed else _("Nothing was changed."), "success")
    return go("admin.desk")


def _page(form: SettingsForm) -> str:
    return render_template(
        "admin/settings.html",
        form=form,
        hours_now=state_in_words(),
        fixed={name: settings.ENVIRONMENT[name][0] for name in settings.ENVIRONMENT if settings.is_fixed(name)},
        number_preview=_number_preview(str(form.number_format.data or "")),
        colour_words=_colour_words(str(form.accent.data or "")),
        logo_url=logo_url(),
        logo_limit=logo.MAX_BYTES,
        is_holding=settings.is_holding(),
        waiting=sending.count_waiting(),
    )  # fmt: skip


def _number_preview(number_format: str) -> list[str]:
    """How some numbers would be shown; nothing for a format that cannot be used."""
    try:
        numbering.check_format(number_format)
    except ValueError:
        return []
    return [numbering.show(number_format, year=utcnow().year, number=number) for number in (7, 1234)]


def _colour_words(accent: str) -> str:
    """What becomes of the chosen colour."""
    try:
        made = colour.palette(colour.check(accent)) if accent else None
    except ValueError:
        return ""
    if made is None:
        return ""
    light, dark = made.accent
    if not made.is_adapted:
        return _("It can be read as it is; dark pages use %(dark)s.", dark=dark)
    return _("It is too pale for words on light pages, so %(light)s is used there, and %(dark)s on dark ones.",
             light=light, dark=dark)  # fmt: skip


@blueprint.post("/settings/logo")
@require("admin")
def save_logo() -> Response:
    file = request.files.get("logo")
    data = file.read(logo.MAX_BYTES + 1) if file else b""
    return _try(lambda: logo.store(data, actor=viewer()), _("The logo was changed."))


@blueprint.post("/settings/logo/remove")
@require("admin")
def remove_logo() -> Response:
    return _try(lambda: logo.remove(actor=viewer()), _("The logo was removed."))


def _try(act: object, words: str) -> Response:
    try:
        with transaction():
            act()  # type: ignore[operator]
    except HelpdeskError as error:
        say(error)
    else:
        flash(words, "success")
    return go("admin.desk")


@blueprint.post("/settings/<any(hold, release):act>")
@require("admin")
def switch_sending(act: str) -> Response:
    """Stop all mail, or let go what waits."""
    with transaction():
        count = sending.hold(actor=viewer()) if act == "hold" else sending.release(actor=viewer())
    if act == "hold":
        flash(_("No mail leaves the desk now."), "warning")
    else:
        flash(_("Sending goes on; %(count)d mails are on their way.", count=count), "success")
    return go_to(safe_next(request.form.get("next")) or "/admin/settings")
