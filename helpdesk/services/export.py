"""A ticket as plain values: what `show-ticket --format json` prints and `export-tickets` writes, one object each."""

from __future__ import annotations

from datetime import datetime

from helpdesk.models import Attachment, Comment, Event, Ticket
from helpdesk.services import queries, settings


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def ticket_summary(ticket: Ticket) -> dict[str, object]:
    """One row of `list-tickets`."""
    return {
        "id": ticket.id,
        "number": settings.tag_of(ticket),
        "subject": ticket.subject,
        "status": ticket.status.value,
        "priority": ticket.priority.value,
        "category": ticket.category.value,
        "requester": ticket.requester_address.email,
        "assignee": ticket.assignee.email if ticket.assignee else None,
        "account": ticket.account.email,
        "due_at": _time(ticket.due_at),
        "created_at": _time(ticket.created_at),
        "last_activity_at": _time(ticket.last_activity_at),
    }


def ticket_details(ticket: Ticket) -> dict[str, object]:
    """The whole ticket; `description` reads comment number 1. Notes are included: for operators only."""
    comments = [comment_details(comment) for comment in ticket.comments]
    return ticket_summary(ticket) | {
        "description": comments[0]["full_text"] if comments else "",
        "created_from_email": ticket.created_from_email,
        "email_from": ticket.email_from,
        "disposition": ticket.disposition.value,
        "participants": [{"email": p.address.email, "role": p.role} for p in ticket.participants],
        "may_belong_to": settings.tag_of(ticket.may_belong_to) if ticket.may_belong_to else None,
        "follow_up_of": settings.tag_of(ticket.follow_up_of) if ticket.follow_up_of else None,
        "comments": comments,
        "events": [event_details(event) for event in queries.history(ticket)],
    }


def comment_details(comment: Comment) -> dict[str, object]:
    return {
        "id": comment.id,
        "kind": comment.kind.value,
        "author_name": comment.author_name,
        "author_email": comment.author_email,
        "text": comment.text,
        "full_text": comment.full_text,
        "format": comment.format.value,
        "source": comment.source,
        "is_internal": comment.is_internal,
        "is_from_email": comment.is_from_email,
        "is_automatic": comment.is_automatic,
        "is_released": comment.is_released,
        "message_id": comment.message_id,
        "created_at": _time(comment.created_at),
        "attachments": [attachment_details(attachment) for attachment in comment.attachments],
    }


def attachment_details(attachment: Attachment) -> dict[str, object]:
    return {
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
    }


def event_details(event: Event) -> dict[str, object]:
    return {
        "type": event.type,
        "occurred_at": _time(event.occurred_at),
        "actor": event.actor.email if event.actor else None,
        "comment_id": event.comment_id,
        "data": event.data,
    }
