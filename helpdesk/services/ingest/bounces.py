"""A delivery report is never a ticket: it tells the outgoing mail it is about that it did not arrive.

Only what this desk gave to a mail it sent (`returned`) links a report to that mail, and only whom that mail was sent to can be
called unreachable by it: nobody else's address can be silenced by a forged report. What cannot be linked goes into the
tray of undeliverable mail. However many reports tell the same of one mail, it is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.types import Bounce, BouncedRecipient
from helpdesk.models import EmailMessage, Event, Ticket
from helpdesk.models.mail import EmailState
from helpdesk.models.trays import Tray
from helpdesk.services import events
from helpdesk.services.ingest import returned
from helpdesk.services.ingest.delivery import Delivery, Outcome
from helpdesk.services.ingest.trace import Sentence
from helpdesk.services.outbox import unreachable

WENT_OUT = (EmailState.SENT, EmailState.UNCERTAIN, EmailState.BOUNCED)
WENT_TO_SOME = (EmailState.QUEUED, EmailState.FAILED)  # where a server has said yes for others
NOT_FINAL = ("delayed", "delivered", "relayed", "expanded")
MAX_WORDS = 1000


def record(bounce: Bounce, mail: Delivery) -> Outcome:
    """Link the report to the mail it names and note what it says. Temporary trouble changes nothing on that mail."""
    words = "; ".join(map(_words, bounce.recipients))
    sent = returned.find_sent(mail, [bounce.original_message_id])
    sent = returned.last_sent(sent, [r.recipient for r in bounce.recipients])
    if sent is None:
        mail.trace.tell("bounce", "A delivery report about no mail this desk knows.")
        return Outcome(EmailState.BOUNCED, _report_of(words), tray=Tray.UNDELIVERABLE)
    mail.trace.tell(
        "bounce",
        "A delivery report about mail %(number)d.",
        number=sent.id,
        email_id=sent.id,
        ticket_id=sent.ticket_id,
    )
    failed = [r for r in bounce.recipients if _is_final(r)]
    is_final = bool(failed) and _went_out(sent)
    if is_final:
        lost = _lost(sent, failed)
        was_well = sent.state in (EmailState.SENT, EmailState.UNCERTAIN)
        is_news = was_well or not set(lost) <= _refused(sent)
        if is_news:
            _mark(sent, failed, lost, words)
        _note_unreachable(sent, lost, mail)
    else:
        is_news = not failed and not _was_told(sent, "email.delayed")
    if is_news:
        _tell("email.bounced" if is_final else "email.delayed", sent, bounce, mail)
    reason = Sentence("Not delivered: %(words)s", words=words[:MAX_WORDS]) if is_final else _report_of(words)
    return Outcome(EmailState.BOUNCED, reason, sent.ticket_id)


def _went_out(sent: EmailMessage) -> bool:
    """Held until the commit: what still waits for others of its people may be taken to be sent just now."""
    db.session.refresh(sent, with_for_update=True)
    if sent.state in WENT_TO_SOME:
        return bool(sent.recipients.get("accepted"))
    return sent.state in WENT_OUT


def _refused(sent: EmailMessage) -> set[str]:
    return set(sent.recipients.get("refused", ()))


def _was_told(sent: EmailMessage, type_: str) -> bool:
    same = select(Event.id).where(Event.email_id == sent.id, Event.type == type_)
    return db.session.scalar(same.limit(1)) is not None


def _tell(type_: str, sent: EmailMessage, bounce: Bounce, mail: Delivery) -> None:
    ticket = db.session.get(Ticket, sent.ticket_id) if sent.ticket_id else None
    events.record(
        type_, actor=None, ticket=ticket, comment_id=sent.comment_id, email_id=sent.id,
        account_id=sent.account_id, report_id=mail.email.id, purpose=sent.purpose,
        statuses=[r.status for r in bounce.recipients][:20],
    )  # fmt: skip


def _words(found: BouncedRecipient) -> str:
    return f"{found.recipient}: {found.diagnostic or found.status or found.action}"


def _is_final(found: BouncedRecipient) -> bool:
    return found.action == "failed" or (found.status.startswith("5") and found.action not in NOT_FINAL)


def _lost(sent: EmailMessage, failed: Sequence[BouncedRecipient]) -> dict[str, BouncedRecipient]:
    """Whom of the mail's own recipients it did not reach.

    A mail to one person was forwarded when the report names another; of one that was sent once more to others it
    cannot be told whose it was.
    """
    reached = {normalise_address(a): a for a in sent.addressed}
    is_his_alone = len(returned.everybody(sent)) == 1
    found: dict[str, BouncedRecipient] = {}
    for report in failed:
        address = reached.get(normalise_address(report.recipient))
        if address is None and is_his_alone:
            address = next(iter(reached.values()))
        if address is not None:
            found.setdefault(address, report)
    return found


def _mark(
    sent: EmailMessage, failed: Sequence[BouncedRecipient], lost: Mapping[str, BouncedRecipient], words: str
) -> None:
    """Whoever sends it again sends it to those it did not reach. What waits for others goes on waiting."""
    accepted = [a for a in sent.recipients.get("accepted", ()) if a not in lost]
    refused = list(dict.fromkeys([*sent.recipients.get("refused", ()), *lost]))
    people = [r.recipient for r in failed]
    if sent.state is not EmailState.QUEUED:
        people = refused if sent.state is EmailState.FAILED else people
        words = f"{sent.detail}\n{words}" if sent.state is EmailState.FAILED else words
        sent.state = EmailState.BOUNCED
        sent.reason = "Not delivered to %(recipients)s."
        sent.reason_params = {"recipients": ", ".join(people)[:MAX_WORDS]}
        sent.detail = words[:5000]
    envelope = sent.recipients | {"accepted": accepted, "refused": refused}
    sent.recipients = {name: addresses for name, addresses in envelope.items() if addresses}


def _note_unreachable(sent: EmailMessage, lost: Mapping[str, BouncedRecipient], mail: Delivery) -> None:
    for address, report in lost.items():
        status = unreachable.precise_status(report.status, report.diagnostic)
        if status.startswith("4"):
            continue
        words = report.diagnostic or status
        if unreachable.note(address, status=status, words=words, email_id=sent.id):
            mail.trace.tell("bounce", "Nothing is sent to %(email)s any more.", email=address)


def _report_of(words: str) -> Sentence:
    if not words:
        return Sentence("Delivery report.")
    return Sentence("Delivery report: %(words)s", words=words[:MAX_WORDS])
