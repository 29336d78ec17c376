"""The practice mailbox's page: write as a customer, read what the desk sent."""

from helpdesk.web.practice import mails, writing
from helpdesk.web.practice.blueprint import blueprint

__all__ = ["blueprint", "mails", "writing"]
