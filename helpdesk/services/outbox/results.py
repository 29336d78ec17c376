"""What an answer of the mail server means for a mail: decided from values alone, carried out by `deliver`.

At least once, with identical bytes: a yes is final, a no for good is shown with the server's words, "later" waits,
and when no answer came the mail may be sent once more and then a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from helpdesk.errors import PermanentError, TransientError, UncertainError
from helpdesk.models.mail import EmailState
from helpdesk.policy import envelope
from helpdesk.services.outbox.backoff import next_delay
from helpdesk.services.sentences import Sentence, reason_columns, sentence_of_error
from helpdesk.transports.base import NO_UTF8, WANTS_UTF8, Delivery

UNCERTAIN_DELAY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed mail, free of the database session: nothing of it is read again while the server thinks."""

    id: int
    sender: str
    envelope_from: str
    recipients: Mapping[str, list[str]] = field(repr=False)
    raw: bytes = field(repr=False)
    attempts: int
    uncertain_count: int
    unreachable: Mapping[str, str] = field(
        default_factory=dict
    )  # whose mail came back before, in whose words
    detail: str = field(default="", repr=False)  # what the server said to the last try

    @property
    def pending(self) -> list[str]:
        """Who has neither got it nor been refused for good, each once."""
        done = {*self.recipients.get("accepted", ()), *self.recipients.get("refused", ())}
        return [address for address in envelope.read(self.recipients).everyone if address not in done]

    @property
    def refusals(self) -> list[str]:
        """What was said of those refused for good before."""
        known = set(self.recipients.get("refused", ()))
        return [line for line in self.detail.splitlines() if line.partition(": ")[0] in known]

    @property
    def reachable(self) -> list[str]:
        """Whom of those it is worth sending it to."""
        return [address for address in self.pending if address not in self.unreachable]

    @property
    def left_out(self) -> dict[str, tuple[int, str]]:
        """The others, as a server would refuse them."""
        return {a: (550, self.unreachable[a]) for a in self.pending if a in self.unreachable}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The columns to write, and the event that tells of it, "" for none. `was_taken`: a server said yes."""

    values: dict[str, object]
    event: str = ""
    was_taken: bool = False


def after_answer(mail: Outgoing, delivery: Delivery, *, now: datetime, max_attempts: int) -> Verdict:
    """The server took the mail for some recipients, or refused some for now and the others for good."""
    later = [a for a, (code, _) in delivery.refused.items() if 400 <= code < 500]
    never = [a for a in delivery.refused if a not in later]
    taken = [a for a in mail.pending if a not in delivery.refused]
    delay = next_delay(mail.attempts, max_attempts) if later else None
    if later and delay is None:
        never += later
    recipients = _with(mail.recipients, accepted=taken, refused=never)
    said = (f"{a}: {code} {text}" for a, (code, text) in delivery.refused.items())
    words = "\n".join([*mail.refusals, *said])
    if later and delay is not None:
        reason = Sentence("Not yet delivered to %(recipients)s.", recipients=", ".join(later))
        return _queued(now + delay, bool(taken), reason=reason, detail=words, recipients=recipients)
    refused = recipients.get("refused", [])
    if refused:
        reason = _why_not(refused, delivery)
        values: dict[str, object] = {"detail": words, "recipients": recipients}
        return _final(EmailState.FAILED, now, bool(taken), reason=reason, **values)
    values = {"detail": delivery.response, "recipients": recipients}
    return _final(EmailState.SENT, now, True, reason=Sentence(), **values)


def _why_not(refused: Sequence[str], delivery: Delivery) -> Sentence:
    """What is to be done says more than that it failed, where all were refused for one known reason."""
    words = [delivery.refused.get(address, (0, ""))[1] for address in refused]
    is_utf8 = all(text.startswith(WANTS_UTF8) for text in words)
    people = ", ".join(refused)
    if is_utf8:
        return Sentence(NO_UTF8, recipients=people)
    return Sentence("Not delivered to %(recipients)s.", recipients=people)


def after_error(mail: Outgoing, error: Exception, *, now: datetime, max_attempts: int) -> Verdict:
    """The server did not say yes. What we do not know counts as "no answer": it may have arrived."""
    reason = sentence_of_error(error, Sentence("The desk failed while sending."))
    detail = str(getattr(error, "detail", "") or error)
    match error:
        case UncertainError():
            return _uncertain(mail, now, reason, detail)
        case TransientError():
            delay = next_delay(mail.attempts, max_attempts)
            if delay is not None:
                return _queued(now + delay, reason=reason, detail=detail)
            return _refused(mail, now, reason, detail)
        case PermanentError():
            return _refused(mail, now, reason, detail)
        case _:
            return _uncertain(mail, now, reason, detail)


def _refused(mail: Outgoing, now: datetime, reason: Sentence, detail: str) -> Verdict:
    """Where others have got it before, who has not is named: nobody may think that it reached none of them."""
    more: dict[str, object] = {}
    if mail.recipients.get("accepted") or mail.recipients.get("refused"):
        more = {"recipients": _with(mail.recipients, refused=mail.pending)}
    return _final(EmailState.FAILED, now, False, reason=reason, detail=detail, **more)


def given_up(reason: Sentence, detail: str, *, now: datetime) -> Verdict:
    """It could not even be handed over."""
    return _final(EmailState.FAILED, now, reason=reason, detail=detail)


def not_wanted(reason: Sentence, *, now: datetime) -> Verdict:
    """What it was to tell is no longer so."""
    return _final(EmailState.CANCELLED, now, reason=reason)


def _uncertain(mail: Outgoing, now: datetime, reason: Sentence, detail: str) -> Verdict:
    count = mail.uncertain_count + 1
    more: dict[str, object] = {"detail": detail, "uncertain_count": count}
    if count > 1:
        return Verdict(_free(EmailState.UNCERTAIN, reason) | more | {"finished_at": now}, "email.uncertain")
    return Verdict(_free(EmailState.QUEUED, reason) | more | {"due_at": now + UNCERTAIN_DELAY})


def _with(recipients: Mapping[str, list[str]], **more: list[str]) -> dict[str, list[str]]:
    """The envelope with further addresses noted; an empty list leaves no key."""
    merged = {key: list(value) for key, value in recipients.items()}
    for key, addresses in more.items():
        if addresses:
            merged[key] = [*merged.get(key, []), *addresses]
    return merged


def _queued(due_at: datetime, was_taken: bool = False, *, reason: Sentence, **values: object) -> Verdict:
    return Verdict(
        _free(EmailState.QUEUED, reason) | _given(was_taken) | {"due_at": due_at} | values, "", was_taken
    )


def _final(
    state: EmailState, now: datetime, was_taken: bool = False, *, reason: Sentence, **values: object
) -> Verdict:
    columns = _free(state, reason) | _given(was_taken) | {"finished_at": now} | values
    return Verdict(columns, f"email.{state.value}", was_taken)


def _free(state: EmailState, reason: Sentence) -> dict[str, object]:
    return {"state": state, "claim": None, "claimed_until": None} | reason_columns(reason)


def _given(was_taken: bool) -> dict[str, object]:
    """What no server took does not count against the account's rates; what may have arrived does."""
    return {} if was_taken else {"handed_at": None}
