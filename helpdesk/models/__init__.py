"""The shared tables. Rows and their relations only: what is done with them lives in `services`."""

from helpdesk.models.events import Event
from helpdesk.models.mail import (
    EmailAccount,
    EmailMessage,
    EmailPollLog,
    FetchCursor,
    MailClaim,
)
from helpdesk.models.people import Grant, LoginToken, User, UserAddress, UserSession
from helpdesk.models.settings import Counter, Setting
from helpdesk.models.tickets import Attachment, Comment, Participant, Ticket

__all__ = [
    "Attachment",
    "Comment",
    "Counter",
    "EmailAccount",
    "EmailMessage",
    "EmailPollLog",
    "Event",
    "FetchCursor",
    "Grant",
    "LoginToken",
    "MailClaim",
    "Participant",
    "Setting",
    "Ticket",
    "User",
    "UserAddress",
    "UserSession",
]
