"""Stand-ins for mail servers, for faults no real server shows on demand. They implement the protocols of `transports`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from helpdesk.errors import PermanentError
from helpdesk.transports.base import Delivery, FetchedMail, FolderState
from helpdesk.transports.partial import partial_from_beginning


@dataclass
class FakeMail:
    """One mail on the pretended server; `is_gone`: SEARCH still names it, FETCH does not find it."""

    raw: bytes
    internal_date: datetime = field(default_factory=lambda: datetime.now(UTC))
    is_seen: bool = False
    is_gone: bool = False


class FakeSource:
    """A mailbox in memory that outlives connections: `close` and further use make no difference.

    `fail["fetch"] = TransientError(...)` makes each call of that name raise, `fail_once` only the next one;
    `break_after = n` lets fetching raise `fail["body"]` after n mails were yielded. `calls` lists what was asked.
    """

    def __init__(self, *raws: bytes, folder: str = "INBOX", uidvalidity: int = 1):
        self.folder = folder
        self.uidvalidity = uidvalidity
        self.mails: dict[int, FakeMail] = {}
        self.elsewhere: dict[str, list[bytes]] = {}  # what was moved or copied, by folder
        self.next_uid = 1
        self.fail: dict[str, Exception] = {}
        self.fail_once: dict[str, Exception] = {}
        self.break_after: int | None = None
        self.calls: list[tuple] = []
        for raw in raws:
            self.add(raw)

    def add(self, raw: bytes, **values) -> int:
        """Let a mail arrive; returns its UID."""
        uid, self.next_uid = self.next_uid, self.next_uid + 1
        self.mails[uid] = FakeMail(raw, **values)
        return uid

    def renumber(self) -> None:
        """A new UIDVALIDITY: the same mails under new UIDs."""
        self.uidvalidity += 1
        self.mails = dict(enumerate(self.mails.values(), start=1))
        self.next_uid = len(self.mails) + 1

    def _called(self, name: str, *arguments) -> None:
        self.calls.append((name, *arguments))
        error = self.fail_once.pop(name, None) or self.fail.get(name)
        if error is not None:
            raise error

    def open_folder(self, folder: str) -> FolderState:
        self._called("open_folder", folder)
        if folder != self.folder:
            raise PermanentError("There is no folder %(folder)s in this mailbox.", folder=folder)
        return FolderState(self.uidvalidity, self.next_uid)

    def uids_after(self, last_uid: int) -> list[int]:
        self._called("uids_after", last_uid)
        return [uid for uid in self.mails if uid > last_uid]

    def uids_since(self, day: date, *, unseen_only: bool) -> list[int]:
        self._called("uids_since", day, unseen_only)
        return [
            uid
            for uid, mail in self.mails.items()
            if mail.internal_date.date() >= day and not (unseen_only and mail.is_seen)
        ]

    def fetch(self, uids: Sequence[int], *, max_bytes: int) -> Iterator[FetchedMail]:
        self._called("fetch", tuple(uids))
        there = [uid for uid in uids if uid in self.mails and not self.mails[uid].is_gone]
        for count, uid in enumerate(there):
            if count == self.break_after:
                raise self.fail["body"]
            yield self._fetched(uid, max_bytes)

    def _fetched(self, uid: int, max_bytes: int) -> FetchedMail:
        mail = self.mails[uid]
        is_partial = len(mail.raw) > max_bytes
        raw = partial_from_beginning(mail.raw) if is_partial else mail.raw
        return FetchedMail(uid, raw, len(mail.raw), mail.internal_date, is_partial)

    def mark_seen(self, uids: Sequence[int]) -> None:
        self._called("mark_seen", tuple(uids))
        for uid in uids:
            if uid in self.mails:
                self.mails[uid].is_seen = True

    can_move = True

    def move(self, uids: Sequence[int], folder: str) -> None:
        self._called("move", tuple(uids), folder)
        for uid in uids:
            if uid in self.mails:
                self.elsewhere.setdefault(folder, []).append(self.mails.pop(uid).raw)

    def copy(self, uids: Sequence[int], folder: str) -> None:
        self._called("copy", tuple(uids), folder)
        there = [self.mails[uid].raw for uid in uids if uid in self.mails]
        self.elsewhere.setdefault(folder, []).extend(there)

    def delete(self, uids: Sequence[int]) -> None:
        self._called("delete", tuple(uids))
        for uid in uids:
            self.mails.pop(uid, None)

    def folders(self) -> list[str]:
        self._called("folders")
        return [self.folder, *self.elsewhere]

    def close(self) -> None:
        self.calls.append(("close",))


@dataclass(frozen=True)
class Sent:
    """What a sender was handed."""

    envelope_from: str
    recipients: tuple[str, ...]
    raw: bytes


class FakeSender:
    """Keeps what it takes in `sent`. `outcomes` says what the next calls do: a Delivery, an exception, None for yes."""

    def __init__(self, *outcomes: Delivery | Exception | None):
        self.outcomes = list(outcomes)
        self.sent: list[Sent] = []
        self.attempts: list[Sent] = []
        self.closed = 0

    def send(self, envelope_from: str, recipients: Sequence[str], raw: bytes) -> Delivery:
        message = Sent(envelope_from, tuple(recipients), raw)
        self.attempts.append(message)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        self.sent.append(message)
        return outcome or Delivery(response="250 2.0.0 taken", refused={})

    def close(self) -> None:
        self.closed += 1
