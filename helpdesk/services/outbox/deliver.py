"""Sends what is due for one account, over one connection, with no transaction open while a server thinks.

For each mail: claim the row and commit; make its bytes if it has none yet and commit them; hand it over; write down
what the server said. A process that dies leaves a claim that ends by itself. Once the server has said yes nothing
here sends that mail again: writing it down is repeated on its own, and the event is not worth a second copy.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from helpdesk import storage
from helpdesk.database import claim, db, end_read, transaction, utcnow
from helpdesk.errors import HelpdeskError, PermanentError, TransientError, TransportError
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.models.mail import EmailState
from helpdesk.services import accounts
from helpdesk.services.outbox import bytes as making
from helpdesk.services.outbox import queue, results
from helpdesk.services.outbox.backoff import offline_delay
from helpdesk.services.outbox.lease import SendLease
from helpdesk.services.outbox.results import Outgoing, Verdict
from helpdesk.services.sentences import Sentence, sentence_of_error
from helpdesk.transports.base import Delivery, Sender, UnusableServer

logger = logging.getLogger(__name__)
retry, cancel = queue.retry, queue.cancel
MOST_LOST_CONNECTIONS = 3
REPLY_CODE = re.compile(r"(?:^|: )([45]\d\d)\b", re.MULTILINE)
# Between tries to write down what the server said: a disk that runs full is noticed by people within minutes.
TRIES_WHEN_STOPPING = 3
PAUSES_S = (0.1, 0.5, 1.0, 2.0, *[5.0] * 120)


class LeaseLost(Exception):
    """Another drain has taken the account: this one was away for longer than its lease."""


def drain(
    account_id: int,
    *,
    sender: Sender | None = None,
    should_stop: Callable[[], bool] | None = None,
    deadline: float | None = None,
) -> bool:
    """Send what is due; True when mail that could go now was left (`should_stop`, `deadline` of `time.monotonic`).

    Opens its own transactions. Does nothing while another drain works on the account. `sender` replaces the
    account's own way out, and stays open.
    """
    lease = SendLease(account_id)
    with transaction():
        is_ours = lease.take()
    if not is_ours:
        return False
    try:
        with lease.kept_alive():
            _Run(account_id, lease, sender).work(should_stop, deadline)
    except LeaseLost:
        logger.warning("account=%s another drain has taken over", account_id)
        return False
    finally:
        with transaction():
            lease.release()
    # Asked after the lease is free: who queued a mail just before that was sent away by it.
    is_left = not queue.is_held(account_id) and queue.next_due(account_id, utcnow()) is not None
    end_read()
    return is_left


class _Run:
    """One drain: the lease it works under and the connection it uses."""

    def __init__(self, account_id: int, lease: SendLease, sender: Sender | None) -> None:
        self.account_id = account_id
        self.lease = lease
        self.given = sender
        self.sender = sender
        self.lost_connections = 0
        self.should_stop: Callable[[], bool] = lambda: False
        self.max_attempts: int = current_app.config["EMAIL_MAX_RETRY_ATTEMPTS"]

    def work(self, should_stop: Callable[[], bool] | None, deadline: float | None) -> None:
        self.should_stop = should_stop or self.should_stop
        try:
            if not self._begin():
                return
            while not self.should_stop() and not (deadline and time.monotonic() >= deadline):
                email_id = self._claim_next()
                if email_id is None or not self._attempt(email_id):
                    return
        finally:
            self._hang_up()

    def _begin(self) -> bool:
        """Clear up after a worker that died; False while the account or its server cannot be used."""
        now = utcnow()
        with transaction():
            queue.take_over_expired(self.account_id, now)
            account = db.session.get_one(EmailAccount, self.account_id)
            if not account.is_active:
                queue.fail_due(self.account_id, now, Sentence("This mail account is switched off."))
                return False
            if queue.is_held(self.account_id):
                return False
            away = queue.offline_until(self.account_id)
            if away is not None and away[0] > now:
                reason = Sentence("Waits with the account's other mail for its server.")
                queue.put_off(self.account_id, away[0], away[1], reason=reason, detail="")
                return False
        return True

    def _claim_next(self) -> int | None:
        with transaction():
            if not self.lease.renew():
                raise LeaseLost
            if queue.is_held(self.account_id):
                return None
            now = utcnow()
            while (email := queue.next_due(self.account_id, now)) is not None:
                if claim(
                    EmailMessage,
                    EmailMessage.id == email.id,
                    EmailMessage.state == EmailState.QUEUED,
                    state=EmailState.SENDING,
                    attempts=EmailMessage.attempts + 1,
                    claim=self.lease.token,
                    claimed_until=self.lease.until(),
                ):
                    return email.id
                db.session.expire(email)
        return None

    def _attempt(self, email_id: int) -> bool:
        """Take one claimed mail as far as it gets; False when the account's server cannot be used now."""
        try:
            mail = self._prepare(email_id)
        except making.NotWanted as reason:
            self._write(email_id, results.not_wanted(Sentence(str(reason)), now=utcnow()))
            return True
        except (SQLAlchemyError, LeaseLost):
            raise  # no fault of this mail: its claim ends by itself and another drain tries
        except HelpdeskError as error:
            return self._not_made(email_id, error)
        except Exception as error:
            logger.exception("outgoing=%s could not be made", email_id)
            return self._not_made(email_id, error)
        return self._connect(mail) and self._hand_over(mail)

    def _prepare(self, email_id: int) -> Outgoing:
        """The mail with its bytes; made and kept now if this is the first time."""
        making.ensure(email_id, self.lease.token)
        email = db.session.get_one(EmailMessage, email_id)
        if email.claim != self.lease.token:
            raise LeaseLost
        raw = storage.read(email.raw_sha256 or "")
        mail = Outgoing(
            id=email.id,
            sender=email.from_address,
            envelope_from="" if email.purpose in queue.WITHOUT_SENDER else email.from_address,
            recipients=email.recipients,
            raw=raw,
            attempts=email.attempts,
            uncertain_count=email.uncertain_count,
            failures=queue.failures_of(email.payload),
            unreachable=queue.unreachable_of(email),
        )
        end_read()
        return mail

    def _not_made(self, email_id: int, error: Exception) -> bool:
        reason = sentence_of_error(error, Sentence("The mail could not be made."))
        detail = f"{type(error).__name__}: {error}"
        self._write(email_id, results.given_up(reason, detail, now=utcnow()))
        return True

    def _connect(self, mail: Outgoing) -> bool:
        if self.sender is not None:
            return True
        try:
            account = db.session.get_one(EmailAccount, self.account_id)
            self.sender = accounts.sender_of(account)
        except Exception as error:
            if not isinstance(error, HelpdeskError):
                logger.exception("account=%s no connection could be made", self.account_id)
            end_read()
            self._put_off(mail, error)
            return False
        finally:
            end_read()
        return True

    def _hand_over(self, mail: Outgoing) -> bool:
        assert self.sender is not None
        if not mail.reachable:
            self._conclude(mail, self._after_answer(mail, Delivery("", mail.left_out)))
            return True
        try:
            delivery = self._send(self.sender, mail)
        except Exception as error:
            return self._not_taken(mail, error)
        self.lost_connections = 0
        refused = delivery.refused | mail.left_out
        self._conclude(mail, self._after_answer(mail, Delivery(delivery.response, refused)))
        return True

    def _send(self, sender: Sender, mail: Outgoing) -> Delivery:
        """Some servers let who is signed in send from his own address only: an empty sender is worth a second try."""
        try:
            return sender.send(mail.envelope_from, mail.reachable, mail.raw)
        except UnusableServer:
            raise
        except PermanentError:
            if mail.envelope_from:
                raise
            logger.info("outgoing=%s the server wants a sender", mail.id)
            return sender.send(mail.sender, mail.reachable, mail.raw)

    def _not_taken(self, mail: Outgoing, error: Exception) -> bool:
        if not isinstance(error, TransportError):
            logger.error("outgoing=%s the desk failed while sending", mail.id, exc_info=error)
        if isinstance(error, UnusableServer):
            self._put_off(mail, error)
            return False
        if is_about_connection(error):
            self._hang_up()
            self.lost_connections += 1
            if self.lost_connections >= MOST_LOST_CONNECTIONS:
                self._put_off(mail, error)
                return False
        self._conclude(mail, results.after_error(mail, error, now=utcnow(), max_attempts=self.max_attempts))
        return True

    def _after_answer(self, mail: Outgoing, delivery: Delivery) -> Verdict:
        return results.after_answer(mail, delivery, now=utcnow(), max_attempts=self.max_attempts)

    def _conclude(self, mail: Outgoing, verdict: Verdict) -> None:
        state = verdict.values["state"]
        logger.info("outgoing=%s attempt=%s state=%s", mail.id, mail.attempts, state)
        self._write(mail.id, verdict)

    def _write(self, email_id: int, verdict: Verdict) -> None:
        """Write the verdict down, again and again if need be: what the server took must not be sent twice."""
        tries_when_stopping = TRIES_WHEN_STOPPING
        for number, pause in enumerate((*PAUSES_S, None)):
            try:
                with transaction():
                    self._update(email_id, verdict)
                break
            except SQLAlchemyError as error:
                why = error if number == 0 else None  # the reason once, not a hundred times
                logger.error(
                    "outgoing=%s state=%s not written", email_id, verdict.values["state"], exc_info=why
                )
            tries_when_stopping -= self.should_stop()
            if pause is None or tries_when_stopping < 0:
                logger.critical("outgoing=%s state=%s is lost", email_id, verdict.values["state"])
                return
            time.sleep(pause)
        self._tell(email_id, verdict)

    def _update(self, email_id: int, verdict: Verdict) -> None:
        """Only while the row is ours; but what was sent is sent, though it took too long and waits to be repeated."""
        mine = EmailMessage.claim == self.lease.token
        if verdict.values["state"] is EmailState.SENT:
            mine |= EmailMessage.state.in_([EmailState.QUEUED, EmailState.UNCERTAIN])
        if not claim(EmailMessage, EmailMessage.id == email_id, mine, **verdict.values):
            logger.warning("outgoing=%s was taken over: %s is not written", email_id, verdict.values["state"])

    def _tell(self, email_id: int, verdict: Verdict) -> None:
        if not verdict.event:
            return
        try:
            with transaction():
                queue.record_event(verdict.event, db.session.get_one(EmailMessage, email_id))
        except Exception:
            logger.exception("outgoing=%s event %s is missing", email_id, verdict.event)

    def _put_off(self, mail: Outgoing, error: Exception) -> None:
        """The account's server cannot be used: one try was enough for all that waits."""
        reason = sentence_of_error(error, Sentence("The mail server cannot be used."))
        detail = str(getattr(error, "detail", ""))
        logger.warning("account=%s sending is put off: %s %s", self.account_id, reason, detail)
        now = utcnow()
        with transaction():
            away = queue.offline_until(self.account_id)
            failures = 1 + max(mail.failures, away[1] if away else 0)
            mine = (EmailMessage.id == mail.id, EmailMessage.claim == self.lease.token)
            claim(
                EmailMessage, *mine, state=EmailState.QUEUED, attempts=mail.attempts - 1, claim=None,
                claimed_until=None, due_at=now,
            )  # fmt: skip
            db.session.expire_all()
            until = now + offline_delay(failures)
            queue.put_off(self.account_id, until, failures, reason=reason, detail=detail)

    def _hang_up(self) -> None:
        if self.sender is not None and self.sender is not self.given:
            self.sender.close()
            self.sender = None


def is_about_connection(error: Exception) -> bool:
    """Whether the line broke or the server goes away (421), rather than that it minded this mail."""
    if not isinstance(error, TransientError):
        return not isinstance(error, TransportError)
    codes = REPLY_CODE.findall(error.detail)
    return not codes or "421" in codes
