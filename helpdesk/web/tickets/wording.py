"""What happened, in words: one quiet line per event of a ticket's history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask_babel import format_date
from flask_babel import gettext as _

from helpdesk.models import Event
from helpdesk.policy.status import Category, Priority, Status
from helpdesk.services.sorting import Sort


def status_word(status: str) -> str:
    return {
        Status.NEW: _("New"),
        Status.OPEN: _("Open"),
        Status.IN_PROGRESS: _("In progress"),
        Status.PENDING: _("Pending"),
        Status.RESOLVED: _("Resolved"),
        Status.CLOSED: _("Closed"),
    }.get(Status(status), status)


def priority_word(priority: str) -> str:
    return {
        Priority.LOW: _("Low"),
        Priority.MEDIUM: _("Medium"),
        Priority.HIGH: _("High"),
        Priority.URGENT: _("Urgent"),
    }.get(Priority(priority), priority)


def sort_word(sort: Sort) -> str:
    return {
        Sort.NEWEST: _("Latest activity"),
        Sort.OLDEST: _("Oldest activity"),
        Sort.WAITING: _("Waiting longest"),
        Sort.PRIORITY: _("Priority"),
        Sort.DUE: _("Due date"),
        Sort.CREATED: _("Newest tickets"),
    }[sort]


def category_word(category: str) -> str:
    return {
        Category.SUPPORT: _("Support"),
        Category.BUG: _("Bug"),
        Category.FEATURE: _("Feature"),
        Category.BILLING: _("Billing"),
        Category.GENERAL: _("General"),
    }.get(Category(category), category)


def describe_event(
    event: Event,
    names: Mapping[int, str],
    tags: Mapping[int, str] | None = None,
    addresses: Mapping[int, str] | None = None,
) -> str:
    """One line, or "" for an event that needs none beside the conversation.

    `names` of people, `tags` and `addresses` by id.
    """
    who = event.actor.shown_name if event.actor else _("The desk")
    after = event.data.get("after")
    match event.type:
        case "ticket.opened":
            return _opened(event, who)
        case "ticket.status_changed" if event.data.get("reason") == "auto_close":
            return _("Closed by itself, having been resolved long enough")
        case "ticket.status_changed":
            return _("%(who)s set the status to %(what)s", who=who, what=status_word(str(after)))
        case "ticket.priority_changed":
            return _("%(who)s set the priority to %(what)s", who=who, what=priority_word(str(after)))
        case "ticket.category_changed":
            return _("%(who)s set the category to %(what)s", who=who, what=category_word(str(after)))
        case "ticket.due_changed":
            return _due(who, after)
        case "ticket.overdue":
            return _("The due date has passed")
        case "ticket.assigned":
            return _assigned(event, who, names)
        case "participant.added" | "participant.removed":
            return _taking_part(event, who, addresses or {})
        case "ticket.requester_changed":
            whom = (addresses or {}).get(int(str(event.data.get("address_id", 0))), "?")
            return _("%(who)s made it the ticket of %(whom)s", who=who, whom=whom)
        case "ticket.merged":
            return _("%(who)s merged it into another ticket", who=who)
        case "ticket.absorbed":
            return _("%(who)s merged %(number)s into it", who=who, number=f"#{event.data.get('source')}")
        case "comment.split":
            return _("%(who)s made a stranger's message a ticket of its own", who=who)
        case "reply.stopped":
            return _stopped(event, names)
        case "ticket.tagged":
            return _("%(who)s added the tag %(what)s", who=who, what=_tag(event, tags))
        case "ticket.untagged":
            return _("%(who)s took the tag %(what)s off", who=who, what=_tag(event, tags))
        case "ticket.marked_spam" if event.actor is None:
            return _("The mail server calls it spam")
        case "ticket.marked_spam":
            return _("%(who)s marked it as spam", who=who)
        case "ticket.restored":
            return _("%(who)s said that it is no spam", who=who)
        case "comment.released":
            return _("%(who)s let a message in", who=who)
    return _of_mail(event)


def _stopped(event: Event, names: Mapping[int, str]) -> str:
    author = names.get(int(str(event.data.get("author_id", 0))), _("a colleague"))
    if event.data.get("kind") == "forward":
        words = _("A forward by %(who)s was not sent", who=author)
    else:
        words = _("An answer by %(who)s was not sent; it is a draft again", who=author)
    reason, params = event.data.get("reason"), event.data.get("params")
    if not isinstance(reason, str):
        return words
    return f"{words}. {_(reason, **params) if isinstance(params, dict) and params else _(reason)}"


def _of_mail(event: Event) -> str:
    match event.type:
        case "email.sent" if event.data.get("purpose") == "ticket_created":
            return _("Automatic answer sent")
        case "email.failed":
            return _("A mail could not be sent")
        case "email.read":
            return _("A mail was opened, says a read receipt")
        case "email.complained":
            return _("A recipient called a mail spam")
        case "email.delayed":
            return _("A mail is late; its server goes on trying")
        case "email.bounced":
            return _("A mail came back")
    return ""


def _tag(event: Event, tags: Mapping[int, str] | None) -> str:
    tag_id = event.data.get("tag_id")
    name = (tags or {}).get(tag_id) if isinstance(tag_id, int) else None
    return f"“{name}”" if name else _("that is gone by now")


def _opened(event: Event, who: str) -> str:
    match event.data.get("via"):
        case "email":
            return _("Opened by mail")
        case "form":
            return _("Opened with the public contact form")
        case "split":
            return _("Split from another ticket by %(who)s", who=who)
    return _("Opened by %(who)s", who=who)


def _due(who: str, after: object) -> str:
    if not after:
        return _("%(who)s removed the due date", who=who)
    return _(
        "%(who)s set the due date to %(day)s", who=who, day=format_date(datetime.fromisoformat(str(after)))
    )


def _taking_part(event: Event, who: str, addresses: Mapping[int, str]) -> str:
    whom = addresses.get(int(str(event.data.get("address_id", 0))), "?")
    if event.type == "participant.added":
        return _("%(who)s put %(whom)s in copy", who=who, whom=whom)
    return _("%(who)s took %(whom)s out", who=who, whom=whom)


def _assigned(event: Event, who: str, names: Mapping[int, str]) -> str:
    after = event.data.get("after")
    if not isinstance(after, int):
        return _("%(who)s took the assignee away", who=who)
    if after == event.actor_id:
        return _("%(who)s took the ticket", who=who)
    return _("%(who)s assigned it to %(whom)s", who=who, whom=names.get(after, "?"))
