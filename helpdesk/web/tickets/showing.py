"""One ticket: conversation, history, deliveries, and everything around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, flash, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from helpdesk.models import Comment, EmailMessage, ScheduledReply, Ticket
from helpdesk.policy.status import Disposition, Status, allowed
from helpdesk.services import (
    access,
    attachments,
    following,
    forwarding,
    glance,
    inbox,
    participants,
    people,
    pictures,
    queries,
    recipients,
    scheduled,
    settings,
    tags,
)
from helpdesk.services.outbox import queue
from helpdesk.services.scheduled import Crossed
from helpdesk.services.sentences import Sentence
from helpdesk.services.tickets import merge
from helpdesk.web.access import require, viewer
from helpdesk.web.filters import said
from helpdesk.web.particulars import shown as shown_particulars
from helpdesk.web.security import go, go_to
from helpdesk.web.sending import forward_url, sending
from helpdesk.web.tickets.blueprint import blueprint
from helpdesk.web.tickets.composing import Answer, editor
from helpdesk.web.tickets.deliveries import delivery, machine_mails, once_more, went_to
from helpdesk.web.tickets.filters import read_list_state
from helpdesk.web.tickets.listing import list_context
from helpdesk.web.tickets.timing import parts_of
from helpdesk.web.tickets.wording import describe_event, status_word

Page = str | Response | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the conversation: a comment with its mail, or something that happened in words."""

    at: datetime
    comment: Comment | None = None
    quoted: str = ""
    mail: EmailMessage | None = None
    is_designed: bool = False
    words: str = ""


def quoted_part(comment: Comment) -> str:
    """What was cut from a mail: the rest of the full text, or all of it where the shown part is not its beginning."""
    if comment.full_text == comment.text:
        return ""
    if comment.full_text.startswith(comment.text):
        return comment.full_text[len(comment.text) :].strip("\n")
    return comment.full_text


def conversation(ticket: Ticket, deliveries: Sequence[EmailMessage]) -> list[Entry]:
    """Comments and events in time order, each answer with the mail that carries it."""
    mails = {mail.comment_id: mail for mail in deliveries if mail.purpose in (queue.REPLY, queue.FORWARD)}
    designed = queries.designed(ticket)
    entries = [
        Entry(
            comment.created_at, comment, quoted_part(comment), mails.get(comment.id), comment.id in designed
        )
        for comment in access.visible_comments(ticket, viewer())
    ]
    names = {member.id: member.shown_name for member in glance.team()}
    tag_names = tags.names()
    history = queries.history(ticket)
    addresses = people.emails_of(event.data.get("address_id") for event in history)
    for event in history:
        words = describe_event(event, names, tag_names, addresses)
        if words:
            entries.append(Entry(event.occurred_at, words=words))
    return sorted(entries, key=lambda entry: (entry.at, entry.comment is None))


def for_later(reply: ScheduledReply) -> dict[str, object]:
    """An answer for later, for the macros; what may be done with it is its author's."""
    number, (day, clock) = reply.ticket.number, parts_of(reply.due_at)
    urls = {
        f"{act}_url": url_for(f"tickets.{endpoint}", number=number, reply_id=reply.id)
        for act, endpoint in (("now", "send_now"), ("time", "change_time"))
    }
    return sending(reply, viewer()) | urls | {"id": reply.id, "day": day, "clock": clock}


def files_of(comment: Comment) -> list[dict[str, object]]:
    return [
        {"name": a.filename, "size": a.size, "url": url_for("files.download", token=a.token, name=a.filename)}
        for a in attachments.beside(comment)
    ]


def pictures_of(
    ticket: Ticket, entries: Sequence[Entry], kept: dict[str, Any]
) -> Callable[[Comment], dict[str, object] | None]:
    """What is to be said above a designed mail about the pictures that did not come along with it."""
    always = pictures.always_shown(viewer(), [entry.comment for entry in entries if entry.comment])

    def shown(comment: Comment) -> dict[str, object] | None:
        if not comment.remote_pictures and not comment.tracking_pixels:
            return None
        url = url_for("tickets.pictures", number=ticket.number, comment_id=comment.id, **kept)
        return {
            "count": comment.remote_pictures,
            "pixels": comment.tracking_pixels,
            "is_shown": comment.id in always,
            "once_url": url_for("files.html", comment_id=comment.id, pictures="once"),
            "always_url": url if pictures.has_sender(comment) else None,
            "sender": comment.author_email,
        }

    return shown


def due_value(ticket: Ticket) -> str:
    return ticket.due_at.astimezone(settings.desk_zone()).date().isoformat() if ticket.due_at else ""


