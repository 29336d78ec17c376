"""Why a mail ended where it did, as its pages draw it: in the reader's language, with the tickets he may see."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from helpdesk.models import EmailMessage, Ticket
from helpdesk.services import access
from helpdesk.services.ingest import story
from helpdesk.services.ingest.story import Part
from helpdesk.web.access import viewer
from helpdesk.web.filters import said

TITLES = {
    Part.FOUND: _l("What was found"),
    Part.DECIDED: _l("What decided"),
    Part.FOLLOWED: _l("What followed"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One sentence; `ticket` is the one it speaks of, unless the sentence names it or the reader may not see it."""

    text: str
    counted: bool | None
    ticket: Ticket | None


def parts_of(email: EmailMessage) -> list[tuple[str, str, list[Shown]]]:
    """(name, title, sentences) of each part, empty for a mail without a trace."""
    told = story.tell(email.trace)
    ids = [line.ticket_id for part, lines in told if part is Part.FOUND for line in lines if line.ticket_id]
    tickets = access.visible_by_id(viewer(), ids)
    return [
        (
            part.value,
            str(TITLES[part]),
            [
                Shown(
                    said(line.sentence),
                    line.counted,
                    tickets.get(line.ticket_id or 0) if part is Part.FOUND else None,
                )
                for line in lines
            ],
        )
        for part, lines in told
    ]
