"""What proves who wrote a mail: the word of the account's own server about the sender's domain, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from helpdesk.mail.authentication import Verdict, authenticate
from helpdesk.services.ingest.delivery import Delivery
from helpdesk.services.ingest.trace import Sentence, Step

STEP = "authentication"


def judge(mail: Delivery) -> None:
    """Read the verdict as the account that received the mail believes it; kept on the mail's row, told in its trace."""
    reading, email = mail.reading, mail.email
    domain = reading.author.email.rpartition("@")[2] if reading.author else None
    found = authenticate(reading.results, email.account.trusted_authserv_id, domain)
    mail.authentication = found
    email.dmarc = found.verdict
    email.thread_index = reading.evidence.thread_index
    if found.server and not found.is_trusted:
        mail.trace.tell(
            STEP,
            "%(server)s says whether the sender is genuine, but this account trusts another server or none.",
            counted=False,
            server=found.server,
        )
    elif found.is_trusted:
        sentence = _said(found.verdict, server=found.server, details=", ".join(found.details) or "-")
        mail.trace.tell_sentence(STEP, sentence, counted=found.verdict in (Verdict.PASS, Verdict.FAIL))


def server_in(trace: Iterable[Step]) -> str:
    """The server that judged a mail, by its trace; "" for none."""
    for step in trace:
        params = step.get("params")
        if step.get("step") == STEP and isinstance(params, dict):
            return str(params.get("server", ""))
    return ""


def _said(verdict: Verdict, *, server: str, details: str) -> Sentence:
    said = {"server": server, "details": details}
    match verdict:
        case Verdict.PASS:
            return Sentence("The sender's domain stands by the mail, says %(server)s: %(details)s.", **said)
        case Verdict.FAIL:
            return Sentence("The sender's domain disowns the mail, says %(server)s: %(details)s.", **said)
        case Verdict.NONE:
            return Sentence(
                "The sender's domain has no rule for its mails, says %(server)s: %(details)s.", **said
            )
        case Verdict.UNKNOWN:
            return Sentence("Whether the sender is genuine %(server)s could not tell: %(details)s.", **said)
