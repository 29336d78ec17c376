"""Complaints about spam, as large providers send them: what kind, about which mail, from whose mailbox. Source: RFC 5965."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from helpdesk.mail.charset import decode
from helpdesk.mail.headers import is_address, message_ids
from helpdesk.mail.mime import read_header
from helpdesk.mail.types import ParsedEmail

MAX_READ = 64 * 1024
MOST = 20
FEEDBACK = "message/feedback-report"
RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
# What is no complaint of a reader: he took it back, or a server tells how it checked (RFC 6591).
HARMLESS = ("not-spam", "auth-failure")
_RECIPIENTS = ("original-rcpt-to", "removal-recipient")
_ID = re.compile(rb"(?im)^(?:original-)?message-id:[ \t]*(<[^\s<>]{1,998}>)")


@dataclass(frozen=True, slots=True)
class Complaint:
    """`kind` in lower case, "" when the report does not say. `message_ids` name the mail, `recipients` who got it: both
    only from what was given back, and either may be empty, since providers black out what could tell who complained."""

    kind: str
    recipients: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()

    @property
    def is_serious(self) -> bool:
        """Whether somebody did not want the mail."""
        return self.kind not in HARMLESS


def read_complaint(parsed: ParsedEmail) -> Complaint | None:
    """The complaint a report is, None for any other mail."""
    reports = [file.data[:MAX_READ] for file in parsed.files if file.content_type == FEEDBACK]
    if not parsed.is_report or not (reports or "feedback-report" in parsed.header("Content-Type").lower()):
        return None
    fields = [field for report in reports for field in _fields(report)]
    kinds = [value.strip().lower() for name, value in fields if name == "feedback-type"]
    people = [value.strip().strip("<>").strip() for name, value in fields if name in _RECIPIENTS]
    return Complaint(
        kind=next(iter(kinds), "")[:32],
        recipients=tuple(dict.fromkeys(one for one in people if is_address(one)))[:MOST],
        message_ids=tuple(dict.fromkeys(_named(parsed)))[:MOST],
    )


def _fields(data: bytes) -> Iterator[tuple[str, str]]:
    for name, value in read_header(data)[0]:
        yield name.lower(), decode(value)


def _named(parsed: ParsedEmail) -> Iterator[str]:
    """Ids in the header of what was given back, then in the report itself; never what the report says it answers."""
    for file in parsed.files:
        if file.content_type in RETURNED:
            for name, value in _fields(file.data[:MAX_READ]):
                if name == "message-id":
                    yield from message_ids(value)
    for file in parsed.files:
        if file.content_type == FEEDBACK:
            yield from message_ids(
                " ".join(each.decode("ascii", "replace") for each in _ID.findall(file.data[:MAX_READ]))
            )
