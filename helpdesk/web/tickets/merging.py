"""Making two tickets one: asked on a page of its own, for it cannot be taken back."""

from __future__ import annotations

from flask import flash, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, StringField
from wtforms.validators import Length, Optional

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import Ticket
from helpdesk.policy.status import Disposition
from helpdesk.services import access, settings
from helpdesk.services.tickets import merge
from helpdesk.web.access import require, viewer
from helpdesk.web.forms import Form, options, trimmed
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import Page, back_to

ANOTHER = "0"


class MergeForm(Form):
    """One of the tickets that offer themselves, or another by its number."""

    into = RadioField(_l("Into which ticket?"), validators=[Optional()])
    number = StringField(_l("Number of the other ticket"), filters=[trimmed], validators=[Length(max=64)])

    def offer(self, found: list[Ticket]) -> None:
        known = [(str(one.number), f"{settings.tag_of(one)} {one.subject}") for one in found]
        self.into.choices = options(*known, (ANOTHER, _("Another one, by its number")))
        if not self.into.data:
            self.into.data = known[0][0] if known else ANOTHER

    @property
    def chosen(self) -> str:
        """A number that was typed counts, whatever is ticked."""
        typed = self.number.data or ""
        return typed if typed or self.into.data in (None, ANOTHER) else self.into.data


@blueprint.route("/tickets/<int:number>/merge", methods=["GET", "POST"])
@require("team")
def merge_into(number: int) -> Page:
    source = access.get_ticket_by_number(viewer(), number)
    if source.disposition is Disposition.MERGED:
        return back_to(source)
    form = MergeForm() if request.method == "POST" else MergeForm(None)
    form.offer(merge.candidates(source, viewer()))
    if request.method == "GET":
        return _page(source, form)
    if not form.validate():
        return _page(source, form), 422
    try:
        with transaction():
            target = merge.merge(source, merge.by_number(viewer(), form.chosen), actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return _page(access.get_ticket_by_number(viewer(), number), form), 422
    flash(_("%(tag)s is part of this ticket now.", tag=settings.tag_of(source)), "success")
    return back_to(target)


def _page(source: Ticket, form: MergeForm) -> str:
    return render_template("tickets/merge.html", ticket=source, form=form)
