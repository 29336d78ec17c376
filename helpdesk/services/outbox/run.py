"""One drain's work over one connection, with no transaction open while a server thinks.

For each mail: take the row and commit; make its bytes if it has none yet and commit them; hand it over; write down what
the server said, and take the next row with it. A process that dies leaves a claim that ends by itself. Once the server
has said yes nothing here sends that mail again.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import datetime

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from helpdesk.database import claim, db, end_read, hold, transaction, utcnow
from helpdesk.errors import HelpdeskError, PermanentError, TransientError, TransportError
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.models.mail import EmailState
from helpdesk.services import accounts
from helpdesk.services.outbox import bytes as making
from helpdesk.services.outbox import claims, failing, queue, results, settling
from helpdesk.services.outbox.backoff import FURTHEST_OFFLINE, offline_delay
from helpdesk.services.outbox.claims import Claimed
from helpdesk.services.outbox.lease import SendLease, give_back_expired
from helpdesk.services.outbox.results import Outgoing, Verdict
from helpdesk.services.outbox.settling import Settled
from helpdesk.services.sentences import Sentence, sentence_of_error
from helpdesk.transports.base import Delivery, Sender, UnusableServer

logger = logging.getLogger(__name__)
MOST_LOST_CONNECTIONS = 3
REPLY_CODE = re.compile(r"(?:^|: )([45]\d\d)\b", re.MULTILINE)


class LeaseLost(Exception):
    """Another drain has taken the connection: this one was away for longer than its lease."""


class Run:
    """The lease a drain works under and the connection it uses; `given` replaces the account's own and stays open."""

    def __init__(
        self,
        lease: SendLease,
        given: Sender | None,
        should_stop: Callable[[], bool] | None,
        deadline: float | None,
    ) -> None:
        self.account_id = lease.account_id
        self.lease = lease
        self.given = given
        self.sender = given
        self.lost_connections = 0
        self.wants_sender = False
        self.is_one_too_many = False  # the server takes mail, but not over this connection
        self.should_stop = should_stop or (lambda: False)
        self.deadline = deadline
        self.max_attempts: int = current_app.config["EMAIL_MAX_RETRY_ATTEMPTS"]

    def work(self) -> None:
        """Send what is due until there is no more, the time is up, or the server cannot be used. Raises LeaseLost."""
        try:
            if not self._begin():
                return
            mail = self._first()
            while mail is not None:
                settled = self._attempt(mail)
                mail = self._next(settled) if settled is not None else None
        finally:
            self._hang_up()

    def _begin(self) -> bool:
        """Clear up after a worker that died; False while the account or its server cannot be used."""
        now = utcnow()
        with transaction():
            queue.take_over_expired(self.account_id, now)
            give_back_expired(self.account_id, now)
            account = db.session.get_one(EmailAccount, self.account_id)
            if not account.is_active:
                queue.fail_due(self.account_id, now, Sentence("This mail account is switched off."))
                return False
            if queue.is_held(self.account_id):
                return False
            away = queue.offline_until(self.account_id)
            if away is not None and away[0] > now + FURTHEST_OFFLINE:
                queue.try_now(self.account_id)
            elif away is not None and away[0] > now:
                reason = Sentence("Waits with the account's other mail for its server.")
                queue.put_off(self.account_id, away[0], away[1], reason=reason, detail="")
                return False
        return True

    # taking the next, writing down the last

    def is_over(self) -> bool:
        """Whether there is no more time for another mail."""
        return self.should_stop() or (self.deadline is not None and time.monotonic() >= self.deadline)

    def _first(self) -> Claimed | None:
        return None if self.is_over() else self._take(None)

    def _next(self, settled: Settled) -> Claimed | None:
        """Write down what became of the last mail and take the next, both at once unless the database fails."""
        is_over = self.is_over()
        try:
            return self._take(settled, is_last=is_over)
        except LeaseLost:
            raise
        except Exception as error:
            logger.warning("outgoing=%s is settled by itself: %s", settled.mail.id, error)
        settling.write_alone(settled, self.lease.token, self.should_stop)
        return None if is_over else self._take(None, unless_taken_after=settled.mail.id)

    def _take(
        self, settled: Settled | None, *, is_last: bool = False, unless_taken_after: int = 0
    ) -> Claimed | None:
        """`unless_taken_after` that mail, when nobody knows whether the taking was committed."""
        mail = None
        with transaction():
            standing = self.lease.standing()
            if standing is not None and standing.asks_account:
                hold(EmailAccount.id, self.account_id)  # before the mail, as the thread does that renews both
            if settled is not None:
                since = standing.failing_since if standing else None
                settling.write(settled, self.lease.token, since)
            if standing is not None and not is_last:
                before = unless_taken_after
                mail = claims.in_hand(self.lease, besides=before) if before else None
                mail = mail or claims.take_next(self.lease, standing, utcnow())
        if standing is None:
            raise LeaseLost
        return mail

    # one mail

    def _attempt(self, mail: Claimed) -> Settled | None:
        """Take one claimed mail as far as it gets; None when the account's server cannot be used now."""
        try:
            outgoing = self._prepare(mail)
        except making.NotWanted as reason:
            return self._settled(mail, results.not_wanted(Sentence(str(reason)), now=utcnow()))
        except (SQLAlchemyError, LeaseLost):
            raise  # no fault of this mail: its claim ends by itself and another drain tries
        except HelpdeskError as error:
            return self._not_made(mail, error)
        except Exception as error:
            logger.exception("outgoing=%s could not be made", mail.id)
            return self._not_made(mail, error)
        return self._hand_over(mail, outgoing) if self._connect(mail) else None

    def _prepare(self, mail: Claimed) -> Outgoing:
        """The mail with its bytes; made and kept now if this is the first time."""
        raw = making.ensure(mail, self.lease.token)
        if raw is None:
            raise LeaseLost
        unreachable = queue.unreachable_of(mail)
        end_read()
        return Outgoing(
            id=mail.id,
            sender=mail.from_address,
            envelope_from="" if mail.purpose in queue.WITHOUT_SENDER else mail.from_address,
            recipients=mail.recipients,
            raw=raw,
            attempts=mail.attempts,
            uncertain_count=mail.uncertain_count,
            unreachable=unreachable,
            detail=mail.detail,
        )

    def _not_made(self, mail: Claimed, error: Exception) -> Settled:
        reason = sentence_of_error(error, Sentence("The mail could not be made."))
        detail = f"{type(error).__name__}: {error}"
        return self._settled(mail, results.given_up(reason, detail, now=utcnow()))

    def _settled(self, mail: Claimed, verdict: Verdict) -> Settled:
        logger.info("outgoing=%s attempt=%s state=%s", mail.id, mail.attempts, verdict.values["state"])
        return Settled(mail, self.account_id, verdict)

    def _connect(self, mail: Claimed) -> bool:
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

    def _hand_over(self, mail: Claimed, outgoing: Outgoing) -> Settled | None:
        assert self.sender is not None
        at = {"max_attempts": self.max_attempts}
        if not outgoing.reachable:
            delivery = Delivery("", outgoing.left_out)
            return self._settled(mail, results.after_answer(outgoing, delivery, now=utcnow(), **at))
        try:
            delivery = self._send(self.sender, outgoing)
        except Exception as error:
            if not self._goes_on(mail, error):
                return None
            return self._settled(mail, results.after_error(outgoing, error, now=utcnow(), **at))
        self.lost_connections = 0
        delivery = Delivery(delivery.response, delivery.refused | outgoing.left_out)
        return self._settled(mail, results.after_answer(outgoing, delivery, now=utcnow(), **at))

    def _send(self, sender: Sender, mail: Outgoing) -> Delivery:
        """Some servers let who is signed in send from his own address only: an empty sender is worth a second try, and
        once it was the sender that was minded none over this connection has an empty one."""
        from_ = mail.sender if self.wants_sender else mail.envelope_from
        try:
            return sender.send(from_, mail.reachable, mail.raw)
        except UnusableServer:
            raise
        except PermanentError:
            if from_:
                raise
        delivery = sender.send(mail.sender, mail.reachable, mail.raw)
        logger.info("outgoing=%s the server wants a sender", mail.id)
        self.wants_sender = True
        return delivery

    def _goes_on(self, mail: Claimed, error: Exception) -> bool:
        """Whether the next mail is worth trying after this error; if not, everything has been put off."""
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
        return True

    def _put_off(self, mail: Claimed, error: Exception) -> None:
        """The account's server cannot be used: one try was enough for all that waits.

        But while others send over it, it only wants no further connection: what they do not send is put off by the last.
        """
        reason = sentence_of_error(error, Sentence("The mail server cannot be used."))
        detail = str(getattr(error, "detail", ""))
        now = utcnow()
        with transaction():
            hold(EmailAccount.id, self.account_id)
            until, failures = self._look_again(mail, now)
            mine = (EmailMessage.id == mail.id, EmailMessage.claim == self.lease.token)
            claim(
                EmailMessage, *mine, state=EmailState.QUEUED, attempts=mail.attempts - 1, claim=None,
                claimed_until=None, due_at=now, handed_at=None,
            )  # fmt: skip
            if claims.are_in_hand(self.account_id, now):
                self.is_one_too_many = True
                logger.info("account=%s a connection is left to the others: %s", self.account_id, detail)
                return
            db.session.expire_all()
            queue.put_off(self.account_id, until, failures, reason=reason, detail=detail)
            failing.begin(self.account_id, now, reason, detail)
        logger.warning("account=%s sending is put off: %s %s", self.account_id, reason, detail)

    def _look_again(self, mail: Claimed, now: datetime) -> tuple[datetime, int]:
        """When the server is tried again, and how often it has failed. Several connections that fail fail once."""
        away = queue.offline_until(self.account_id)
        if away is not None and away[0] > now:
            return away
        failures = 1 + max(queue.failures_of(mail.payload), away[1] if away else 0)
        return now + offline_delay(failures), failures

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
