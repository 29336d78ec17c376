"""How much the public form takes: by machine, by address, and in all, so that it is worth nothing to a flood.

What was refused for a mistake counts towards the tries of a machine only, so that nobody loses his turn by a typing
error. What has no mistake is counted before it is stored: of many sent at once no more get through than one after the
other. Whatever goes beyond is refused alike, whether or not the desk knows the address.
"""

from __future__ import annotations

import hashlib

from flask import request

from helpdesk.extensions import limiter
from helpdesk.services import people
from helpdesk.web.machine import machine

TRIES_PER_MACHINE = "30 per hour"
PER_MACHINE = "5 per hour; 20 per day"
PER_ADDRESS = "3 per hour; 10 per day"
PER_DESK = "100 per hour; 500 per day"


def _typed_address() -> str:
    typed = people.compared(request.form.get("email", "")[:320])
    local, _, domain = typed.rpartition("@")
    whole = f"{local.partition('+')[0]}@{domain}"
    return "address:" + hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _desk() -> str:
    return "desk"


tries_per_machine = limiter.shared_limit(
    TRIES_PER_MACHINE, scope="contact-tries", key_func=machine, methods=["POST"]
)
per_machine = limiter.shared_limit(PER_MACHINE, scope="contact-machine", key_func=machine)
per_address = limiter.shared_limit(PER_ADDRESS, scope="contact-address", key_func=_typed_address)
per_desk = limiter.shared_limit(PER_DESK, scope="contact-desk", key_func=_desk)


@per_machine
@per_address
@per_desk
def count() -> None:
    """Count one message. Raises RateLimitExceeded when that is one too many."""
