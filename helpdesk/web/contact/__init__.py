"""The public contact form, for people who have not signed in."""

from helpdesk.web.contact import pages
from helpdesk.web.contact.blueprint import blueprint

__all__ = ["blueprint", "pages"]
