"""Names a browser as a person would, from what it says about itself."""

from __future__ import annotations

from flask_babel import gettext as _

# The first that is found counts: each pretends to be those below it.
PROGRAMS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"),
            ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Macintosh", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip


def browser_name(user_agent: str) -> str:
    """`Firefox, Windows`; the beginning of the text itself when it says neither."""
    found = [
        next((name for mark, name in known if mark in user_agent), None) for known in (PROGRAMS, SYSTEMS)
    ]
    return ", ".join(word for word in found if word) or user_agent[:60] or str(_("Unknown"))
