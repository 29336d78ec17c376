"""Mail that is no ticket, and the list of senders: for admins and, for their accounts, agents."""

from __future__ import annotations

from helpdesk.web.trays import reading, sender_list
from helpdesk.web.trays.blueprint import blueprint

VIEWS = (reading, sender_list)  # imported for their routes

__all__ = ["blueprint"]
