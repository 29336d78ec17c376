"""How often somebody may try: per machine and per address, counted in Redis or, without it, in this process."""

from __future__ import annotations

import hashlib

from flask import request

from helpdesk.extensions import limiter
from helpdesk.services import people
from helpdesk.web.machine import machine

PER_MACHINE = "30 per 5 minutes"
PER_ADDRESS = "10 per 15 minutes"


def _typed_address() -> str:
    typed = people.compared(request.form.get("email", "")[:320])
    return "address:" + hashlib.sha256(typed.encode("utf-8", "surrogatepass")).hexdigest()[:32]


per_machine = limiter.shared_limit(PER_MACHINE, scope="sign-in", key_func=machine, methods=["POST"])
per_address = limiter.shared_limit(
    PER_ADDRESS, scope="sign-in-address", key_func=_typed_address, methods=["POST"]
)
