"""What a notification says: from the ids of events to values a template shows, as things stand when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.models import Comment, EmailMessage, Event, ScheduledReply, Ticket, User
from helpdesk.models.composing import ReplyState
from helpdesk.models.mail import EmailState
from helpdesk.policy import audience, news
from helpdesk.policy.acknowledge import safe_name
from helpdesk.policy.audience import Kind, Notice, Recipient, Template
from helpdesk.policy.news import Fact, Field
from helpdesk.policy.status import CommentKind, is_overdue
from helpdesk.services import access, attachments, notices

CHANGED = {
    audience.Event.STATUS_CHANGED: Field.STATUS,
    audience.Event.PRIORITY_CHANGED: Field.PRIORITY,
    audience.Event.CATEGORY_CHANGED: Field.CATEGORY,
    audience.Event.DUE_CHANGED: Field.DUE,
}
TELLING_WORDS = [
    *notices.SAID, audience.Event.MAIL_FAILED, audience.Event.MAIL_UNCERTAIN, audience.Event.MAIL_BOUNCED
]  # fmt: skip
MOST_TEXT, LEAST_TEXT = 40_000, 500  # characters of all words in one mail, and of each however many there are


@dataclass(frozen=True, slots=True)
class Said:
    """Words in a notification. `kind` is that of the comment; `is_cut` when the rest stands on the ticket only.

    Of Markdown `source` is what was written and `pictures` where those in it are shown from, by their tokens.
    """

    kind: str
    author: str
    text: str = field(repr=False)
    files: tuple[str, ...] = ()
    is_cut: bool = False
    source: str = field(default="", repr=False)
    pictures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A mail that did not arrive, or an answer or forward that was not sent (`is_unsent`): to whom it was to go, why, as
    a message to translate with what fills it, and the server's words."""

    to: tuple[str, ...] = field(repr=False)
    reason: str
    reason_params: Mapping[str, str | int]
    detail: str = field(default="", repr=False)
    is_unsent: bool = False
    is_forward: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One fact in a notification: who did it, and the change, the words or the trouble. `before` and `after` of a due
    date are moments, of anything else words. `is_mention`: it named the reader."""

    template: Template
    actor: str
    field: str = ""
    before: str | datetime | None = None
    after: str | datetime | None = None
    said: Said | None = None
    trouble: Trouble | None = None
    is_mention: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """All that one mail tells: its facts in order, the template it is named after, as what the reader gets it, and by
    which switch he turns it off."""

    template: Template
    recipient: Recipient
    facts: tuple[Told, ...]
    kind: Kind | None = None

    @property
    def is_mention(self) -> bool:
        """Whether it was a note that named the reader."""
        return self.kind is Kind.MENTION

    @property
    def trouble(self) -> Trouble | None:
        """The first that the mail tells of."""
        return next((fact.trouble for fact in self.facts if fact.trouble), None)

    @property
    def actor(self) -> str:
        """Who did what the mail is named after, "" when it was several people or the desk."""
        names = {fact.actor for fact in self.facts if fact.template is self.template}
        return names.pop() if len(names) == 1 else ""

    def tells(self, field: str) -> bool:
        """Whether a change of this field is among the facts."""
        return any(fact.field == field for fact in self.facts)


def gather(
    ticket: Ticket, reader: User, event_ids: Sequence[int], *, most_words: int = MOST_TEXT
) -> News | None:
    """What is still to be told to the reader; None when nothing is. `most_words`: characters of one message."""
    rows = select(Event).where(Event.id.in_(event_ids), Event.ticket_id == ticket.id).order_by(Event.id)
    wanted = [
        (event, notice) for event in db.session.scalars(rows) if (notice := _notice(event, ticket, reader))
    ]
    if not wanted:
        return None
    is_customer = wanted[0][1].recipient is Recipient.CUSTOMER
    facts = [fact for event, notice in wanted if (fact := _fact(event, notice, ticket))]
    readable = {comment.id: comment for comment in access.visible_comments(ticket, reader)} if facts else {}
    facts = [fact for fact in facts if fact.comment_id is None or fact.comment_id in readable]
    kept = news.still_news(facts, _as_it_stands(ticket), is_customer=is_customer)
    if not kept:
        return None
    limit = min(max(MOST_TEXT // len(kept), LEAST_TEXT), most_words)
    told = tuple(_told(fact, readable.get(fact.comment_id or 0), limit, is_customer) for fact in kept)
    head = news.leading_fact(kept)
    return News(head.template, head.recipient or Recipient.TEAM, told, head.kind)


def may_read(ticket: Ticket, reader: User, event_ids: Sequence[int]) -> bool:
    """Whether somebody may still read what was written to him about these events."""
    takes_part = any(address.user_id == reader.id for address in notices.customers(ticket))
    if not reader.is_active or not (takes_part or ticket.account_id in access.account_ids(reader)):
        return False
    rows = select(Event.comment_id).where(Event.id.in_(event_ids), Event.type.in_(TELLING_WORDS))
    return set(db.session.scalars(rows)) <= {c.id for c in access.visible_comments(ticket, reader)}


def _notice(event: Event, ticket: Ticket, reader: User) -> Notice | None:
    return next((notice for notice in notices.of(event, ticket) if notice.user_id == reader.id), None)


def _fact(event: Event, notice: Notice, ticket: Ticket) -> Fact | None:
    fact = Fact(notice.template, event.actor_id, kind=notice.kind, recipient=notice.recipient)
    if event.type == audience.Event.OVERDUE:
        return fact if is_overdue_still(event, ticket) else None
    if notice.template is Template.UNDELIVERED:
        comment_id = event.comment_id if event.data.get("purpose") != "ticket_created" else None
        return replace(fact, trouble_id=event.id, comment_id=comment_id) if _trouble(event.id) else None
    field = CHANGED.get(audience.Event(event.type))
    if field is None:
        comment_id = event.comment_id if notice.template is not Template.ASSIGNED else None
        return replace(fact, comment_id=comment_id)
    before, after = (_value(field, event.data.get(name)) for name in ("before", "after"))
    return replace(fact, field=field, before=before, after=after)


def _trouble(event_id: int) -> Trouble | None:
    """What did not leave, as it stands now; None when it has been sent since."""
    event = db.session.get_one(Event, event_id)
    if event.type == audience.Event.REPLY_STOPPED:
        reply = db.session.get(ScheduledReply, event.data.get("reply_id") or 0)
        return _unsent(reply) if reply is not None and reply.state is ReplyState.STOPPED else None
    mail = db.session.get(EmailMessage, event.email_id or 0)
    if mail is None or mail.state not in (EmailState.FAILED, EmailState.UNCERTAIN, EmailState.BOUNCED):
        return None
    lost = mail.recipients.get("refused") or mail.addressed
    return Trouble(tuple(lost), mail.reason, mail.reason_params, mail.detail)


def _unsent(reply: ScheduledReply) -> Trouble:
    people = tuple(reply.recipients.get("to", ()))
    is_forward = reply.kind is CommentKind.FORWARD
    return Trouble(people, reply.reason, reply.reason_params, is_unsent=True, is_forward=is_forward)


def is_overdue_still(event: Event, ticket: Ticket) -> bool:
    """Whether the very due date that passed still stands, and the ticket still waits to be worked on."""
    due_at = _value(Field.DUE, event.data.get("due_at"))
    same = ticket.due_at is not None and due_at == _moment(ticket.due_at)
    return same and is_overdue(ticket.status, ticket.due_at, now=event.occurred_at)


def _value(field: Field, value: object) -> str | None:
    if not value:
        return None
    return _moment(datetime.fromisoformat(str(value))) if field is Field.DUE else str(value)


def _moment(when: datetime) -> str:
    """One way of writing it, whatever zone it was given in."""
    return when.astimezone(UTC).isoformat()


def _as_it_stands(ticket: Ticket) -> dict[Field, str | None]:
    return {
        Field.STATUS: ticket.status.value,
        Field.PRIORITY: ticket.priority.value,
        Field.CATEGORY: ticket.category.value,
        Field.DUE: _moment(ticket.due_at) if ticket.due_at else None,
    }


def _told(fact: Fact, comment: Comment | None, limit: int, is_customer: bool) -> Told:
    actor = db.session.get(User, fact.actor_id) if fact.actor_id else None
    return Told(
        fact.template,
        name_of(actor, is_customer=is_customer),
        fact.field.value if fact.field else "",
        _shown(fact.field, fact.before),
        _shown(fact.field, fact.after),
        _said(comment, limit, is_customer) if comment is not None else None,
        _trouble(fact.trouble_id) if fact.trouble_id else None,
        fact.kind is Kind.MENTION,
    )


def _shown(field: Field | None, value: str | None) -> str | datetime | None:
    return datetime.fromisoformat(value) if field is Field.DUE and value else value


def _said(comment: Comment, limit: int, is_customer: bool) -> Said:
    text = comment.text.strip()
    author = name_of(comment.author, is_customer=is_customer) or comment.author_name
    files = tuple(file.filename for file in attachments.beside(comment))
    is_cut = len(text) > limit
    source = "" if is_cut else comment.source
    return Said(comment.kind.value, author, text[:limit].rstrip(), files, is_cut, source)


def name_of(user: User | None, *, is_customer: bool) -> str:
    """What a reader may know a person by, in one line; a customer is shown nobody's address. "" for the desk."""
    if user is None:
        return ""
    return " ".join((harmless_name(user) if is_customer else user.shown_name).split())


def harmless_name(user: User) -> str:
    """A person's name for the eyes of customers: of the team as it is, of anybody else without links."""
    return user.name if user.is_team else safe_name(user.name)
