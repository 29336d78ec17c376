"""People: found by words, role and state; inviting to the team; a person's role and access."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import User
from helpdesk.policy.status import Role
from helpdesk.services import accounts, members, roster, sessions
from helpdesk.services import people as people_service
from helpdesk.services.roster import PeopleFilter
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.auth.browsers import browser_name
from helpdesk.web.forms import Form, address_field, name_field, options
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]
ROLES = options((Role.AGENT.value, _l("Agent")), (Role.ADMIN.value, _l("Administrator")))
SHOWN_ROLES = [
    ("team", _l("The team")), ("agent", _l("Agents")), ("admin", _l("Administrators")), ("customer", _l("Customers")),
]  # fmt: skip
SHOWN_STATES = [
    ("", _l("Any state")), ("active", _l("Active")), ("invited", _l("Invited")), ("deactivated", _l("Deactivated")),
]  # fmt: skip
NAMES = ("q", "role", "state")


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
    """A new one, with access to what the team shares preselected."""
    form = InvitationForm(None)
    form.offer()
    form.grants.data = people_service.shared_accounts()
    return form


def read_filter(args: Mapping[str, str]) -> PeopleFilter:
    """Unknown words are ignored."""
    role, state = args.get("role", "team"), args.get("state", "")
    return PeopleFilter(
        text=args.get("q", "")[:200],
        role=role if role in {"team", *Role} else "team",
        state=state if state in roster.STATES else "",
    )


def _list(form: InvitationForm) -> str:
    before = request.args.get("before", "")
    is_number = before.isascii() and before.isdigit() and len(before) < 10
    chosen = read_filter(request.args)
    page = roster.find(chosen, before=int(before) if is_number else None)
    kept = {name: request.args[name] for name in NAMES if request.args.get(name)}
    next_url = url_for("admin.people", **kept, before=page.next_before) if page.next_before else None  # type: ignore[arg-type]
    return render_template(
        "admin/people.html", form=form, people=page.people, chosen=chosen, kept=kept, next_url=next_url,
        is_paged=is_number, state_of=roster.state_of, roles=SHOWN_ROLES, states=SHOWN_STATES,
    )  # fmt: skip


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


def person_page(user: User, form: AccessForm) -> str:
    """One person: role and access, addresses, browsers, and how to part."""
    return render_template(
        "admin/person.html", form=form, user=user, state=roster.state_of(user),
        invited_until=roster.invited_until(user), open_tickets=roster.count_open_tickets(user),
        browsers=sessions.of_user(user), browser_name=browser_name,
    )  # fmt: skip


@blueprint.get("/people/<int:user_id>")
@require("admin")
def person(user_id: int) -> Page:
    user = members.get(user_id)
    form = AccessForm(None, role=user.role.value)
    form.offer()
    form.grants.data = [grant.account_id for grant in user.grants]
    return person_page(user, form)


@blueprint.post("/people/<int:user_id>")
@require("admin")
def change_person(user_id: int) -> Page:
    user = members.get(user_id)
    form = AccessForm()
    form.offer()
    if not form.validate():
        return person_page(user, form), 422
    try:
        with transaction():
            members.change(user, role=Role(form.role.data), account_ids=form.grants.data, actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return person_page(user, form), 422
    flash(_("Saved."), "success")
    return go("admin.people")
