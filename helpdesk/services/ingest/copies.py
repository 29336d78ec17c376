"""Who else a new ticket reaches: the people in To and Cc of the mail that opened it."""

from __future__ import annotations

from helpdesk.mail.authentication import Verdict
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.mail.types import Address, Automatic, ParsedEmail
from helpdesk.policy.acknowledge import is_no_reply
from helpdesk.services.ingest.own import OwnAddresses

MOST = 20


def others(parsed: ParsedEmail, own: OwnAddresses, dmarc: Verdict) -> list[Address]:
    """Everybody addressed besides us, the author, mailing lists and machines; at most 20, in the order written.

    Nobody of a mail its own domain disowns: whoever forges a sender would add himself.
    """
    if dmarc is Verdict.FAIL:
        return []
    if parsed.automatic is not Automatic.NO or parsed.author is None:
        return []
    lists = parsed.header("List-Post").lower()
    seen = {normalise_address(parsed.author.email)}
    found: list[Address] = []
    for address in (*parsed.to, *parsed.cc):
        key = normalise_address(address.email)
        if key in seen or not is_address(address.email) or own.holds(address.email) or key in lists:
            continue
        seen.add(key)
        if not is_no_reply(address.email):
            found.append(address)
    return found[:MOST]
