"""Administration: mail accounts, people, the mail log, tags, health, settings, and what was changed."""

from helpdesk.web.admin import (
    account_ways,
    accounts,
    audit,
    desk,
    health,
    mail,
    mail_texts,
    parting,
    people,
    sign_in,
    suppression,
    tags,
)
from helpdesk.web.admin.blueprint import blueprint

__all__ = [
    "account_ways",
    "accounts",
    "audit",
    "blueprint",
    "desk",
    "health",
    "mail",
    "mail_texts",
    "parting",
    "people",
    "sign_in",
    "suppression",
    "tags",
]
