"""Answers that may still be taken back, as pages show them: on their ticket, and to their author everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable

from flask import url_for
from flask_babel import ngettext

from helpdesk.database import utcnow
from helpdesk.models import ScheduledReply, Upload, User
from helpdesk.policy import envelope
from helpdesk.policy.status import CommentKind
from helpdesk.services import participants, settings


def sending(reply: ScheduledReply, viewer: User) -> dict[str, object]:
    """An answer about to be sent, for the macros."""
    people_ = envelope.read(reply.recipients)
    return {
        "ticket_id": reply.ticket_id,
        "tag": settings.tag_of(reply.ticket),
        "author": reply.author.shown_name,
        "is_forward": reply.kind is CommentKind.FORWARD,
        "text": reply.text,
        "to": ", ".join(participants.names_of(reply.ticket, [*people_.to, *people_.cc])),
        "bcc": ", ".join(participants.names_of(reply.ticket, people_.bcc)),
        "files": [
            {"name": upload.filename, "size": upload.size, "url": None}
            for upload in reply.files
            if not upload.is_picture
        ],
        "pictures": pictures_of(reply.files, viewer),
        "audience": audience_words(
            len(people_.everyone), len(participants.strangers(reply.ticket, people_.everyone))
        ),
        "seconds": max(0, math.ceil((reply.due_at - utcnow()).total_seconds())),
        "due_at": reply.due_at if reply.waits_for_silence else None,
        "undo_url": url_for("tickets.undo", number=reply.ticket.number, reply_id=reply.id)
        if reply.author_id == viewer.id
        else None,
    }


def pictures_of(uploads: Iterable[Upload], viewer: User) -> dict[str, str]:
    """Addresses of the pictures in what somebody writes, by their tokens; nobody else sees them before it is said."""
    return {
        upload.token: url_for("files.upload", token=upload.token)
        for upload in uploads
        if upload.is_picture and upload.user_id == viewer.id
    }


def forward_url(reply: ScheduledReply) -> str:
    """The page a forward was written on, with what stood there."""
    ids = reply.forwarded.get("comments") or [0]
    return url_for("tickets.forward", number=reply.ticket.number, comment_id=ids[0], again=reply.id)


def audience_words(people_count: int, new_count: int) -> str:
    """An audience that is not simply the requester, in words; "" for that one."""
    if people_count <= 1 and not new_count:
        return ""
    words = ngettext("%(num)d recipient", "%(num)d recipients", people_count)
    return words + (", " + ngettext("%(num)d new", "%(num)d new", new_count) if new_count else "")
