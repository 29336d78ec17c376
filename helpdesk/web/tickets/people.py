"""Who takes part in a ticket, and who follows it."""

from __future__ import annotations

from flask import flash, request
from flask_babel import gettext as _

from helpdesk.database import transaction
from helpdesk.errors import Conflict, HelpdeskError, InvalidInput
from helpdesk.services import access, following, muting, participants
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say, sentence
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import Page, back_to, render_ticket


@blueprint.post("/tickets/<int:number>/people")
@require("team")
def add_person(number: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    try:
        with transaction():
            address = participants.add(ticket, request.form.get("email", ""), actor=viewer())
    except HelpdeskError as error:
        return render_ticket(
            ticket, person={"email": request.form.get("email", ""), "error": sentence(error)}
        ), 422
    flash(_("%(who)s is in copy from now on and sees nothing older.", who=address.email), "success")
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/people/<int:participant_id>/remove")
@require("team")
def remove_person(number: int, participant_id: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    with transaction():
        address = participants.remove(ticket, participant_id, actor=viewer())
    flash(_("%(who)s takes part no more.", who=address.email), "success")
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/people/<int:participant_id>/reach")
@require("team")
def reach_again(number: int, participant_id: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    with transaction():
        address = participants.reach_again(ticket, participant_id, actor=viewer())
    flash(_("%(who)s is written to again.", who=address.email), "success")
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/requester")
@require("team")
def set_requester(number: int) -> Page:
    """Whose ticket it is, where a forward did not say."""
    ticket = access.get_ticket_by_number(viewer(), number)
    typed = request.form.get("email", "")
    try:
        with transaction():
            address = participants.set_requester(ticket, typed, actor=viewer())
    except InvalidInput as error:
        return render_ticket(ticket, whose={"email": typed, "error": sentence(error)}), 422
    except Conflict as error:
        say(error)
        return back_to(ticket)
    flash(_("It is %(who)s's ticket from now on.", who=address.email), "success")
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/follow")
@require("team")
def follow(number: int) -> Page:
    """Follow, or with `stop` in the form follow no more."""
    ticket = access.get_ticket_by_number(viewer(), number)
    with transaction():
        if "stop" in request.form:
            following.unfollow(ticket, actor=viewer())
        else:
            following.follow(ticket, actor=viewer())
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/mute")
@require("team")
def mute(number: int) -> Page:
    """Mute, or with `stop` in the form hear of everything again."""
    ticket = access.get_ticket_by_number(viewer(), number)
    with transaction():
        if "stop" in request.form:
            muting.unmute(ticket, actor=viewer())
        else:
            muting.mute(ticket, actor=viewer())
            flash(
                _(
                    "Muted. You are still told when it is assigned to you, when somebody mentions you, and when an answer of yours does not arrive."
                ),
                "success",
            )
    return back_to(ticket)
