"""The shared tables. Rows and their relations only: what is done with them lives in `services`."""

from helpdesk.models.composing import Draft, ScheduledReply, Upload
from helpdesk.models.events import Event
from helpdesk.models.fetching import EmailPollLog, FetchCursor, KnownMail
from helpdesk.models.inbox import DigestEntry, Follow, Mute, Notification
from helpdesk.models.mail import EmailAccount, EmailMessage, MailClaim, SendSlot
from helpdesk.models.oauth import OAuthConnection
from helpdesk.models.people import Grant, LoginToken, PicturePermission, User, UserAddress, UserSession
from helpdesk.models.senders import DeliveryFailure, SenderRule
from helpdesk.models.settings import Counter, Setting
from helpdesk.models.tags import Tag, TicketTag
from helpdesk.models.templates import EmailTemplate
from helpdesk.models.tickets import Attachment, Comment, Participant, Ticket

__all__ = [
    "Attachment",
    "Comment",
    "Counter",
    "DeliveryFailure",
    "DigestEntry",
    "Draft",
    "EmailAccount",
    "EmailMessage",
    "EmailPollLog",
    "EmailTemplate",
    "Event",
    "FetchCursor",
    "Follow",
    "Grant",
    "KnownMail",
    "LoginToken",
    "MailClaim",
    "Mute",
    "Notification",
    "OAuthConnection",
    "Participant",
    "PicturePermission",
    "ScheduledReply",
    "SendSlot",
    "SenderRule",
    "Setting",
    "Tag",
    "Ticket",
    "TicketTag",
    "Upload",
    "User",
    "UserAddress",
    "UserSession",
]
