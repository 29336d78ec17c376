"""What would become of a mail, and why: the real thing, done in a transaction that is then undone."""

from __future__ import annotations

from dataclasses import dataclass, field

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import HelpdeskError
from helpdesk.models import EmailMessage, Ticket
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services import settings
from helpdesk.services.ingest import own
from helpdesk.services.ingest.apply import apply
from helpdesk.services.ingest.delivery import Delivery
from helpdesk.services.ingest.reading import Reading, read
from helpdesk.services.ingest.story import as_text


@dataclass(frozen=True, slots=True)
class Explanation:
    """The word a mail would end in, and the steps that lead there. `ticket` is the number of a known one, as shown."""

    outcome: EmailState
    reason: str = ""
    subject: str = ""
    sender: str = ""
    ticket: str = ""
    files: tuple[str, ...] = ()
    steps: tuple[dict[str, object], ...] = field(default_factory=tuple)

    def __str__(self) -> str:
        lines = [f"{self.sender}: {self.subject}"]
        lines += [f"  {line}" for line in as_text(self.steps)]
        lines += [f"  file: {name}" for name in self.files]
        return "\n".join(lines)


class _Undo(Exception):
    """Ends the transaction without a trace."""


def explain(account_id: int, raw: bytes, *, is_partial: bool = False) -> Explanation:
    """Say what would happen to this mail on this account; nothing is kept and nobody is told."""
    with transaction():  # it stays, so that the id this process remembers is the one that is stored
        settings.instance_id()
    reading = read(raw, is_partial=is_partial)
    ours = own.load()
    found: list[Explanation] = []
    try:
        with transaction():
            found.append(_rehearse(account_id, reading, ours))
            raise _Undo
    except _Undo:
        return found[0]
    except HelpdeskError as error:
        return Explanation(EmailState.FAILED, error.user_message, reading.parsed.subject)


def _rehearse(account_id: int, reading: Reading, ours: own.OwnAddresses) -> Explanation:
    email = EmailMessage(
        account_id=account_id, direction=Direction.IN, state=EmailState.PROCESSING, created_at=utcnow(),
        payload={}, trace=[],
    )  # fmt: skip
    db.session.add(email)
    db.session.flush()
    mail = Delivery(email, reading, ours)
    outcome = apply(mail)
    ticket = db.session.get(Ticket, outcome.ticket_id) if outcome.ticket_id else None
    is_known = ticket is not None and outcome.state is not EmailState.OPENED
    claimed = reading.claimed
    return Explanation(
        outcome=outcome.state,
        reason=str(outcome.reason),
        subject=reading.parsed.subject,
        sender=f"{claimed.name} <{claimed.email}>".strip(),
        ticket=settings.tag_of(ticket) if ticket is not None and is_known else "",
        files=tuple(file.filename for file in reading.parsed.files),
        steps=tuple(mail.trace.steps),
    )
