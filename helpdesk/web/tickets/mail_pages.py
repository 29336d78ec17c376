"""What can be seen of the mail behind a message: pictures of the web, the original, and why it is here."""

from __future__ import annotations

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Comment, Ticket
from helpdesk.services import access, originals, waiting_mail
from helpdesk.services import pictures as permissions
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import say
from helpdesk.web.files import as_download
from helpdesk.web.story import parts_of
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.showing import back_to


@blueprint.post("/tickets/<int:number>/comments/<int:comment_id>/pictures")
@require("team")
def pictures(number: int, comment_id: int) -> Response:
    """From now on show this sender's pictures of the web to me, or with `stop` in the form ask me again."""
    ticket, comment = _asked(number, comment_id)
    try:
        with transaction():
            if "stop" in request.form:
                address = permissions.ask_again(comment, actor=viewer())
                told = _("You are asked again before pictures of %(who)s are shown.", who=address.email)
            else:
                address = permissions.show_always(comment, actor=viewer())
                told = _("Pictures of %(who)s are shown to you from now on.", who=address.email)
    except HelpdeskError as error:
        say(error)
    else:
        flash(told, "success")
    return back_to(ticket, designed=str(comment_id), _anchor=f"comment-{comment_id}")


def _asked(number: int, comment_id: int) -> tuple[Ticket, Comment]:
    ticket = access.get_ticket_by_number(viewer(), number)
    return ticket, access.get_comment(viewer(), comment_id, ticket=ticket)


def _back_url(number: int, comment_id: int) -> str:
    kept = request.args.to_dict()
    return url_for("tickets.show", number=number, **kept, _anchor=f"comment-{comment_id}")  # type: ignore[arg-type]


@blueprint.get("/tickets/<int:number>/comments/<int:comment_id>/why")
@require("team")
def why(number: int, comment_id: int) -> str:
    """Why a message is on this ticket: what was found in its mail, what decided, what followed."""
    ticket, comment = _asked(number, comment_id)
    email = originals.mail_of(comment)
    return render_template(
        "tickets/why.html",
        ticket=ticket,
        comment=comment,
        mail=email,
        why=parts_of(email) if email else [],
        back_url=_back_url(number, comment_id),
        is_kept=originals.is_kept(email),
    )


@blueprint.get("/tickets/<int:number>/comments/<int:comment_id>/original")
@require("team")
def original(number: int, comment_id: int) -> str:
    """A mail as it came or went: the way it took, its header, all of its text, and its source."""
    ticket, comment = _asked(number, comment_id)
    email = originals.mail_of(comment)
    return render_template(
        "tickets/original.html",
        ticket=ticket,
        comment=comment,
        mail=email,
        original=originals.read(email) if email and originals.is_kept(email) else None,
        back_url=_back_url(number, comment_id),
    )


@blueprint.get("/tickets/<int:number>/comments/<int:comment_id>/source")
@require("team")
def source(number: int, comment_id: int) -> Response:
    _ticket, comment = _asked(number, comment_id)
    email = originals.mail_of(comment)
    if email is None:
        raise NotFound("There is no such mail.")
    data, name = waiting_mail.raw(email), f"mail-{email.id}.eml"
    end_read()
    return as_download(data, name)
