"""Administration: mail accounts, people, the mail log, health, settings, and what was changed."""

from helpdesk.web.admin import accounts, audit, desk, health, mail, people
from helpdesk.web.admin.blueprint import blueprint

__all__ = ["accounts", "audit", "blueprint", "desk", "health", "mail", "people"]
