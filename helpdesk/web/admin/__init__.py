"""Administration: mail accounts, people, and mails that wait for a person."""

from helpdesk.web.admin import accounts, mail, people
from helpdesk.web.admin.blueprint import blueprint

__all__ = ["accounts", "blueprint", "mail", "people"]
