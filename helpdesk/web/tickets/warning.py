"""Whom a mail would not reach: said beside the form before it is sent, in the words of the server that refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import request

from helpdesk.errors import InvalidInput
from helpdesk.models import Participant, Ticket
from helpdesk.services.outbox import unreachable
from helpdesk.services.outbox.unreachable import LeftAlone
from helpdesk.services.people import compared


@dataclass(frozen=True, slots=True)
class Lost:
    """An address mail came back from. `is_tried`: the writer wants it to be written to all the same."""

    email: str
    words: str
    is_tried: bool = False


def lost_among(
    emails: Iterable[str],
    ticket: Ticket | None = None,
    left_alone: Iterable[tuple[Participant, LeftAlone]] = (),
) -> list[Lost]:
    """Those of these addresses that would be left out, as the form shows them.

    Of the people of `ticket` the page knows already (`left_alone`), so that they are not looked up twice.
    """
    known = {p.address.address for p in ticket.participants} if ticket is not None else set()
    every = {compared(email): email for email in emails}
    found = {p.address.address: why.words for p, why in left_alone if why.holds_answers}
    others = unreachable.among((every[one] for one in every if one not in known), for_answer=True)
    found |= {compared(email): words for email, words in others.items()}
    tried = _ticked("reach")
    return [Lost(every[one], words, one in tried) for one, words in found.items() if one in every]


def refuse_unwarned(emails: Iterable[str]) -> None:
    """Raises InvalidInput for an address that would be left out and of which the page had not told."""
    told = _ticked("warned")
    for one in lost_among(emails):
        if compared(one.email) not in told:
            raise InvalidInput(
                "Mail to %(email)s has come back. Nothing was sent: please decide, then send again.",
                field="to",
                email=one.email,
            )


def try_again(emails: Iterable[str]) -> None:
    """Within the transaction: write again to those of these people the form says so of."""
    tried = _ticked("reach")
    unreachable.lift(email for email in emails if compared(email) in tried)


def _ticked(name: str) -> set[str]:
    return {compared(value) for value in request.form.getlist(name)[:200]}
