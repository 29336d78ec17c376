"""The agents' workspace: the list, a ticket, opening one on behalf of a customer."""

from __future__ import annotations

from helpdesk.web.tickets import (
    answering,
    bulk,
    drafting,
    forwarding,
    listing,
    mail_pages,
    merging,
    opening,
    people,
    previewing,
    resending,
    setting_aside,
    showing,
    suggesting,
    tagging,
    waiting,
)
from helpdesk.web.tickets.blueprint import blueprint

VIEWS = (
    answering,
    bulk,
    drafting,
    forwarding,
    listing,
    mail_pages,
    merging,
    opening,
    people,
    previewing,
    resending,
    setting_aside,
    showing,
    suggesting,
    tagging,
    waiting,
)  # imported for their routes

__all__ = ["blueprint"]
