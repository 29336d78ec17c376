"""Writes down what the server said of a mail, whatever the database does meanwhile: what it took must not be sent twice.

Usually in one transaction with taking the next mail, which `run` opens. When that fails, the verdict is written alone,
again and again if need be, and then what tells of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from helpdesk.database import claim, transaction
from helpdesk.models import EmailMessage
from helpdesk.models.mail import EmailState
from helpdesk.services import events
from helpdesk.services.outbox import failing
from helpdesk.services.outbox.claims import Claimed
from helpdesk.services.outbox.results import Verdict

logger = logging.getLogger(__name__)
# Between tries to write down what the server said: a disk that runs full is noticed by people within minutes.
TRIES_WHEN_STOPPING = 3
PAUSES_S = (0.1, 0.5, 1.0, 2.0, *[5.0] * 120)


@dataclass(frozen=True, slots=True)
class Settled:
    """A mail that was in hand and what became of it."""

    mail: Claimed
    account_id: int
    verdict: Verdict

    @property
    def state(self) -> EmailState:
        return EmailState(str(self.verdict.values["state"]))


def write(settled: Settled, token: str, failing_since: datetime | None) -> None:
    """Within a transaction: the verdict, the event that tells of it, and that the account can send again."""
    if _update(settled, token):
        _record(settled)
    if failing_since is not None and settled.verdict.was_taken:
        failing.end(settled.account_id)


def write_alone(settled: Settled, token: str, should_stop: Callable[[], bool]) -> None:
    """Opens its own transactions. What cannot be written in the end is repeated as a mail nobody answered to."""
    tries_when_stopping = TRIES_WHEN_STOPPING
    mail_id, state = settled.mail.id, settled.state
    for number, pause in enumerate((*PAUSES_S, None)):
        try:
            with transaction():
                is_news = _update(settled, token)
            break
        except SQLAlchemyError as error:
            why = error if number == 0 else None  # the reason once, not a hundred times
            logger.error("outgoing=%s state=%s not written", mail_id, state, exc_info=why)
        tries_when_stopping -= should_stop()
        if pause is None or tries_when_stopping < 0:
            logger.critical("outgoing=%s state=%s is lost", mail_id, state)
            return
        time.sleep(pause)
    try:
        if is_news:
            with transaction():
                _record(settled)
    except Exception:
        logger.exception("outgoing=%s event %s is missing", mail_id, settled.verdict.event)


def _update(settled: Settled, token: str) -> bool:
    """Only while the row is ours; but what was sent is sent, though it took too long and waits to be repeated.

    False when nothing was written: another drain has it in hand and will tell, or it was written by a commit that only
    seemed to fail.
    """
    mine = EmailMessage.claim == token
    if settled.state is EmailState.SENT:
        mine |= EmailMessage.state.in_([EmailState.QUEUED, EmailState.UNCERTAIN])
    if claim(EmailMessage, EmailMessage.id == settled.mail.id, mine, **settled.verdict.values):
        return True
    logger.warning("outgoing=%s is no longer in hand: %s is not written", settled.mail.id, settled.state)
    return False


def _record(settled: Settled) -> None:
    if not settled.verdict.event:
        return
    mail = settled.mail
    events.record(
        settled.verdict.event, actor=None, ticket_id=mail.ticket_id, comment_id=mail.comment_id, email_id=mail.id,
        account_id=settled.account_id, purpose=mail.purpose, attempts=mail.attempts,
    )  # fmt: skip
