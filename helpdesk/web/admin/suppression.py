"""The list of addresses the desk mails nothing to by itself: searched, added to, released."""

from __future__ import annotations

from flask import Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import Length

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.services import suppression
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import say, status_of
from helpdesk.web.forms import Form, address_field, trimmed
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]


class SuppressForm(Form):
    email = address_field()
    note = StringField(_l("Note"), filters=[trimmed], validators=[Length(max=suppression.MAX_NOTE)])


def _page(form: SuppressForm) -> str:
    text, before = request.args.get("q", "")[:320], request.args.get("before", "")
    is_number = before.isascii() and before.isdigit() and len(before) < 10
    rows, next_before = suppression.page(text=text, before=int(before) if is_number else None)
    kept = {"q": text} if text else {}
    return render_template(
        "admin/suppression.html",
        form=form,
        rows=rows,
        typed=text,
        next_url=url_for("admin.show_suppressed", **kept, before=next_before) if next_before else None,  # type: ignore[arg-type]
        first_url=url_for("admin.show_suppressed", **kept) if is_number else None,  # type: ignore[arg-type]
    )


@blueprint.get("/suppressed")
@require("admin")
def show_suppressed() -> Page:
    return _page(SuppressForm(None))


@blueprint.post("/suppressed")
@require("admin")
def suppress() -> Page:
    form = SuppressForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            address = suppression.add(form.email.data, note=form.note.data or "", actor=viewer()).address
    except HelpdeskError as error:
        form.reject(error)
        return _page(form), status_of(error)
    flash(_("%(email)s is on the list.", email=address), "success")
    return go("admin.show_suppressed")


@blueprint.post("/suppressed/<int:failure_id>/release")
@require("admin")
def release_suppressed(failure_id: int) -> Response:
    try:
        with transaction():
            address = suppression.release(failure_id, actor=viewer())
    except HelpdeskError as error:
        say(error)
    else:
        flash(_("%(email)s is written to again.", email=address), "success")
    return go("admin.show_suppressed")
