"""What every mail of ours carries so that its answer finds the ticket: a signed id, a mark in its text, a reply address.

The three name the same mail. The reply address survives programs that drop ids, the mark servers that rewrite them.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

from helpdesk.mail.thread import issue_marker, issue_message_id, issue_reply_token, with_token
from helpdesk.models import EmailAccount, Ticket
from helpdesk.services import keys, settings
from helpdesk.services.templates import Rendered

PURPOSE = "message-id"  # of the key all three are signed with
SIGNATURE_BEGINS = "\n-- \n"  # what mail programs leave out of answers
STYLE = "margin:0;padding:4px 12px 20px;text-align:center;font:11px sans-serif;color:#8a867d"


@dataclass(frozen=True, slots=True)
class Signed:
    """The marks of one mail; `marker` and `reply_to` are "" for a mail without them."""

    message_id: str
    marker: str = ""
    reply_to: str = ""


def sign(account: EmailAccount, ticket: Ticket | None) -> Signed:
    """Fresh ones. Only a mail about a ticket has more than an id; a reply address only where one arrives."""
    key, instance = keys.current_key(PURPOSE), settings.instance_id()
    nonce = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    sender = account.from_email or account.email
    domain = sender.rpartition("@")[2]
    ticket_id = ticket.id if ticket else 0
    message_id = issue_message_id(ticket_id, nonce=nonce, key=key, instance=instance, domain=domain)
    if ticket is None:
        return Signed(message_id)
    marker = issue_marker(ticket_id, nonce=nonce, key=key, instance=instance)
    token = issue_reply_token(ticket_id, nonce=nonce, key=key, instance=instance)
    reply_to = with_token(account.email, token) if account.takes_plus_addresses else ""
    return Signed(message_id, marker, reply_to)


def put_into(rendered: Rendered, signed: Signed) -> tuple[str, str]:
    """The text and the HTML of a mail with its mark: above the signature, and at the very end."""
    text, html = rendered.text, rendered.html
    if not signed.marker:
        return text, html
    mark = f"[{signed.marker}]"
    words, parting, rest = text.rpartition(SIGNATURE_BEGINS)
    text = f"{words.rstrip()}\n\n{mark}\n{parting}{rest}" if parting else f"{text.rstrip()}\n\n{mark}\n"
    before, end, after = html.rpartition("</body>")
    if end:
        html = f'{before}<p class="hd-quiet" style="{STYLE}">{mark}</p>\n{end}{after}'
    return text, html
