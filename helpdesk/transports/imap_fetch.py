"""Reading mails by IMAP so that neither a vanished, a huge nor a broken one stops the others.

1. Sizes and arrival dates first, so that nothing too large is ever asked for whole.
2. Bodies in batches bounded by number and bytes; a batch the server refuses is asked for again one by one.
3. A mail the server names but does not hand over is reported as such (`FetchedMail.problem`), provided the server does
   hand over others: else it is the server that fails, and all is tried again later.
"""

from __future__ import annotations

import imaplib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from helpdesk.errors import TransientError
from helpdesk.transports.base import FetchedMail
from helpdesk.transports.imap_partial import header_of, partial_of
from helpdesk.transports.imap_session import NONSENSE, ImapSession, is_passing, said

logger = logging.getLogger(__name__)

BATCH_MAILS = 25
BATCH_BYTES = 8 * 1024 * 1024
DESCRIBED_AT_ONCE = 200
PROBES = 3


@dataclass(frozen=True, slots=True)
class _Described:
    size: int
    arrived: datetime | None


class Fetching:
    """One run of `ImapSource.fetch`."""

    def __init__(self, session: ImapSession, max_bytes: int) -> None:
        self._session = session
        self._client = session.client
        self._max_bytes = max_bytes

    def mails(self, uids: Sequence[int]) -> Iterator[FetchedMail]:
        """Yield what exists of `uids`, which ascend."""
        for start in range(0, len(uids), DESCRIBED_AT_ONCE):
            described = self._describe(uids[start : start + DESCRIBED_AT_ONCE])
            for batch in batches({uid: mail.size for uid, mail in described.items()}, self._max_bytes):
                if described[batch[0]].size > self._max_bytes:
                    yield from self._in_part(batch[0], described)
                else:
                    yield from self._whole(batch, described)

    def _describe(self, uids: Sequence[int]) -> dict[int, _Described]:
        """Size and arrival of each mail that exists; one the server cannot describe counts as empty."""
        answers, refusals = self._ask(uids, "RFC822.SIZE", "INTERNALDATE")
        described = {
            uid: _Described(answer[b"RFC822.SIZE"], _in_utc(answer.get(b"INTERNALDATE")))
            for uid, answer in answers.items()
        }
        described |= {uid: _Described(0, None) for uid in refusals}
        return dict(sorted(described.items()))

    def _whole(self, uids: Sequence[int], described: Mapping[int, _Described]) -> Iterator[FetchedMail]:
        answers, refusals = self._ask(uids, "BODY.PEEK[]")
        empty = [uid for uid in answers if not answers[uid][b"BODY[]"] and described[uid].size]
        for uid in empty:
            del answers[uid]
            refusals[uid] = "an empty answer"
        self._session.has_handed_over |= bool(answers)
        for uid in uids:
            mail = described[uid]
            if uid in answers:
                yield FetchedMail(uid, answers.pop(uid)[b"BODY[]"], mail.size, mail.arrived)
            elif uid in refusals:
                yield self._refused(uid, described, refusals[uid])

    def _in_part(self, uid: int, described: Mapping[int, _Described]) -> Iterator[FetchedMail]:
        problem = ""
        with self._session.guarded_batch():
            try:
                raw = partial_of(self._client, uid)
            except (OSError, imaplib.IMAP4.abort):
                raise
            except (imaplib.IMAP4.error, *NONSENSE) as error:
                raw, problem = None, said(error) if self._session.existing([uid]) else ""
        if problem:
            yield self._refused(uid, described, problem)
        elif raw is not None:
            mail = described[uid]
            yield FetchedMail(uid, raw, mail.size, mail.arrived, is_partial=True)

    def _refused(self, uid: int, described: Mapping[int, _Described], problem: str) -> FetchedMail:
        """Raises TransientError when the server hands over nothing at all."""
        server = self._session.server
        if not self._hands_over([other for other in described if other != uid]):
            raise TransientError(
                "%(host)s does not hand over the mails it names.", detail=problem, host=server.host
            )
        logger.warning("imap host=%s uid=%s not handed over: %s", server.host, uid, problem)
        with self._session.guarded_batch():
            raw = header_of(self._client, uid, problem)
        mail = described[uid]
        return FetchedMail(uid, raw, mail.size, mail.arrived, is_partial=True, problem=problem)

    def _hands_over(self, others: Sequence[int]) -> bool:
        """Whether it gave a mail by this connection, or gives the first byte of another one now."""
        if not self._session.has_handed_over:
            for uid in [*others[:PROBES], *others[-PROBES:]]:
                with self._session.guarded_batch():
                    answer, _ = self._ask_for_one(uid, ("BODY.PEEK[]<0.1>",))
                if answer is not None and answer[b"BODY[]<0>"]:
                    self._session.has_handed_over = True
                    break
        return self._session.has_handed_over

    def _ask(self, uids: Sequence[int], *items: str) -> tuple[dict[int, dict[bytes, Any]], dict[int, str]]:
        """FETCH all at once, and what failed again one by one: answers, and what the server said instead of some."""
        answers: dict[int, dict[bytes, Any]] = {}
        refusals: dict[int, str] = {}
        with self._session.guarded_batch():
            try:
                found = self._client.fetch(uids, items)
            except (OSError, imaplib.IMAP4.abort):
                raise
            except (imaplib.IMAP4.error, *NONSENSE):
                found = {}
            answers = {uid: answer for uid, answer in found.items() if _is_complete(answer, items[0])}
            missing = self._session.existing([uid for uid in uids if uid not in answers])
        for uid in missing:
            with self._session.guarded_batch():
                answer, refusal = self._ask_for_one(uid, items)
            if answer is not None:
                answers[uid] = answer
            elif refusal:
                refusals[uid] = refusal
        return answers, refusals

    def _ask_for_one(self, uid: int, items: Sequence[str]) -> tuple[dict[bytes, Any] | None, str]:
        try:
            answer = self._client.fetch([uid], items).get(uid)
        except (OSError, imaplib.IMAP4.abort):
            raise
        except (imaplib.IMAP4.error, *NONSENSE) as error:
            if is_passing(error):
                raise
            return None, said(error) or type(error).__name__
        if answer is None:
            return None, "" if not self._session.existing([uid]) else "no answer"
        return (answer, "") if _is_complete(answer, items[0]) else (None, "an empty answer")


def batches(sizes: Mapping[int, int], max_bytes: int) -> Iterator[list[int]]:
    """Group UIDs so that no group is large in number or bytes; a mail larger than `max_bytes` stands alone."""
    batch: list[int] = []
    weight = 0
    for uid, size in sizes.items():
        if batch and (len(batch) == BATCH_MAILS or weight + size > BATCH_BYTES or size > max_bytes):
            yield batch
            batch, weight = [], 0
        batch.append(uid)
        weight += size
        if size > max_bytes:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _in_utc(arrived: object) -> datetime | None:
    return arrived.astimezone(UTC) if isinstance(arrived, datetime) and arrived.tzinfo else None


def _is_complete(answer: Mapping[bytes, Any], item: str) -> bool:
    """Unasked-for FETCH answers hold flags only; a body that is NIL is none."""
    value = answer.get(b"RFC822.SIZE" if item == "RFC822.SIZE" else _answer_name(item))
    return isinstance(value, int if item == "RFC822.SIZE" else bytes)


def _answer_name(item: str) -> bytes:
    """`BODY.PEEK[]<0.1>` is answered as `BODY[]<0>` (RFC 9051 7.5.2)."""
    return item.replace(".PEEK", "").replace("<0.1>", "<0>").encode()
