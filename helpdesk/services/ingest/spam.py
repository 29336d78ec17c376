"""Whether a new matter is spam, by the word of the mail server in front of the desk and as far as the account believes it.

Spam is a ticket like any other, only put away: found in its view, told to nobody, answered by nothing, and restored by
one click. An answer on a ticket is heard in any case: a customer's words are never lost to a filter.
"""

from __future__ import annotations

from helpdesk.mail.spam import SpamVerdict, read_verdict
from helpdesk.models import EmailAccount
from helpdesk.models.trays import SpamCheck
from helpdesk.policy.status import Disposition
from helpdesk.services.ingest.delivery import Delivery
from helpdesk.services.ingest.trace import Sentence


def judge(mail: Delivery, account: EmailAccount) -> Disposition:
    """Where a ticket made of this mail goes; said in the trace when the header has an opinion."""
    reason = _reason(mail, account)
    if reason is None:
        return Disposition.NORMAL
    is_spam = not mail.is_forced and not mail.is_let_in
    mail.trace.tell_sentence("spam", reason, counted=is_spam)
    return Disposition.SPAM if is_spam else Disposition.NORMAL


def mention(mail: Delivery, account: EmailAccount) -> None:
    """Say in the trace that an answer was called spam, and heard all the same."""
    reason = _reason(mail, account)
    if reason is not None:
        mail.trace.tell_sentence("spam", reason, counted=False)


def _reason(mail: Delivery, account: EmailAccount) -> Sentence | None:
    if account.spam_check is SpamCheck.OFF:
        return None
    verdict = read_verdict(mail.reading.parsed.headers)
    if account.spam_check is SpamCheck.SCORE and verdict.score is not None:
        return _by_score(verdict, verdict.score, account.spam_score)
    return (
        Sentence("The mail server calls it spam (%(header)s).", header=verdict.by)
        if verdict.is_spam
        else None
    )


def _by_score(verdict: SpamVerdict, score: float, limit: float) -> Sentence | None:
    if score < limit:
        return None
    return Sentence(
        "The mail server gives it %(score)s points for spam (%(header)s); %(limit)s are enough here.",
        score=f"{score:g}", limit=f"{limit:g}", header=verdict.scored_by,
    )  # fmt: skip
