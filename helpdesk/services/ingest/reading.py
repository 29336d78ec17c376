"""What the bytes of a mail say, read once and outside any transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from flask import current_app

from helpdesk.mail import authentication, classify, forwarded, parse, quotes, thread, witness
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.mail.mime import read_header
from helpdesk.mail.types import Address, Automatic, MailFile, ParsedEmail, SplitText
from helpdesk.services import keys, settings
from helpdesk.services.outbox.queue import hash_of

PARSE_S = 20.0  # for taking one mail apart; an ordinary one takes milliseconds, one of 35 MB a second or two
MEGABYTE = 1024 * 1024
MOST_GIVEN_BACK = 3
THREAD_KEYS = "message-id"
UNVERIFIED_EMAIL = "no-reply@unverified-sender.invalid"  # nobody's, by RFC 2606; nothing is ever sent there
UNVERIFIED_NAME = "Unverified sender"


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail read: what it says, what it answers, and what tells it from every other mail."""

    parsed: ParsedEmail
    split: SplitText
    evidence: thread.Evidence
    message_key: str
    body_digest: str
    second_opinion: str = ""
    is_partial: bool = False
    looks_forwarded: bool = False
    forwarded: forwarded.Forwarded | None = None  # the mail inside, when it could be read
    given_back: tuple[str, ...] = ()  # the words of mails a machine's mail holds
    results: tuple[
        authentication.Result, ...
    ] = ()  # of mail servers about the author, as `mail/authentication.py` reads them

    @property
    def author(self) -> Address | None:
        """Who wrote it; None when that cannot be told, or when no mail could ever go there."""
        author = self.parsed.author
        if author is None or not is_address(author.email):
            return None
        return None if normalise_address(author.email) == UNVERIFIED_EMAIL else author

    @property
    def claimed(self) -> Address:
        """Who it says wrote it: to be shown and counted, never to be trusted."""
        return self.author or next(iter(self.parsed.claimed_from), Address(""))

    @property
    def full_text(self) -> str:
        return self.parsed.text + self._remark()

    @property
    def visible_text(self) -> str:
        """What the author newly wrote; everything when nothing would be left."""
        return ((self.split.visible.strip() and self.split.visible) or self.parsed.text) + self._remark()

    @property
    def every_text(self) -> tuple[str, ...]:
        """All it says, also what a report gives back of the mail it is about."""
        return (self.parsed.text, self.parsed.html, *self.given_back)

    @property
    def inner_files(self) -> tuple[MailFile, ...]:
        """Those of a mail that was forwarded whole, which are no files of the mail itself."""
        is_attached = self.forwarded is not None and self.forwarded.is_attached
        return self.forwarded.files if self.forwarded is not None and is_attached else ()

    def _remark(self) -> str:
        if not self.is_partial:
            return ""
        limit = current_app.config["EMAIL_MAX_MESSAGE_SIZE"] // MEGABYTE
        return f"\n\n[This mail is larger than {limit} MB: only its beginning was stored. The whole mail is still on the mail server.]"


def read(
    raw: bytes,
    *,
    is_partial: bool = False,
    budget_s: float = PARSE_S,
    clock: Callable[[], float] = time.monotonic,
) -> Reading:
    """Take a mail apart. Needs `settings.instance_id()` to exist already.

    One that takes longer than `budget_s` is made its header, its first words and its source: still a ticket, and the
    worker goes on.
    """
    ends_at = clock() + budget_s

    def is_late() -> bool:
        return clock() >= ends_at

    parsed = parse.parse(raw, is_late=is_late)
    inner = None if is_late() else forwarded.read_forwarded(parsed, partial(parse.parse, is_late=is_late))
    split = (
        SplitText(parsed.text)
        if is_late()
        else quotes.split_reply(parsed.text, parsed.html, subject=parsed.subject)
    )
    return Reading(
        parsed=parsed,
        split=split,
        second_opinion=witness.describe_difference(parsed.text, split.visible) if split.quoted else "",
        evidence=thread.evidence(
            parsed,
            keys=keys.accepted_keys(THREAD_KEYS),
            instance=settings.instance_id(),
            formats=settings.number_formats(),
        ),
        message_key=hash_of(classify.message_key(parsed, raw)),
        body_digest=classify.body_digest(parsed),
        is_partial=is_partial or parsed.is_partial,
        looks_forwarded=forwarded.looks_forwarded(parsed),
        forwarded=inner,
        given_back=() if is_late() else tuple(_given_back(parsed, is_late)),
        results=authentication.topmost_results(read_header(raw)[0]),
    )


def _given_back(parsed: ParsedEmail, is_late: Callable[[], bool]) -> Iterator[str]:
    """A person attaches what he may show; a mail server gives back whatever it could not deliver."""
    if parsed.bounce is None and not parsed.is_report and parsed.automatic is Automatic.NO:
        return
    mails = [file for file in parsed.files if file.content_type.startswith("message/")]
    for file in mails[:MOST_GIVEN_BACK]:
        inner = parse.parse(file.data, is_late=is_late)
        yield from (inner.text, inner.html)
