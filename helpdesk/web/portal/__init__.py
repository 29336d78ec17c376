"""Customers' pages: their own tickets and nothing of the agents'."""

from helpdesk.web.portal import opening, pages, writing
from helpdesk.web.portal.blueprint import blueprint

__all__ = ["blueprint", "opening", "pages", "writing"]
