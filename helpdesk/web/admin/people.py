"""People: the team with its access, inviting and leaving; customers to look up."""

from __future__ import annotations

from flask import Response, flash, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.policy.status import Role
from helpdesk.services import accounts, members
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import say
from helpdesk.web.forms import Form, address_field, name_field, options
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]
ROLES = options((Role.AGENT.value, _l("Agent")), (Role.ADMIN.value, _l("Administrator")))


class GrantsField(SelectMultipleField):
    """Accounts as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class AccessForm(Form):
    role = SelectField(_l("Role"), choices=ROLES, default=Role.AGENT.value)
    grants = GrantsField(_l("Mail accounts"), coerce=int)

    def offer(self) -> None:
        self.grants.choices = options(*((a.id, a.email) for a in accounts.all_accounts()))


class InvitationForm(AccessForm):
    email = address_field()
    name = name_field()


def _invitation() -> InvitationForm:
    """A new one, with access to everything preselected."""
    form = InvitationForm(None)
    form.offer()
    form.grants.data = [choice.value for choice in form.grants.choices]
    return form


def _list(form: InvitationForm) -> str:
    team, customers = members.everybody(), members.latest_customers()
    return render_template("admin/people.html", form=form, team=team, customers=customers)


@blueprint.get("/people")
@require("admin")
def people() -> Page:
    return _list(_invitation())


@blueprint.post("/people")
@require("admin")
def invite() -> Page:
    form = InvitationForm()
    form.offer()
    if not form.validate():
        return _list(form), 422
    try:
        with transaction():
            members.invite(form.email.data, Role(form.role.data), name=form.name.data or "",
                           account_ids=form.grants.data, actor=viewer())  # fmt: skip
    except HelpdeskError as error:
        form.reject(error)
        return _list(form), 422
    flash(_("An invitation to %(email)s is on its way.", email=form.email.data), "success")
    return go("admin.people")


@blueprint.get("/people/<int:user_id>")
@require("admin")
def person(user_id: int) -> Page:
    user = members.get(user_id)
    form = AccessForm(None, role=user.role.value)
    form.offer()
    form.grants.data = [grant.account_id for grant in user.grants]
    return render_template("admin/person.html", form=form, user=user)


@blueprint.post("/people/<int:user_id>")
@require("admin")
def change_person(user_id: int) -> Page:
    user = members.get(user_id)
    form = AccessForm()
    form.offer()
    if not form.validate():
        return render_template("admin/person.html", form=form, user=user), 422
    try:
        with transaction():
            members.change(user, role=Role(form.role.data), account_ids=form.grants.data, actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return render_template("admin/person.html", form=form, user=user), 422
    flash(_("Saved."), "success")
    return go("admin.people")


@blueprint.post("/people/<int:user_id>/<any(deactivate, reactivate, invite_again):act>")
@require("admin")
def act_on_person(user_id: int, act: str) -> Response:
    user = members.get(user_id)
    try:
        with transaction():
            {"deactivate": members.deactivate, "reactivate": members.reactivate,
             "invite_again": members.invite_again}[act](user, actor=viewer())  # fmt: skip
    except HelpdeskError as error:
        say(error)
    else:
        flash(_("Done."), "success")
    return go("admin.person", user_id=user_id)
