"""Works off what was received, mail by mail, until nothing is left; one bad mail never undoes its neighbours.

Per mail: read the bytes, take them apart and stage its files with no transaction open; then one transaction in which
the ticket or comment comes into being and the row gets its last word, provided the row is still ours. What fails is
rolled back, counted, and tried again later; after five times it is `failed`, for a person to look at.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from helpdesk import storage
from helpdesk.database import db, end_read, transaction, utcnow
from helpdesk.errors import HelpdeskError, InvalidInput
from helpdesk.models import EmailMessage
from helpdesk.models.mail import EmailState
from helpdesk.models.trays import Tray
from helpdesk.services import attachments, events, settings
from helpdesk.services.attachments import StagedFile
from helpdesk.services.ingest import claims, own
from helpdesk.services.ingest.apply import apply
from helpdesk.services.ingest.claims import Claim, ClaimLost
from helpdesk.services.ingest.delivery import Delivery, Outcome
from helpdesk.services.ingest.explain import Explanation, explain
from helpdesk.services.ingest.reading import PARSE_S, Reading, read
from helpdesk.services.ingest.shelving import KEY, TRAY_OF, discard, retry
from helpdesk.services.outbox.queue import hash_of
from helpdesk.services.sentences import Sentence, reason_columns

__all__ = ["Explanation", "Summary", "discard", "drain", "explain", "is_waiting", "retry", "wait_until_done"]
logger = logging.getLogger(__name__)
BACKOFF = timedelta(minutes=1)
RACES = (InvalidInput, DBAPIError)  # two workers met; the second try finds what the first one made
is_waiting = claims.is_waiting


PATIENCE_S = 5.0  # how long a drain with nothing else to do stays for a mail that waits for another worker
LOOK_S = 0.05
WAITS = Sentence("The mail this one answers is still being worked on.")


class Waits(Exception):
    """The mail answers one that another worker has in hand: this one's turn comes after it."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(str(WAITS))
        self.pause = pause


class Postponed(Exception):
    """The desk, not the mail, is in trouble: the attempt does not count."""


