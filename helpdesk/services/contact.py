"""The public form: a ticket from somebody nobody vouches for.

The typed address is only a claim. It may belong to a customer, who then finds the ticket among his own, marked; whoever
typed it gets nothing to see, joins no ticket, and the acknowledgement carries none of what was typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from itsdangerous import BadData, URLSafeTimedSerializer

from helpdesk.errors import InvalidInput
from helpdesk.mail.headers import is_address, normalise_address
from helpdesk.models import Ticket
from helpdesk.policy.contact import MAX_NAME, MAX_TEXT, is_read_by_nobody, one_line
from helpdesk.policy.status import Category
from helpdesk.services import accounts, keys, people, portal, settings
from helpdesk.services.ingest import own
from helpdesk.services.tickets import comments, opening
from helpdesk.services.tickets.comments import Words


@dataclass(frozen=True, slots=True)
class Message:
    """What was typed. `words` holds text, files and the form's key."""

    name: str
    email: str
    subject: str
    category: Category
    account_id: int
    words: Words
    language: str | None = None


def is_on() -> bool:
    """Whether the desk has a public form, and an account it could write to."""
    return bool(settings.get("contact_form")) and bool(portal.offered_accounts())


def check(email: str, text: str) -> None:
    """Raises InvalidInput for an address nobody could be answered at, and for a text beyond all measure."""
    if not is_address(email):
        raise InvalidInput("“%(email)s” is not an e-mail address.", field="email", email=email[:100])
    known = own.load()
    domains = {address.rpartition("@")[2] for address in known.every}
    if known.holds(email):
        raise InvalidInput(
            "This is one of our own addresses. Please enter yours: we answer to it.", field="email"
        )
    if is_read_by_nobody(normalise_address(email), domains):
        raise InvalidInput("Nobody reads what is sent to this address. Please enter your own.", field="email")
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            "The message is too long: at most %(count)d characters. You can attach it as a file.",
            field="text",
            count=MAX_TEXT,
        )


def take(message: Message) -> Ticket:
    """Open the ticket, once per form. Raises InvalidInput as `check` does, and without subject or words."""
    check(message.email, message.words.text)
    known = opening.find_by_form(message.words.form_key)
    if known is not None:
        return known
    comments.refuse_empty(message.words)
    is_new = people.find_address(message.email) is None
    address = people.address_for(
        message.email
    )  # without the name: it would stand in mails to whoever this is
    if is_new:
        address.user.language = message.language
    ticket, _ = opening.open_ticket(
        account=accounts.get(message.account_id),
        requester=address,
        subject=one_line(message.subject, opening.MAX_SUBJECT),
        words=message.words,
        said_by=one_line(message.name, MAX_NAME),
        is_unverified=True,
        actor=None,
        category=message.category,
        form_key=message.words.form_key,
    )
    return ticket


def issue_stamp(form_key: str) -> str:
    """A signed word for one form: its key, and when it was shown."""
    return str(_signer().dumps(form_key))


def read_stamp(stamp: str) -> tuple[str, datetime] | None:
    """(form key, shown at); None for a stamp this desk has not made."""
    try:
        form_key, shown_at = _signer().loads(stamp, return_timestamp=True)
    except BadData:
        return None
    return (str(form_key), shown_at)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(list(reversed(keys.accepted_keys("contact-form"))), salt="contact")
