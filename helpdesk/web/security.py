"""What every response carries and every request must meet: headers, host names, proxies, cookies, safe redirects.

The headers are added to the WSGI response itself, so errors, redirects, files and refused host names have them too.
A view that needs another Content-Security-Policy sets it on its response; it is then left as it is.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, redirect, request, url_for
from sqlalchemy.engine import make_url
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map
from werkzeug.wrappers import Response as BaseResponse

from helpdesk.errors import InvalidInput, NotFound

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FILE_POLICY = "sandbox; default-src 'none'"
MAIL_POLICY = (
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'"
)
MAIL_POLICY_WITH_PICTURES = MAIL_POLICY.replace("img-src 'self' data:", "img-src 'self' data: https:")
HSTS = "max-age=31536000"
LOCAL_NAMES = ["localhost", "127.0.0.1"]
WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\x7f-\x9f\\]*\Z")
MAX_NEXT = 500
PUBLIC_FILES = ("static", "assets")
MAX_ROW = 2**31 - 1  # what an id's column holds on PostgreSQL
KEPT_FILES = (*PUBLIC_FILES, "look.style", "look.picture")  # browsers may keep them


class RowNumber(IntegerConverter):
    """`<int:...>` in an address: a number that can be a row's; a larger one is no page, and never a database's error."""

    def __init__(self, url_map: Map, *, max: int = MAX_ROW) -> None:
        super().__init__(url_map, max=max)


def init_app(app: Flask) -> None:
    app.url_map.converters["int"] = RowNumber
    app.config["TRUSTED_HOSTS"] = trusted_hosts(app)
    app.config["SESSION_COOKIE_NAME"] = cookie_name(app)
    app.config["SESSION_COOKIE_PATH"] = "/"
    app.config["SESSION_PROTECTION"] = None  # the session is a row on the server: it ends there
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    app.before_request(refuse_nul)
    app.after_request(add_headers)


def refuse_nul() -> None:
    """No database column, file name or mail holds a NUL; PostgreSQL would fail on it in the middle of a page."""
    if "\x00" in request.path or any("\x00" in value for value in request.args.values()):
        raise NotFound("There is no such page.")
    if any("\x00" in value for _, value in request.form.items(multi=True)):
        raise InvalidInput("The text holds a character that cannot be stored (NUL). Please remove it.")


def trusted_hosts(app: Flask) -> list[str]:
    """The names the desk answers to: its own address, the one it listens on, this machine, TRUSTED_HOSTS.

    Werkzeug compares names and IPv4 addresses only, so an IPv6 address needs a name.
    """
    own = urlsplit(app.config["SITE_URL"]).hostname or ""
    names = [own, app.config["BIND"], *app.config["TRUSTED_HOSTS"]]
    return [name for name in names if name and name not in WILDCARDS and ":" not in name] + LOCAL_NAMES


def is_https(app: Flask) -> bool:
    """Whether people reach the desk over TLS, at a proxy or here."""
    return str(app.config["SITE_URL"]).startswith("https://")


def cookie_name(app: Flask) -> str:
    """One name per desk, so that two on one machine do not sign each other's people out."""
    database = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    place = f"{database.host}:{database.port}/{database.database}"
    name = "helpdesk_" + hashlib.sha256(place.encode()).hexdigest()[:12]
    return f"__Host-{name}" if is_https(app) else name


def add_headers(response: BaseResponse) -> BaseResponse:
    """Add what is missing; whatever a view has set itself stays."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if is_https(current_app):
        headers.setdefault("Strict-Transport-Security", HSTS)
    if request.endpoint not in KEPT_FILES or response.status_code >= 400:
        headers["Cache-Control"] = "no-store"
    return response


def safe_next(target: str | None) -> str | None:
    """A place on this desk to go on to, or None. Looks at the characters, since parsing and browsers disagree."""
    if target and len(target) <= MAX_NEXT and _LOCAL_PATH.match(target):
        return target
    return None


def go(endpoint: str, **values: object) -> Response:
    """Redirect with 303, so that the browser asks again with GET."""
    return go_to(url_for(endpoint, **values))  # type: ignore[arg-type]


def go_to(path: str) -> Response:
    return redirect(path, 303)  # type: ignore[return-value]
