"""What a digest says: of each ticket what is still news to the reader, as things stand when the mail is made.

A mail program cuts off what is longer than about 100 kB: of each ticket the last facts are told in a few words each,
of many tickets the later ones by name only. An answer to it goes back to its reader: what he quotes is of several
accounts, and would become a ticket of one for all who work there.
"""

from __future__ import annotations

from dataclasses import dataclass

from helpdesk.database import db
from helpdesk.models import EmailMessage, Ticket, User
from helpdesk.policy.status import Disposition, Priority, Status
from helpdesk.services import mail_choices, people, settings, templates
from helpdesk.services.outbox.told import Told, gather, may_read, name_of
from helpdesk.services.outbox.writing import GENERATED, Envelope, Letter, NotWanted, site_url, write

MOST_TICKETS, MOST_NAMED = 25, 100
MOST_FACTS = 4  # of one ticket
MOST_WORDS = 300  # characters of one message


@dataclass(frozen=True, slots=True)
class Line:
    """One ticket in a digest: the last of its news in `facts`, `earlier` more before them."""

    tag: str
    subject: str
    customer: str
    status: Status
    priority: Priority
    url: str
    facts: tuple[Told, ...]
    earlier: int = 0


def digest(email: EmailMessage) -> Letter:
    """Raises NotWanted when nothing of it is news any more, or nothing that its reader may still see."""
    reader = _reader(email)
    lines = _lines(email, reader) if reader is not None else []
    if reader is None or not lines:
        raise NotWanted("Nothing of it is news any more, or not to whom it was for.")
    choices_url = _choices_url(email)
    rendered = templates.render(
        "digest",
        language=reader.language,
        zone=reader.timezone,
        account=email.account,
        recipient_name=name_of(reader, is_customer=False),
        every=email.payload.get("every"),
        lines=lines[:MOST_TICKETS],
        named=lines[MOST_TICKETS:MOST_NAMED],
        count=len(lines),
        fact_count=sum(len(line.facts) + line.earlier for line in lines),
        desk_name=settings.desk_name(),
        url=site_url("/notifications"),
        profile_url=choices_url or site_url("/profile"),
        is_customer=False,
    )
    to = email.recipients["to"]
    envelope = Envelope(email.account, to, answers_to=to[0])
    return write(envelope, rendered, automatic=GENERATED, unsubscribe=choices_url)


def _choices_url(email: EmailMessage) -> str:
    """Where the reader switches off all that a digest gathers, without signing in."""
    address = people.find_address(email.recipients["to"][0])
    return mail_choices.url(address) if address else ""


def ask_again(email: EmailMessage) -> None:
    """Raises NotWanted for a finished digest whose reader has lost the right to anything it says."""
    reader = _reader(email)
    for ticket, event_ids in _tickets(email):
        if reader is None or not may_read(ticket, reader, event_ids):
            raise NotWanted("Whoever it was for may not read it any more.")


def _reader(email: EmailMessage) -> User | None:
    user_id = email.payload.get("user_id")
    return db.session.get(User, user_id) if isinstance(user_id, int) else None


def _tickets(email: EmailMessage) -> list[tuple[Ticket, list[int]]]:
    """The tickets that are still there, in the order in which they had news, and the events."""
    by_ticket = email.payload.get("tickets")
    pairs = by_ticket.items() if isinstance(by_ticket, dict) else ()
    found = [(db.session.get(Ticket, int(ticket_id)), ids) for ticket_id, ids in pairs]
    return [(t, ids) for t, ids in found if t is not None and t.disposition is Disposition.NORMAL]


def _lines(email: EmailMessage, reader: User) -> list[Line]:
    lines = [_line(ticket, reader, ids) for ticket, ids in _tickets(email)]
    return [line for line in lines if line is not None]


def _line(ticket: Ticket, reader: User, event_ids: list[int]) -> Line | None:
    news = gather(ticket, reader, event_ids, most_words=MOST_WORDS)
    if news is None:
        return None
    return Line(
        settings.tag_of(ticket),
        ticket.subject,
        ticket.requester.shown_name,
        ticket.status,
        ticket.priority,
        site_url(f"/tickets/{ticket.number}"),
        news.facts[-MOST_FACTS:],
        max(len(news.facts) - MOST_FACTS, 0),
    )
