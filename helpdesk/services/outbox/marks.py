"""What every mail of ours carries so that its answer finds the ticket: a signed id, a mark in its text, a reply address.

The three name the same mail. The reply address survives programs that drop ids, the mark servers that rewrite them. And
where the account wishes it the line that answers are written above, whose shape `mail/quote_headers.py` knows in any
language; the name of the conversation, for Exchange, is the ticket's own.
"""

from __future__ import annotations

import base64
import html as markup
import re
import secrets
from dataclasses import dataclass

from flask_babel import force_locale, gettext

from helpdesk.mail.thread import (
    issue_marker,
    issue_message_id,
    issue_reply_token,
    issue_thread_index,
    with_token,
)
from helpdesk.models import EmailAccount, Ticket
from helpdesk.services import keys, settings
from helpdesk.services.templates import Rendered, spoken

PURPOSE = "message-id"  # of the key all three are signed with
SIGNATURE_BEGINS = "\n-- \n"  # what mail programs leave out of answers
FRAME = re.compile(
    r"<body\b[^>]*>(?:\s*<div\b[^>]*\bhd-hidden\b[^>]*>[^<]*</div>)?"
)  # behind what lists of mails show
END = re.compile(r"<table\b[^>]*\bhd-history\b|</body>")  # of what this mail says itself
LINE_STYLE = "margin:0;padding:12px 12px 0;text-align:center;font:12px sans-serif;color:#565c64"
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


def index_of(ticket: Ticket) -> str:
    """What Exchange is to call the ticket's conversation where its customers have no name for it, in hexadecimal."""
    key, instance = keys.current_key(PURPOSE), settings.instance_id()
    return issue_thread_index(ticket.id, began_at=ticket.created_at, key=key, instance=instance)


def reply_line(language: str | None) -> str:
    """The line that answers are written above, in the reader's language."""
    with force_locale(spoken(language)):
        words = gettext("Please write your answer above this line")
    return f"##- {words} -##"


def put_above(text: str, html: str, line: str) -> tuple[str, str]:
    """The text and the HTML of a mail with this line on top."""
    shown = f'<p class="hd-quiet" style="{LINE_STYLE}">{markup.escape(line)}</p>'
    return f"{line}\n\n{text}", FRAME.sub(lambda found: f"{found[0]}\n{shown}", html, count=1)


def put_into(rendered: Rendered, signed: Signed) -> tuple[str, str]:
    """The text and the HTML of a mail with its mark: above the signature, and at the end, before what is quoted: words
    below a quotation would be taken for an answer to it."""
    text, html = rendered.text, rendered.html
    if not signed.marker:
        return text, html
    mark = f"[{signed.marker}]"
    words, parting, rest = text.rpartition(SIGNATURE_BEGINS)
    text = f"{words.rstrip()}\n\n{mark}\n{parting}{rest}" if parting else f"{text.rstrip()}\n\n{mark}\n"
    line = f'<p class="hd-quiet" style="{STYLE}">{mark}</p>\n'
    return text, END.sub(lambda end: line + end[0], html, count=1)
