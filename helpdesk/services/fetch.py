"""Takes new mail from an account's server: stored and committed first, only then marked as read there.

What is read is decided by what was taken before, never by flags, dates or order; only the very first fetch looks at
them, so that switching on does not import ten years. `fetch_run.py` does the reading, `fetch_places.py` says where.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from helpdesk.database import claim, db, end_read, transaction, utcnow
from helpdesk.errors import HelpdeskError, NotFound, PermanentError
from helpdesk.models import EmailAccount
from helpdesk.services import accounts, fetch_health
from helpdesk.services.fetch_lease import FetchLease, LeaseLost
from helpdesk.services.fetch_places import places_of
from helpdesk.services.fetch_run import Place, Run
from helpdesk.services.ingest.explain import Explanation, explain
from helpdesk.services.ingest.trace import Sentence
from helpdesk.services.lease import longest
from helpdesk.transports.base import Maildrop, Source

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What one look at an account gave. `error` and `note` are sentences; true in itself when another look is due."""

    found: int = 0
    taken: int = 0
    known: int = 0
    error: str = ""
    note: str = ""
    more: bool = False
    email_ids: tuple[int, ...] = ()  # the rows of what was taken

    def __bool__(self) -> bool:
        return self.more


def fetch_account(
    account_id: int,
    *,
    source: Source | Maildrop | None = None,
    limit: int | None = None,
    folder: str | None = None,
    force: bool = False,
    should_stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> FetchResult:
    """Store what is new on the account's server, in batches, until nothing is left or `limit` mails were taken.

    Never raises for a server's fault: see `FetchResult.error`. `force` looks although fetching is paused, or the
    account waits after a failure. `source` replaces the account's own and stays open. `deadline` is a `time.monotonic()`. Opens its own
    transactions. Raises NotFound for an unknown account.
    """
    account = _load(account_id)
    refusal = _refusal(account, force)
    if refusal is not None:
        return refusal
    lease = FetchLease(account_id)
    try:
        with transaction():
            seen = {} if folder else {"is_fetch_wanted": False}
            log_id = fetch_health.begin(account_id, utcnow()) if lease.take(**seen) else None
    except OperationalError as error:  # full or busy: nothing was begun, and the next look tries again
        logger.error("account=%s fetching could not begin", account_id, exc_info=error)
        return FetchResult(error=str(fetch_health.in_words(error)[0]))
    if log_id is None:
        return FetchResult(note="Another fetch of this account is going on.")
    run = Run(account, lease, limit)
    try:
        with lease.kept_alive(), _connected(account, source) as connection:
            _read_all(run, places_of(account, lease, connection, folder), should_stop, deadline)
    except LeaseLost:
        return _lost(run, log_id)
    except Exception as error:
        return _failed(run, log_id, error)
    with transaction():
        fetch_health.succeed(
            lease, log_id, found=run.found, taken=run.taken, known=run.known, warning=run.warning
        )
    logger.info("account=%s found=%s taken=%s known=%s", account_id, run.found, run.taken, run.known)
    more = run.is_more or _is_wanted(account_id)
    return FetchResult(run.found, run.taken, run.known, more=more, email_ids=tuple(run.email_ids))


def want(account_id: int) -> None:
    """Within a transaction: note that there is mail to fetch, before anybody is woken for it.

    A fetch that begins takes the note as its own; one that ends and finds it looks again, since who was woken
    meanwhile found the account busy and left. Without Redis the note makes the account due.
    """
    claim(EmailAccount, EmailAccount.id == account_id, is_fetch_wanted=True)


def _is_wanted(account_id: int) -> bool:
    is_wanted = db.session.scalar(select(EmailAccount.is_fetch_wanted).where(EmailAccount.id == account_id))
    end_read()
    return bool(is_wanted)


@contextmanager
def _connected(account: EmailAccount, given: Source | Maildrop | None) -> Iterator[Source | Maildrop]:
    connection = given or accounts.source_of(account)
    try:
        yield connection
    finally:
        if connection is not given:
            connection.close()


def _read_all(
    run: Run,
    places: list[Place],
    should_stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> None:
    """Read one place after the other. One that is not there, or not to be read, stops none of the others."""
    failure: PermanentError | None = None
    for place in places:
        try:
            run.work(place, should_stop, deadline)
        except PermanentError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def has_server(account: EmailAccount) -> bool:
    """Whether there is anything to fetch from: the environment may name a server for sending alone."""
    return account.incoming_protocol == "maildir" or bool(account.incoming_host)


def accounts_to_fetch(*, force: bool = False) -> list[EmailAccount]:
    """Every account mail is fetched for, in order; with `force` those whose fetching is paused as well."""
    rows = select(EmailAccount).where(EmailAccount.is_active).order_by(EmailAccount.id)
    return [
        account
        for account in db.session.scalars(rows)
        if account.is_fetching or (force and has_server(account))
    ]


def due_accounts() -> list[int]:
    """The accounts that should be looked at now: their time has come and nobody is at it."""
    now = utcnow()
    return [account.id for account in accounts_to_fetch() if _is_due(account, now)]


def _is_due(account: EmailAccount, now: datetime) -> bool:
    """A moment further away than anything ever waits was written before a clock was set back: it counts as past."""
    lease_s: int = current_app.config["CLAIM_SECONDS"]
    waits_for = [
        (account.fetch_lease_until, longest(lease_s)),
        (account.fetch_again_at, fetch_health.DELAYS[-1]),
    ]
    if account.last_fetch_at is not None and account.fetch_again_at is None and not account.is_fetch_wanted:
        interval = timedelta(seconds=account.poll_frequency_s)
        waits_for.append((account.last_fetch_at + interval, interval))
    return all(at is None or at <= now or at > now + longest for at, longest in waits_for)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a fetch would take, and what would become of each mail. `found` may be more than was looked at."""

    found: int
    mails: list[Explanation]


def preview(
    account_id: int,
    *,
    source: Source | Maildrop | None = None,
    limit: int | None = None,
    folder: str | None = None,
) -> Preview:
    """Look at the account's server and say what would happen; changes nothing here or there. Raises TransportError."""
    account = _load(account_id)
    most = max(account.max_mails_per_poll, 1) if limit is None else limit
    max_bytes = current_app.config["EMAIL_MAX_MESSAGE_SIZE"]
    found = 0
    raws: list[bytes] = []
    with _connected(account, source) as connection:
        for place in places_of(account, FetchLease(account_id), connection, folder):
            place.plan()
            found += len(place.pending)
            numbers = place.pending[: most - len(raws)]
            raws += [mail.raw for mail in place.fetch(numbers, max_bytes=max_bytes)]
    return Preview(found, [explain(account_id, raw) for raw in raws])


def first_look(account: EmailAccount) -> int:
    """How many mails an account that is not saved yet would begin with; changes nothing. Raises TransportError."""
    with _connected(account, None) as connection:
        places = places_of(account, FetchLease(0), connection)
        for place in places:
            place.plan()
    return sum(len(place.pending) for place in places)


def _load(account_id: int) -> EmailAccount:
    """The account as plain values, without a transaction left open."""
    account = db.session.get(EmailAccount, account_id, populate_existing=True)
    if account is None:
        raise NotFound("There is no such mail account.")
    db.session.expunge(account)
    end_read()
    return account


def _refusal(account: EmailAccount, force: bool) -> FetchResult | None:
    if not account.is_active or not (force or account.is_fetching):
        return FetchResult(note="Fetching is switched off for this account.")
    if not has_server(account):
        return FetchResult(note="This account names no server to fetch from.")
    now, again_at = utcnow(), account.fetch_again_at
    if not force and again_at is not None and now < again_at <= now + fetch_health.DELAYS[-1]:
        again = f"{again_at:%H:%M:%S} UTC"
        return FetchResult(error=f"{account.last_error} The server is asked again at {again}.")
    return None


def _lost(run: Run, log_id: int) -> FetchResult:
    logger.warning("account=%s another fetch has taken over", run.account.id)
    note = Sentence("Another fetch of this account has taken over.")
    with transaction():
        fetch_health.give_up(log_id, note, found=run.found, taken=run.taken, known=run.known)
    return FetchResult(run.found, run.taken, run.known, note=str(note), email_ids=tuple(run.email_ids))


def _failed(run: Run, log_id: int, error: Exception) -> FetchResult:
    sentence, detail = fetch_health.in_words(error)
    if isinstance(error, HelpdeskError):
        logger.warning("account=%s fetching failed: %s %s", run.account.id, sentence, detail)
    else:
        logger.error("account=%s fetching failed", run.account.id, exc_info=error)
    try:
        with transaction():
            fetch_health.fail(run.lease, log_id, error, found=run.found, taken=run.taken, known=run.known)
    except Exception:  # the database itself is away: the lease ends by itself
        logger.exception("account=%s the failure could not be noted", run.account.id)
    return FetchResult(run.found, run.taken, run.known, error=str(sentence), email_ids=tuple(run.email_ids))
