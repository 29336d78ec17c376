"""Mail from a sender somebody has blocked: kept in a tray of its own, never a ticket, never answered."""

from __future__ import annotations

from helpdesk.mail.authentication import Verdict as Authenticity
from helpdesk.mail.headers import is_address
from helpdesk.models.mail import EmailState
from helpdesk.models.trays import Tray
from helpdesk.policy.senders import Verdict
from helpdesk.services import senders
from helpdesk.services.ingest.delivery import Delivery, Outcome
from helpdesk.services.ingest.trace import Sentence

MOST_CLAIMED = 5


def refuse(mail: Delivery) -> Outcome | None:
    """What becomes of a blocked sender's mail, whatever it answers; None for everybody else.

    Notes on the mail when its sender is let in always, unless his domain disowns it. Whoever is blocked is so under each name a mail claims: two
    senders in one From are no way around it.
    """
    if mail.is_forced or not mail.own.has_rules:
        return None
    account_id = mail.own.owner(mail.reading.parsed, mail.email.account_id)
    claimed = [each.email for each in mail.reading.parsed.claimed_from[:MOST_CLAIMED]]
    for email in dict.fromkeys([mail.reading.claimed.email, *claimed]):
        rule = senders.rule_for(email, account_id) if is_address(email) else None
        if rule is None:
            continue
        if rule.verdict is Verdict.BLOCK:
            reason = Sentence("Its sender is blocked: %(pattern)s.", pattern=rule.pattern)
            return Outcome(EmailState.IGNORED, reason, tray=Tray.BLOCKED)
        is_his = mail.reading.author is not None and mail.authentication.verdict is not Authenticity.FAIL
        mail.is_let_in = is_his
        mail.trace.tell(
            "sender", "Its sender is always let in: %(pattern)s.", pattern=rule.pattern, counted=is_his
        )
    return None
