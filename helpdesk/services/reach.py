"""Where an account's servers may be."""

from __future__ import annotations

from flask import current_app

from helpdesk.models import EmailAccount
from helpdesk.policy.addresses import OWN_NETWORKS, Networks


def reachable_networks(account: EmailAccount) -> Networks:
    """Whoever writes the environment owns the machine, an admin may not."""
    if account.source == "env":
        return OWN_NETWORKS
    networks: Networks = current_app.config["MAIL_ALLOWED_NETWORKS"]
    return networks
