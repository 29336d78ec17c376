"""The list of senders that are blocked or always let in, on the desk or on one account."""

from __future__ import annotations

from flask import Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.policy.senders import Verdict
from helpdesk.policy.status import Role
from helpdesk.services import access, senders
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say, status_of
from helpdesk.web.forms import Form, options, trimmed
from helpdesk.web.security import go
from helpdesk.web.trays.blueprint import SENDERS, blueprint, tabs_for

Page = str | Response | tuple[str, int]


class SenderForm(Form):
    pattern = StringField(
        _l("Address or domain"), filters=[trimmed],
        validators=[DataRequired(_l("Please enter an address or a domain.")), Length(max=320)],
        render_kw={"autocomplete": "off", "placeholder": "name@example.com, example.com"},
    )  # fmt: skip
    verdict = SelectField(_l("Their mail is"))
    account = SelectField(_l("Holds for"), coerce=int)
    note = StringField(_l("Note"), filters=[trimmed], validators=[Length(max=senders.MAX_NOTE)])
    sure = BooleanField(_l("Block it all the same"))

    def offer(self) -> None:
        self.verdict.choices = options(
            (Verdict.BLOCK.value, _("blocked")), (Verdict.ALLOW.value, _("always let in"))
        )
        desk = [(0, _("the whole desk"))] if viewer().role is Role.ADMIN else []
        self.account.choices = options(*desk, *((a.id, a.email) for a in access.accounts_of(viewer())))


def _form(formdata: object = None) -> SenderForm:
    form = SenderForm() if formdata is None else SenderForm(formdata)
    form.offer()
    return form


def _page(form: SenderForm) -> str:
    text, before = request.args.get("q", "")[:320], request.args.get("before", "")
    rules, next_before = senders.page(
        viewer(), text=text, before=int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    )  # fmt: skip
    return render_template(
        "trays/senders.html",
        form=form,
        rules=[(rule, senders.may_change(viewer(), rule)) for rule in rules],
        typed=text,
        tabs_shown=tabs_for(viewer(), SENDERS),
        next_url=url_for("trays.show_senders", q=text or None, before=next_before) if next_before else None,
        first_url=url_for("trays.show_senders", q=text or None) if before else None,
    )


@blueprint.get("/mail/senders")
@require("team")
def show_senders() -> Page:
    return _page(_form())


@blueprint.post("/mail/senders")
@require("team")
def add_sender() -> Page:
    form = _form()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            rule = senders.add(
                form.pattern.data or "", Verdict(form.verdict.data), account_id=form.account.data or None,
                actor=viewer(), note=form.note.data or "", is_sure=form.sure.data,
            )  # fmt: skip
            pattern = rule.pattern
    except HelpdeskError as error:
        form.reject(error)
        return _page(form), status_of(error)
    flash(_("%(pattern)s is on the list.", pattern=pattern), "success")
    return go("trays.show_senders")


@blueprint.post("/mail/senders/<int:rule_id>/remove")
@require("team")
def remove_sender(rule_id: int) -> Response:
    rule = senders.get(viewer(), rule_id)
    pattern = rule.pattern
    try:
        with transaction():
            senders.remove(rule, actor=viewer())
    except HelpdeskError as error:
        say(error)
    else:
        flash(_("%(pattern)s is off the list.", pattern=pattern), "success")
    return go("trays.show_senders")
