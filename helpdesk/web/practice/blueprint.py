"""Who may practise: administrators, and whoever really sits at this machine while the desk listens to it alone.

Whoever writes here can be any customer and reads every link the desk mails; so an agent may not, unless he sits there.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Blueprint, current_app, request
from werkzeug.wrappers import Response

from helpdesk.errors import Forbidden, NotFound
from helpdesk.policy.addresses import Reach, is_loopback, reach_of
from helpdesk.policy.status import Role
from helpdesk.services import practice
from helpdesk.services.practice import Mailboxes
from helpdesk.web.access import viewer_or_none
from helpdesk.web.security import go

blueprint = Blueprint("practice", __name__, url_prefix="/practice")
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")


def is_at_this_machine() -> bool:
    """Whether the request was made on this machine, by nobody in between, to a desk nobody else can reach.

    A proxy on this machine makes everybody's requests look local: one that is configured, or that names itself in a
    header, ends that. The name asked for must be local too, so that no foreign name can be made to lead here.
    """
    config = current_app.config
    if config["TRUSTED_PROXIES"] or not is_loopback(config["BIND"]):
        return False
    if any(name in request.headers for name in PASSED_ON):
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    return is_loopback(host) and _is_local(request.remote_addr)


def _is_local(address: str | None) -> bool:
    try:
        return reach_of(ipaddress.ip_address(address or "")) is Reach.LOOPBACK
    except ValueError:
        return False


def may_practise(boxes: Mailboxes) -> bool:
    """Whether whoever asks may use these."""
    user = viewer_or_none()
    if user is not None and user.role is Role.ADMIN:
        return True
    return not boxes.is_private and is_at_this_machine()


def admitted() -> Mailboxes | Response:
    """The mailboxes, or where to sign in. Raises NotFound when there is nothing to practise with, and Forbidden."""
    boxes = practice.mailboxes()
    if may_practise(boxes) and (boxes or practice.is_possible()):
        return boxes
    if not boxes:
        raise NotFound("There is no such page.")
    if viewer_or_none() is not None:
        raise Forbidden("Only administrators may use the practice mailbox: it reads every mail of the desk.")
    return go("auth.sign_in", next=request.full_path.rstrip("?") if request.method == "GET" else "/practice")


def opened() -> Mailboxes:
    """As `admitted`, for what is no page of its own. Raises NotFound for everybody else."""
    boxes = practice.mailboxes()
    if not boxes or not may_practise(boxes):
        raise NotFound("There is no such page.")
    return boxes
