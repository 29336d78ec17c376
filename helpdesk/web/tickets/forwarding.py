"""Forwarding a message, or all that was said in public: a page of its own, for what is passed on leaves the ticket."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, jsonify, render_template, request
from flask_babel import gettext as _
from markupsafe import Markup

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Comment, ScheduledReply, Ticket
from helpdesk.policy.envelope import FIELDS
from helpdesk.services import access, forwarding
from helpdesk.services.outbox import forwards
from helpdesk.web.access import require, viewer
from helpdesk.web.errors import sentence, status_of
from helpdesk.web.filters import markdown
from helpdesk.web.forms import is_form_key, new_form_key, wants_json
from helpdesk.web.tickets import warning
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.composing import read_addresses, require_key
from helpdesk.web.tickets.showing import Page, back_to
from helpdesk.web.tickets.waiting import say_when

ALL = "all"


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form says: addresses as they were typed, `attachments` ids of files, `is_whole` the conversation."""

    people: dict[str, tuple[str, ...]]
    text: str
    is_whole: bool
    attachments: tuple[int, ...]
    form_key: str = ""
    again: int = 0


@blueprint.route("/tickets/<int:number>/comments/<int:comment_id>/forward", methods=["GET", "POST"])
@require("team")
def forward(number: int, comment_id: int) -> Page:
    ticket = access.get_ticket_by_number(viewer(), number)
    comment = access.get_comment(viewer(), comment_id, ticket=ticket)
    if not forwarding.may_forward(comment):
        raise NotFound("There is no such message.")
    if request.method == "GET":
        return _page(ticket, comment, _begin(ticket, comment))
    typed = _read()
    if "preview" in request.args:
        preview = markdown(typed.text)
        return jsonify(html=preview) if wants_json() else _page(ticket, comment, typed, preview=preview)
    try:
        require_key(typed.form_key)
        wish = _wish(ticket, comment, typed)
        warning.refuse_unwarned(wish.people.everyone)
        forwarding.prepare(ticket, wish, actor=viewer())  # as a trial: whatever is wrong is said now
        with transaction():
            warning.try_again(wish.people.everyone)
            reply = forwarding.schedule(ticket, wish, actor=viewer(), form_key=typed.form_key)
            earlier = forwarding.one_of(ticket, typed.again, viewer())
            if earlier is not None:
                forwarding.let_go(earlier)
    except HelpdeskError as error:
        return _page(ticket, comment, typed, error=sentence(error)), status_of(error)
    say_when(reply)
    return back_to(ticket)


@blueprint.post("/tickets/<int:number>/replies/<int:reply_id>/drop")
@require("team")
def drop_forward(number: int, reply_id: int) -> Page:
    """A forward that was not sent is wanted no more."""
    ticket = access.get_ticket_by_number(viewer(), number)
    reply = forwarding.one_of(ticket, reply_id, viewer())
    if reply is None:
        raise NotFound("There is no such message.")
    with transaction():
        forwarding.let_go(reply)
    flash(_("Discarded."), "success")
    return back_to(ticket)


def _read() -> Typed:
    key, again = request.form.get("form_id", ""), request.form.get("again", "")
    files = [
        value for value in request.form.getlist("attachment")[:500] if value.isascii() and value.isdigit()
    ]
    return Typed(
        people={name: read_addresses(name) for name in FIELDS},
        text=request.form.get("body", "").replace("\r\n", "\n").strip(),
        is_whole=request.form.get("what") == ALL,
        attachments=tuple(int(value) for value in files if len(value) < 10),
        form_key=key if is_form_key(key) else "",
        again=int(again) if again.isascii() and again.isdigit() and len(again) < 10 else 0,
    )


def _begin(ticket: Ticket, comment: Comment) -> Typed:
    """An empty form with the message's own files ticked, or what was taken back or stopped before."""
    earlier = forwarding.one_of(ticket, request.args.get("again", 0, type=int), viewer())
    if earlier is not None:
        return _of_row(earlier)
    own = tuple(file.id for file in comment.attachments if not file.is_inline)
    return Typed(dict.fromkeys(FIELDS, ()), "", False, own)


def _of_row(reply: ScheduledReply) -> Typed:
    wish = forwarding.wish_of(reply)
    people = {name: getattr(wish.people, name) for name in FIELDS}
    return Typed(people, wish.text, len(wish.comment_ids) > 1, wish.attachment_ids, again=reply.id)


def _wish(ticket: Ticket, comment: Comment, typed: Typed) -> forwarding.Wish:
    chosen = forwarding.conversation(ticket) if typed.is_whole else [comment]
    people = forwarding.check_people(*(typed.people[name] for name in FIELDS))
    return forwarding.Wish(typed.text, tuple(one.id for one in chosen), typed.attachments, people)


def _page(
    ticket: Ticket, comment: Comment, typed: Typed, *, error: str = "", preview: Markup | None = None
) -> str:
    talk = forwarding.conversation(ticket)
    return render_template(
        "tickets/forward.html",
        ticket=ticket,
        comment=comment,
        author=forwards.author_of(comment),
        talk_count=len(talk),
        typed=typed,
        shown={name: ", ".join(emails) for name, emails in typed.people.items()},
        files=forwarding.files_of(ticket, comment),
        form_id=new_form_key(),
        lost=warning.lost_among(email for emails in typed.people.values() for email in emails),
        error=error,
        preview=preview,
    )
