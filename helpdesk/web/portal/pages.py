"""A customer's tickets: the list, and one of them with what was said on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from helpdesk.database import utcnow
from helpdesk.errors import NotFound
from helpdesk.models import Comment, Ticket, User
from helpdesk.policy.status import ACTIVE, DONE, CommentKind, Status
from helpdesk.services import access, attachments, own_tickets, portal, settings
from helpdesk.services.own_tickets import Counts
from helpdesk.services.sorting import PageKey
from helpdesk.services.tickets import merge
from helpdesk.web.access import require, viewer
from helpdesk.web.forms import new_form_key
from helpdesk.web.particulars import shown as shown_particulars
from helpdesk.web.portal.blueprint import blueprint
from helpdesk.web.portal.form_files import Kept
from helpdesk.web.portal.wording import standing_of
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]
SHOWN: dict[str, tuple[Status, ...]] = {"open": ACTIVE, "done": DONE, "all": ACTIVE + DONE}


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in the form when it was refused, and why."""

    body: str = ""
    errors: tuple[str, ...] = ()
    kept: Kept = field(default_factory=Kept)


@blueprint.get("/tickets")
@require("customer")
def index() -> Page:
    shown = request.args.get("show", "open")
    if shown not in SHOWN:
        shown = "open"
    after = PageKey.parse(request.args.get("after", ""))
    page = own_tickets.page(viewer(), SHOWN[shown], after=after)
    next_url = url_for("portal.index", show=shown, after=str(page.next_key)) if page.next_key else None
    counts = own_tickets.counts(viewer())
    return render_template(
        "portal/index.html",
        rows=page.rows,
        shown=shown,
        tabs=_tabs(counts, shown),
        counts=counts,
        next_url=next_url,
        is_first=after is None,
    )


def _tabs(counts: Counts, shown: str) -> list[tuple[str, str, bool, int]]:
    """See components/tabs.html."""
    found = (
        ("open", _("Open"), counts.open),
        ("done", _("Done"), counts.done),
        ("all", _("All"), counts.open + counts.done),
    )
    return [(text, url_for("portal.index", show=name), name == shown, count) for name, text, count in found]


@blueprint.get("/tickets/<int:number>")
@require("customer")
def show(number: int) -> Page:
    try:
        ticket = access.get_ticket_by_number(viewer(), number)
    except NotFound:
        target = merge.led_to(viewer(), number)
        if target is None:
            raise
        return go("portal.show", number=target.number)
    return render_ticket(ticket)


def render_ticket(ticket: Ticket, typed: Typed | None = None) -> str:
    """The page of a ticket; `typed` brings back what was refused."""
    comments = access.visible_comments(ticket, viewer())
    is_answered = bool(comments) and comments[-1].kind is CommentKind.REPLY
    return render_template(
        "portal/show.html",
        ticket=ticket,
        comments=comments,
        follows=portal.predecessor(ticket, viewer()),
        is_unverified=any(comment.is_unverified for comment in comments),
        files_of=files_of,
        particulars_of=lambda comment: shown_particulars(comment.particulars, files_of(comment)),
        author_of=author_of,
        typed=typed or Typed(),
        form_id=new_form_key(),
        standing=standing_of(
            ticket, is_answered=is_answered, close_days=settings.number("auto_close_days"), now=utcnow()
        ),
        may_close=portal.may_close(ticket),
        may_reopen=portal.may_reopen(ticket),
        max_bytes=current_app.config["EMAIL_MAX_ATTACHMENT_SIZE"],
    )


def author_of(comment: Comment) -> str:
    """Of somebody unverified the name he gave himself is not repeated: it could be ours."""
    if comment.is_unverified:
        return _("Sent with our contact form")
    return _("You") if is_own(comment, viewer()) else comment.author_name or comment.author_email


def is_own(comment: Comment, user: User) -> bool:
    return comment.kind is CommentKind.INCOMING and comment.author_id == user.id


def files_of(comment: Comment) -> list[dict[str, object]]:
    return [
        {"name": f.filename, "size": f.size, "url": url_for("files.download", token=f.token, name=f.filename)}
        for f in attachments.beside(comment)
    ]
