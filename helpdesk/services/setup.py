"""The first minutes of a desk: a one-time link, the first admin, the account the environment describes."""

from __future__ import annotations

from flask import current_app

from helpdesk.database import db, transaction
from helpdesk.errors import Conflict
from helpdesk.models import User
from helpdesk.policy.status import Role
from helpdesk.services import links, people
from helpdesk.services.links import Purpose


def setup_link() -> str | None:
    """A fresh one-time address for creating the first admin, None when there is one. Opens its own transaction."""
    with transaction():
        if people.has_admin():
            return None
        links.revoke(Purpose.SETUP)
        token = links.issue(Purpose.SETUP)
    return f"{current_app.config['SITE_URL']}/setup/{token}"


def create_first_admin(token: str, *, email: str, name: str, password_hash: str) -> User:
    """Use the set-up link. Raises Conflict when it is used or past its end, or an admin exists already."""
    if people.has_admin() or links.redeem(token, Purpose.SETUP) is None:
        raise Conflict("This set-up link is no longer valid. Start the desk again to get a new one.")
    user = people.create_user(email, Role.ADMIN, name=name)
    user.password_hash = password_hash
    db.session.flush()
    return user