def render_ticket(
    ticket: Ticket,
    typed: Answer | None = None,
    *,
    errors: Sequence[str] = (),
    rival: str = "",
    crossed: Crossed | None = None,
    person: dict[str, str] | None = None,
    whose: dict[str, str] | None = None,
    preview: Markup | None = None,
) -> str:
    """The page of a ticket; `typed` and `errors` bring back what was refused, `rival` what another
    window saved; `crossed` the words that stopped an answer; `person` an address that could not be added, `whose`
    one that could not be the requester's."""
    state = read_list_state(request.args, viewer())
    (waiting, stopped), deliveries = scheduled.standing(ticket, viewer()), queries.deliveries(ticket)
    entries = conversation(ticket, deliveries)
    left_alone = participants.left_alone(ticket)
    has_news, is_muted = inbox.unread_and_muted(viewer(), ticket)
    seen = max((entry.comment.id for entry in entries if entry.comment), default=0)
    return render_template(
        "tickets/show.html",
        ticket=ticket,
        may_belong_to=_if_seen(ticket.may_belong_to),
        follow_up_of=_if_seen(ticket.follow_up_of),
        entries=entries,
        went_to=lambda mail: went_to(ticket, mail),
        delivery=delivery,
        once_more=once_more(deliveries, ticket),
        files_of=files_of,
        pictures_of=pictures_of(ticket, entries, state.link_args),
        particulars_of=lambda comment: shown_particulars(comment.particulars, files_of(comment)),
        waiting=[sending(reply, viewer()) for reply in waiting if not reply.waits_for_silence],
        stopped_forwards=[
            (one, said(Sentence(one.reason, **one.reason_params)), forward_url(one)) for one in stopped
        ],
        may_forward=forwarding.may_forward,
        later=[for_later(reply) for reply in waiting if reply.waits_for_silence],
        editor=editor(
            ticket,
            seen=seen,
            waiting=waiting,
            left_alone=left_alone,
            typed=typed,
            errors=list(errors),
            rival=rival,
        ),
        refusal=_refusal(ticket),
        participants=participants_of(ticket, state.link_args),
        person=person,
        left_alone=left_alone,
        whose=whose,
        crossed=crossed,
        preview=preview,
        has_news=has_news,
        opened=request.args.get("designed", type=int),
        is_muted=is_muted,
        machine_mails=machine_mails(deliveries),
        max_bytes=min(
            current_app.config["EMAIL_MAX_ATTACHMENT_SIZE"], attachments.room_for_files(ticket.account)
        ),
        kept=state.link_args,
        **_properties(ticket),
        **list_context(state),
    )


def _properties(ticket: Ticket) -> dict[str, Any]:
    """What stands beside the conversation and can be chosen there."""
    followers = following.followers(ticket)
    return {
        "assignable": glance.assignable(ticket.account_id),
        "next_statuses": [(s.value, status_word(s)) for s in Status if allowed(ticket.status, s)],
        "due": due_value(ticket),
        "known_tags": tags.known(),
        "followers": followers,
        "is_following": any(follower.id == viewer().id for follower in followers),
        "other_tickets": queries.other_tickets(viewer(), ticket),
    }


def _refusal(ticket: Ticket) -> str | None:
    """Why nobody can be answered here, None where somebody can."""
    if ticket.disposition is Disposition.MERGED:
        return _("This ticket was merged into another one.")
    if ticket.disposition is Disposition.SPAM:
        return _("This ticket is spam: say that it is none to answer it.")
    if not any(one.id == ticket.requester_address_id for one in recipients.choices(ticket)):
        return _("The requester is an address of this desk.")
    return None


def _if_seen(other: Ticket | None) -> Ticket | None:
    """Of a ticket in an account that is none of his an agent learns not even the subject."""
    return other if access.may_see(viewer(), other) else None


def participants_of(ticket: Ticket, kept: dict[str, Any]) -> list[dict[str, object]]:
    """Who takes part, as what, since when, and how to take them out."""
    words = {"requester": _("requester"), "cc": _("copy"), "follower": _("follows")}
    return [
        {
            "name": p.address.user.shown_name,
            "email": p.address.email,
            "role": words.get(p.role, p.role),
            "since": p.since,
            "remove_url": url_for("tickets.remove_person", number=ticket.number, participant_id=p.id, **kept)
            if p.address_id != ticket.requester_address_id
            else None,
        }
        for p in ticket.participants
    ]


def back_to(ticket: Ticket, **more: str) -> Response:
    """The ticket again, beside the same list."""
    kept: dict[str, Any] = {
        name: value for name, value in request.args.items() if name not in {"number", "write"}
    }
    return go_to(url_for("tickets.show", number=ticket.number, **(kept | more)))


@blueprint.get("/tickets/<int:number>")
@require("person")
def show(number: int) -> str | Response:
    """The address in every mail: agents see the workspace, customers their own page."""
    if not viewer().is_team:
        return go("portal.show", number=number)
    ticket = queries.open_ticket(viewer(), number)
    target = merge.led_to(viewer(), number) if ticket.disposition is Disposition.MERGED else None
    if target is None:
        return render_ticket(ticket)
    flash(_("%(tag)s was merged into this ticket.", tag=settings.tag_of(ticket)), "info")
    return back_to(target)
