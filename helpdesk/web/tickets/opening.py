"""A new ticket on behalf of a customer: somebody called, or must be written to first."""

from __future__ import annotations

from flask import flash, jsonify, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.models import Ticket
from helpdesk.policy.status import Category, Priority
from helpdesk.services import people, queries, replies
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say
from helpdesk.web.filters import markdown
from helpdesk.web.forms import new_form_key, options, read_files, wants_json
from helpdesk.web.security import go_to
from helpdesk.web.tickets.blueprint import account_options, blueprint, team_options
from helpdesk.web.tickets.filters import read_list_state
from helpdesk.web.tickets.forms import NewTicketForm
from helpdesk.web.tickets.listing import list_context
from helpdesk.web.tickets.wording import category_word, priority_word


def _form(**values: object) -> NewTicketForm:
    form = NewTicketForm(**values)
    form.account.choices = options(*account_options(queries.visible_accounts(viewer())))
    form.assignee.choices = options((0, _("Nobody")), *team_options(people.team()))
    form.priority.choices = options(*((p.value, priority_word(p)) for p in Priority))
    form.category.choices = options(*((c.value, category_word(c)) for c in Category))
    return form


def _render(form: NewTicketForm, preview: Markup | None = None) -> str:
    return render_template(
        "tickets/new.html",
        form=form,
        preview=preview,
        **list_context(read_list_state(request.args, viewer())),
    )


@blueprint.get("/tickets/new")
@require("team")
def new() -> str:
    """An empty form, or one for the customer and the account a link names."""
    chosen = {
        "requester": request.args.get("requester", "")[:254],
        "account": request.args.get("account", type=int),
    }
    return _render(
        _form(
            formdata=None,
            form_key=new_form_key(),
            assignee=viewer().id,
            priority="medium",
            category="Support",
            **chosen,
        )
    )


@blueprint.post("/tickets/new/preview")
@require("team")
def preview_new() -> str | Response:
    """How the first mail will look; without a script the form comes back with it."""
    form = _form()
    shown = markdown(form.text.data or "")
    return jsonify(html=shown) if wants_json() else _render(form, shown)


@blueprint.post("/tickets/new")
@require("team")
def create() -> str | Response | tuple[str, int]:
    form = _form()
    try:
        if not form.validate():
            raise InvalidInput("Please look at the marked fields.")
        ticket = _open(form)
    except HelpdeskError as error:
        say(error)
        return _render(form), 422
    flash(_("Ticket opened; your message is on its way."), "success")
    return go_to(url_for("tickets.show", number=ticket.number))


def _open(form: NewTicketForm) -> Ticket:
    account = next(a for a in queries.visible_accounts(viewer()) if a.id == form.account.data)
    files = read_files("files")
    prepared = replies.prepare_opening(
        account, form.requester.data, form.subject.data, form.text.data or "", files, actor=viewer()
    )
    with transaction():
        return replies.open_and_send(
            prepared,
            requester_name=form.requester_name.data or "",
            priority=Priority(form.priority.data),
            category=Category(form.category.data),
            assignee_id=form.assignee.data or None,
            form_key=form.form_key.data,
            actor=viewer(),
        )
