"""The desk's own colour and logo, as files of their own: the pages' policy allows no style and no picture inside them."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app

from helpdesk.services import logo, settings
from helpdesk.web.access import require
from helpdesk.web.security import FILE_POLICY

blueprint = Blueprint("look", __name__, url_prefix="/look")
YEAR_S = 365 * 24 * 3600
NAMES = ("accent", "accent-strong", "accent-soft", "ink-on-accent")
# What is chosen is tinted with the accent. What we answered is not: in yellow it would look like a note.
SELECTED = "  --surface-selected: color-mix(in srgb, var(--accent-soft) 75%, var(--surface));"


def style_url() -> str | None:
    """Where the style sheet with the desk's colour lies, None for the ordinary one."""
    accent = str(settings.get("accent") or "")
    return f"/look/{accent.removeprefix('#')}.css" if accent else None


def logo_url() -> str | None:
    digest = logo.digest()
    return f"/look/logo/{digest}" if digest else None


@blueprint.get("/<colour>.css")
@require("anyone")
def style(colour: str) -> Response:
    palette = settings.palette()
    if palette is None or settings.get("accent") != f"#{colour}":
        abort(404)
    shades = (palette.accent, palette.strong, palette.soft, palette.on_accent)
    lines = [
        f"  --{name}: light-dark({light}, {dark});" for name, (light, dark) in zip(NAMES, shades, strict=True)
    ]
    return _for_good(
        current_app.response_class("\n".join([":root {", *lines, SELECTED, "}", ""]), mimetype="text/css")
    )


@blueprint.get("/logo/<digest>")
@require("anyone")
def picture(digest: str) -> Response:
    found = logo.load(digest)
    if found is None:
        abort(404)
    response = current_app.response_class(found.data, content_type=found.content_type)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    return _for_good(response)


def _for_good(response: Response) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = YEAR_S
    response.cache_control.immutable = True
    return response
