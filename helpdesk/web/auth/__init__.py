"""Signing in by password or mailed link, invitations, one's own profile."""

from helpdesk.web.auth import invitation, links, mail_choices, profile, signing_in, telling
from helpdesk.web.auth.blueprint import blueprint

__all__ = ["blueprint", "invitation", "links", "mail_choices", "profile", "signing_in", "telling"]
