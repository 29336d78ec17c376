"""Style sheets, scripts and icons under an address that changes with their content, so that browsers keep them for good.

Relative imports inside them stay below the same address: one fingerprint covers all of them, without a build step.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, abort, send_from_directory

YEAR_S = 365 * 24 * 3600


def init_app(app: Flask) -> None:
    """Serve `/assets/<fingerprint>/...` and give templates `asset(filename)`."""
    folder = Path(app.static_folder or "")
    known = fingerprint(folder)

    def current() -> str:
        return fingerprint(folder) if app.debug else known

    def asset(filename: str) -> str:
        return f"/assets/{current()}/{filename}"

    def show(version: str, filename: str) -> Response:
        # A page kept open over an upgrade asks for the old address: it gets what there is, but not for good.
        if len(version) != len(known):
            abort(404)
        is_current = version == current()
        response = send_from_directory(folder, filename, max_age=YEAR_S if is_current else 0)
        response.cache_control.immutable = is_current
        response.cache_control.public = True
        return response

    app.add_url_rule("/assets/<version>/<path:filename>", "assets", show)
    app.jinja_env.globals["asset"] = asset


def fingerprint(folder: Path) -> str:
    """Twelve letters over names and content of every file below the folder."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
