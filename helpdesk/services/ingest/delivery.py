"""The values of the way through: one mail in work, and the word it ends in."""

from __future__ import annotations

from dataclasses import dataclass, field

from helpdesk.mail.authentication import Authentication
from helpdesk.models import EmailMessage
from helpdesk.models.mail import EmailState
from helpdesk.models.trays import Tray
from helpdesk.services.attachments import StagedFile
from helpdesk.services.ingest.own import OwnAddresses
from helpdesk.services.ingest.reading import Reading
from helpdesk.services.ingest.trace import Sentence, Trace

NOTHING = Sentence()
IMPORTED = "is_imported"  # in `payload`: taken over from an archive
HOLDS_LINK = "holds_link"  # in `payload`: a copy of a mail of ours that signs its reader in
FORCED = "is_forced"  # in `payload`: a person said that this mail shall be taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """The final word for a mail. `reason` is a sentence for a person, empty when the state says it all."""

    state: EmailState
    reason: Sentence = NOTHING
    ticket_id: int | None = None
    comment_id: int | None = None
    ticket_tag: str = ""  # as people write the number, for the log
    tray: Tray | None = None  # where it lies, when that is not where its state would put it


@dataclass
class Delivery:
    """One mail on its way through: its row, what it says, and what is known so far."""

    email: EmailMessage
    reading: Reading
    own: OwnAddresses
    files: list[StagedFile] = field(default_factory=list)
    inner_files: list[StagedFile] = field(default_factory=list)  # of a mail forwarded whole
    trace: Trace = field(default_factory=Trace)
    authentication: Authentication = field(default_factory=Authentication)
    is_let_in: bool = False  # somebody has said that this sender's mail is wanted

    @property
    def is_forced(self) -> bool:
        return bool(self.email.payload.get(FORCED))

    @property
    def is_imported(self) -> bool:
        return bool(self.email.payload.get(IMPORTED))