@dataclass
class Summary:
    """What a drain did. True in itself when work was left that could go on now."""

    outcomes: Counter[EmailState] = field(default_factory=Counter)
    errors: int = 0
    more: bool = False
    email_ids: list[int] = field(default_factory=list)
    waiting_ids: set[int] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many were put back because they answer a mail that is not done yet."""
        return len(self.waiting_ids)

    @property
    def created(self) -> int:
        return self.outcomes[EmailState.OPENED]

    @property
    def updated(self) -> int:
        return self.outcomes[EmailState.APPENDED]

    @property
    def others(self) -> dict[str, int]:
        """The remaining words, counted: duplicate, ignored, bounced, held."""
        named = (EmailState.OPENED, EmailState.APPENDED)
        return {state.value: count for state, count in self.outcomes.items() if state not in named}

    def __bool__(self) -> bool:
        return self.more


def drain(
    *,
    should_stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
    limit: int | None = None,
    backoff: timedelta = BACKOFF,
    patience_s: float = PATIENCE_S,
) -> Summary:
    """Process what waits, at most `limit` mails. `deadline` is a `time.monotonic()`. Opens its own transactions.

    `backoff` times the number of attempts is how long a mail that failed is left alone; `patience_s` is how long to
    stay for an answer to a mail that another worker has in hand.
    """
    with transaction():
        settings.instance_id()
    worker = _Worker(backoff, patience_s)

    def is_over() -> bool:
        return bool((should_stop and should_stop()) or (deadline and time.monotonic() >= deadline))

    tried_first = False
    while not is_over() and (limit is None or worker.count < limit):
        most = claims.BATCH if limit is None else limit - worker.count
        claim = claims.take(most, tried_first=tried_first)
        if claim is None:
            if not worker.is_patient():
                return worker.summary
            time.sleep(LOOK_S)
            continue
        tried_first = not tried_first
        worker.work_off(claim, is_over)
    worker.summary.more = claims.is_waiting()
    end_read()
    return worker.summary


class _Worker:
    """One drain: what it knows of the desk, and what it did."""

    def __init__(self, backoff: timedelta, patience_s: float = PATIENCE_S) -> None:
        self.backoff = backoff
        self.patience_s = patience_s
        self.patient_until: float | None = None
        self.summary = Summary()
        self.count = 0

    def is_patient(self) -> bool:
        """Whether it is worth staying: a mail waits for one that another worker will have done in a moment."""
        return bool(self.summary.waiting_ids) and time.monotonic() < (self.patient_until or 0)

    def work_off(self, claim: Claim, is_over: Callable[[], bool]) -> None:
        try:
            self._work_off(claim, is_over)
        except SQLAlchemyError:  # no fault of these mails: they must not run out of attempts
            with contextlib.suppress(SQLAlchemyError):
                claim.give_back()
            raise

    def _work_off(self, claim: Claim, is_over: Callable[[], bool]) -> None:
        self.own = own.load()
        for position, email_id in enumerate(claim.email_ids):
            if position and is_over():
                claim.give_back()
                return
            claim.renew()
            self.count += 1
            self.summary.email_ids.append(email_id)
            self._work(email_id, claim.token)

    def _work(self, email_id: int, token: str) -> None:
        reading: Reading | None = None
        try:
            reading = self._read(email_id)
            outcome = self._finish(email_id, token, reading, _stage(reading))
        except ClaimLost:
            logger.warning("incoming=%s was taken over by another worker", email_id)
        except Waits as other:
            self._wait(email_id, token, other.pause)
        except Exception as error:
            self._failed(email_id, token, reading, error)
        else:
            self.summary.waiting_ids.discard(email_id)
            self.summary.outcomes[outcome.state] += 1
            logger.info(
                "incoming=%s ticket=%s outcome=%s", email_id, outcome.ticket_tag or "-", outcome.state
            )

    def _read(self, email_id: int) -> Reading:
        columns = (EmailMessage.raw_sha256, EmailMessage.is_partial, EmailMessage.attempts)
        email = db.session.execute(select(*columns).where(EmailMessage.id == email_id)).one()
        raw = storage.read(email.raw_sha256 or "")
        end_read()
        # Whatever it is that kept it from being read four times: its source is a ticket too.
        is_last_try = email.attempts >= claims.MAX_ATTEMPTS
        return read(raw, is_partial=email.is_partial, budget_s=0 if is_last_try else PARSE_S)

    def _finish(self, email_id: int, token: str, reading: Reading, files: list[StagedFile]) -> Outcome:
        for is_last in (False, True):
            try:
                with transaction():
                    email = db.session.get_one(EmailMessage, email_id)
                    pause = claims.wait_for(email, [hash_of(m) for m in reading.evidence.foreign], utcnow())
                    if pause is not None:
                        raise Waits(pause)
                    count = len(reading.parsed.files)
                    mail = Delivery(email, reading, self.own, files[:count], files[count:])
                    outcome = apply(mail)
                    claims.finish(email_id, token, **_final(outcome, mail))
                return outcome
            except RACES:
                if is_last:
                    raise
        raise AssertionError("unreachable")

    def _wait(self, email_id: int, token: str, pause: timedelta) -> None:
        """Let the other mail go first; the attempt does not count."""
        self.count -= 1
        self.summary.waiting_ids.add(email_id)
        if self.patient_until is None and pause == claims.SOON:
            self.patient_until = time.monotonic() + self.patience_s
        wait = claims.SOON if self.is_patient() else claims.LATER
        with transaction():
            email = db.session.get_one(EmailMessage, email_id)
            payload = {claims.WAITS_SINCE: utcnow().isoformat()} | email.payload
            claims.put_back(
                email_id, token, wait=wait, counts=False, payload=payload, **reason_columns(WAITS)
            )

    def _failed(self, email_id: int, token: str, reading: Reading | None, error: Exception) -> None:
        """Write down what went wrong, in a transaction of its own; if even that fails the claim ends by itself."""
        counts = not isinstance(error, Postponed | OperationalError)
        cause = error.__cause__ if isinstance(error, Postponed) and error.__cause__ else error
        reason = Sentence("The desk failed on this mail.")
        if isinstance(cause, HelpdeskError):
            reason = Sentence(cause.template, **cause.params)
        logger.error("incoming=%s failed: %s", email_id, reason, exc_info=cause)
        self.summary.errors += 1
        values = _headers(reading) | reason_columns(reason)
        values["detail"] = f"{type(cause).__name__}: {cause}"[:5000]
        with transaction():
            attempts = claims.attempts_of(email_id)
            if reading is not None:  # should a person discard it, no rescan shall bring it back
                _remember(email_id, reading)
            if counts and attempts >= claims.MAX_ATTEMPTS:
                claims.finish(email_id, token, state=EmailState.FAILED, tray=Tray.FAILED, **values)
                events.record("email.failed", actor=None, email_id=email_id, reason="error")
            else:
                wait = self.backoff * max(attempts, 1)
                claims.put_back(email_id, token, wait=wait, counts=counts, **values)


def _stage(reading: Reading) -> list[StagedFile]:
    try:
        return attachments.stage([*reading.parsed.files, *reading.inner_files])
    except storage.StorageError as error:
        raise Postponed from error


def _headers(reading: Reading | None) -> dict[str, object]:
    if reading is None:
        return {}
    claimed = reading.claimed
    return {
        "message_id": reading.parsed.message_id[:998],
        "message_id_hash": hash_of(reading.parsed.message_id),
        "from_address": claimed.email[:320],
        "from_name": claimed.name[:255],
        "subject": reading.parsed.subject[:998],
    }


def _remember(email_id: int, reading: Reading) -> None:
    email = db.session.get_one(EmailMessage, email_id)
    email.payload = email.payload | {KEY: [reading.message_key, reading.body_digest]}
    db.session.flush()


def _final(outcome: Outcome, mail: Delivery) -> dict[str, object]:
    return (
        _headers(mail.reading)
        | reason_columns(outcome.reason)
        | {
            "state": outcome.state,
            "tray": outcome.tray or _tray_of(outcome, mail),
            "detail": "",
            "ticket_id": outcome.ticket_id,
            "comment_id": outcome.comment_id,
            "trace": mail.trace.steps,
        }
    )


def _tray_of(outcome: Outcome, mail: Delivery) -> Tray | None:
    """What of an archive becomes no ticket waits for nobody, nor does what is noted on a ticket."""
    is_noted = outcome.ticket_id is not None or mail.is_imported
    if is_noted and outcome.state is EmailState.IGNORED:
        return None
    return TRAY_OF.get(outcome.state)


def wait_until_done(email_ids: Sequence[int], *, seconds: float) -> None:
    """Stay while another worker has one of these mails in hand, at most so long."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at and claims.is_any_in_hand(email_ids):
        end_read()
        time.sleep(LOOK_S)
    end_read()
