"""The first minutes of a desk: its first admin, its first mail account."""

from helpdesk.web.setup import steps
from helpdesk.web.setup.blueprint import blueprint

__all__ = ["blueprint", "steps"]
