"""What is done to a person beside role and access: inviting again, addresses, signing out, leaving and coming back."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, flash, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import User
from helpdesk.services import handing_over, member_addresses, members, people, roster
from helpdesk.services.handing_over import HandedOver
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import say
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]
ACTS: dict[str, Callable[..., None]] = {
    "reactivate": members.reactivate,
    "invite_again": members.invite_again,
    "withdraw": members.withdraw_invitation,
    "sign_out": member_addresses.sign_out_everywhere,
}


@blueprint.post("/people/<int:user_id>/<any(reactivate, invite_again, withdraw, sign_out):act>")
@require("admin")
def act_on_person(user_id: int, act: str) -> Response:
    user = members.get(user_id)
    return _try(user_id, lambda: ACTS[act](user, actor=viewer()))


@blueprint.post("/people/<int:user_id>/addresses")
@require("admin")
def add_address(user_id: int) -> Response:
    user = members.get(user_id)
    email = request.form.get("email", "").strip()[:320]
    return _try(user_id, lambda: member_addresses.add(user, email, actor=viewer()))


@blueprint.post("/people/<int:user_id>/addresses/<int:address_id>/remove")
@require("admin")
def remove_address(user_id: int, address_id: int) -> Response:
    user = members.get(user_id)
    return _try(user_id, lambda: member_addresses.remove(user, address_id, actor=viewer()))


def _try(user_id: int, act: Callable[[], None]) -> Response:
    try:
        with transaction():
            act()
    except HelpdeskError as error:
        say(error)
    else:
        flash(_("Done."), "success")
    return go("admin.person", user_id=user_id)


@blueprint.get("/people/<int:user_id>/deactivate")
@require("admin")
def ask_to_deactivate(user_id: int) -> Page:
    """What it means, and who gets the open tickets."""
    user = members.get(user_id)
    heirs = [other for other in people.team() if other.id != user.id]
    return render_template(
        "admin/deactivate.html", user=user, heirs=heirs, open_tickets=roster.count_open_tickets(user)
    )


@blueprint.post("/people/<int:user_id>/deactivate")
@require("admin")
def deactivate_person(user_id: int) -> Response:
    """First the person, then the tickets in batches: stopped in between, the same form goes on."""
    user, actor_id = members.get(user_id), viewer().id
    to_id = _heir(user, request.form.get("to", ""))
    try:
        with transaction():
            members.deactivate(user, actor=viewer())
        done = handing_over.hand_over(user_id, to_id, actor_id=actor_id)
    except HelpdeskError as error:
        say(error)
        return go("admin.person", user_id=user_id)
    flash(" ".join([_("Deactivated and signed out everywhere."), *_told(done, to_id)]), "success")
    return go("admin.person", user_id=user_id)


def _heir(user: User, text: str) -> int | None:
    chosen = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return next((other.id for other in people.team() if other.id == chosen and other.id != user.id), None)


def _told(done: HandedOver, to_id: int | None) -> list[str]:
    found = []
    if done.given and to_id is not None:
        name = members.get(to_id).shown_name
        found.append(ngettext("%(name)s has %(num)d ticket more now.", "%(name)s has %(num)d tickets more now.",
                              done.given, name=name))  # fmt: skip
    if done.unassigned:
        found.append(ngettext("%(num)d ticket is assigned to nobody now.", "%(num)d tickets are assigned to nobody now.",
                              done.unassigned))  # fmt: skip
    return found
