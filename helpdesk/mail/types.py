"""The values mail is made of. All frozen; all text is clean: valid Unicode (NFC), no NUL, no surrogates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of RFC 5322 3.4: `email` as written with a lower-cased domain, `name` decoded, "" when absent."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class MailFile:
    """A part that is not body text. `filename` is safe to show and to save under; `content_id` without brackets."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)
    content_id: str = ""
    is_inline: bool = False

    @property
    def size(self) -> int:
        return len(self.data)


class Automatic(StrEnum):
    """What kind of machine wrote a mail (RFC 3834 and custom of the field)."""

    NO = "no"
    REPLY = "reply"  # vacation answers and their kin: never reopens, never answered
    BULK = "bulk"  # lists and newsletters: a ticket, but never answered
    GENERATED = "generated"  # alarms and forms: a ticket, but never answered


class ParticularKind(StrEnum):
    """What a mail may hold besides words and files that a reader wants to know at a glance."""

    EVENT = "event"  # an invitation, its answer or its cancellation; the calendar file is among the files
    SIGNED = "signed"  # nobody has checked the signature
    ENCRYPTED = "encrypted"  # only the recipient's own mail program can read it; kept as a file


@dataclass(frozen=True, slots=True)
class Particular:
    """One such thing as plain values, ready to be stored as JSON.

    Times are ISO 8601: a date alone for whole days, without an offset where the sender left the zone open, else UTC.

    - event: `method` (request, cancel, reply, publish), `summary`, `start`, `end` (of whole days the last one), `zone`
      as the sender calls it, `place`, `organizer`, `attendee` and `answer` (accepted, declined, tentative) of a reply,
      `repeats` (daily, weekly, monthly, yearly, otherwise) with `every`, `times` and `until`, `file`
    - signed: `way` (smime, pgp), `by` as the signature itself says
    - encrypted: `way` (smime, pgp), `file`
    """

    kind: ParticularKind
    facts: tuple[tuple[str, str], ...] = ()

    def fact(self, name: str) -> str:
        """Empty when nothing is known about it."""
        return dict(self.facts).get(name, "")

    def plain(self) -> dict[str, str]:
        return {"kind": self.kind.value} | dict(self.facts)


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """One recipient block of a delivery status notification (RFC 3464 2.3)."""

    recipient: str
    action: str
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report: every recipient it names and the id of the mail it is about, "" when it names none."""

    recipients: tuple[BouncedRecipient, ...]
    original_message_id: str = ""


@dataclass(frozen=True, slots=True)
class ParsedEmail:
    """One mail, read. Ids stand without angle brackets; header order is kept in `headers` (decoded, cleaned).

    `author` is None for an unverified sender: no From, several, or one other software would read differently.
    `text` is the whole body as plain text (from the HTML when there is no usable plain part), `html` the HTML body
    uncleaned, "" when there is none. `problems` names what was damaged, in words for the decision trace.
    """

    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    author: Address | None
    claimed_from: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    delivered_to: tuple[str, ...]
    return_path: str | None
    date: datetime | None
    text: str
    html: str
    files: tuple[MailFile, ...]
    headers: tuple[tuple[str, str], ...]
    automatic: Automatic
    automatic_because: str
    bounce: Bounce | None
    is_report: bool
    received_count: int
    problems: tuple[str, ...] = ()
    is_partial: bool = False
    particulars: tuple[Particular, ...] = ()

    def header(self, name: str) -> str:
        """The first header field of that name, "" when there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class SplitText:
    """A body split at its quoted history: `visible` is what the sender newly wrote, `quoted` what was cut."""

    visible: str
    quoted: str = ""
