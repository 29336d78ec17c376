"""Notifications as a test needs them: gathered, made, sent, and read as a mail program reads them."""

import email
import email.policy

from sqlalchemy import update

from helpdesk.database import transaction
from helpdesk.models import EmailMessage
from helpdesk.services.outbox.deliver import drain
from tests.fakes import FakeSender


def end_gathering():
    """Let the minute pass in which facts are gathered."""
    with transaction() as session:
        waiting = update(EmailMessage).where(EmailMessage.state == "queued")
        session.execute(waiting.values(due_at=EmailMessage.created_at))


def send_gathered(account_id, sender=None):
    """Let the minute pass and everything go; the mails that went, oldest first."""
    end_gathering()
    sender = sender or FakeSender()
    drain(account_id, sender=sender)
    return [
        email.message_from_bytes(sent.raw, policy=email.policy.default)
        for sent in getattr(sender, "sent", [])
    ]


def to_whom(mail):
    return mail["To"].addresses[0].addr_spec


def text_of(mail, kind="plain"):
    return mail.get_body((kind,)).get_content()


def of_person(mails, address):
    """The only mail to an address."""
    (mail,) = [mail for mail in mails if to_whom(mail) == address]
    return mail
