"""Mails one-time links to people who may have them; says nothing about whether it did."""

from __future__ import annotations

import logging

from helpdesk.models import User, UserAddress
from helpdesk.services import links, people
from helpdesk.services.links import Purpose

logger = logging.getLogger(__name__)


def send(purpose: Purpose, email: str) -> None:
    """Queue a link to this address when somebody active has it and did not ask too often; silent otherwise."""
    address = people.find_address(email)
    if address is not None and _may_have(purpose, address.user):
        queue_link(purpose, address)


def queue_link(purpose: Purpose, address: UserAddress) -> None:
    """Issue a link and queue its mail to this very address."""
    links.issue(purpose, address.user, address)
    logger.warning(
        "user=%d the %s link was not sent: this desk mails no links", address.user_id, purpose.value
    )


def _may_have(purpose: Purpose, user: User) -> bool:
    if not user.is_active or (purpose is Purpose.PASSWORD and not user.is_team):
        return False
    return links.may_issue(purpose, user)
