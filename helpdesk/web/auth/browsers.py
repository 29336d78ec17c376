"""Names a browser as a person would, from what it says about itself."""

from __future__ import annotations

from flask_babel import gettext as _

# The first that is found counts: each pretends to be those below it.
PROGRAMS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"),
            ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Macintosh", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip


def browser_name(user_agent: str) -> str:
    """`Firefox on Windows`; the beginning of the text itself when it says neither."""
    program, system = (
        next((name for mark, name in known if mark in user_agent), "") for known in (PROGRAMS, SYSTEMS)
    )
    if program and system:
        return str(_("%(program)s on %(system)s", program=program, system=system))
    return program or system or user_agent[:60] or str(_("Unknown"))
