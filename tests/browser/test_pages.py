"""Every page there is, as everybody who may see it sees it: axe finds nothing, nothing overflows, nothing complains.

The pages come from the application's own map and the table of who may open what, so that a new page is looked at too.
"""

import logging
import shutil
import threading

import pytest
from axe_playwright_python.sync_playwright import Axe
from werkzeug.serving import make_server

from helpdesk.database import db
from tests.conftest import make_app
from tests.factories import ADMIN, AGENT, CUSTOMER, PASSWORD
from tests.web.conftest import _fresh_counters, desk, team  # noqa: F401
from tests.web.routes import ROUTES
from tests.web.test_route_matrix import PERSONS, address, routes_of

PEOPLE = {"anonymous": None, "customer": CUSTOMER, "agent": AGENT, "admin": ADMIN}
LOOKS = {
    "light": ("light", 1440),
    "dark": ("dark", 1440),
    "phone": ("light", 390),
}
NO_PAGES = ("/static", "/assets", "/comments")  # the last is a mail, shown in a frame only
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def database_url(sqlite_template, tmp_path):
    """What a page looks like does not depend on the database."""
    path = tmp_path / "helpdesk.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def app(database_url, tmp_path):
    app = make_app(tmp_path, database_url, SITE_URL="http://127.0.0.1", RATELIMIT_ENABLED=False)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def site(app, desk):  # noqa: F811
    """The address of the desk, served on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def open_browser(chromium, site):
    """`open_browser(email, scheme, width)`: a page of somebody signed in; complaints are kept in `page.complaints`."""
    contexts = []

    def open_one(email, scheme, width):
        context = chromium.new_context(
            color_scheme=scheme,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",  # what is still fading in has no contrast yet
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on(
            "console", lambda said: said.type in {"error", "warning"} and page.complaints.append(said.text)
        )
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        if email:
            page.goto(f"{site}/sign-in")
            page.get_by_label("E-mail address").fill(email)
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield open_one
    for context in contexts:
        context.close()


def pages_of(app, desk, person):  # noqa: F811
    """The addresses this person may open and not everybody; those are looked at as nobody in particular."""
    column = PERSONS.index(person)
    for name, rule in sorted(routes_of(app).items()):
        row = ROUTES[name]
        is_new = row[column] == "ok" and (column == 0 or row[0] != "ok")
        if name.startswith("GET ") and is_new and not rule.rule.startswith(NO_PAGES):
            yield address(app, rule, desk)


def misfits(page):
    """What the browser complains about, and whether the page is wider than the window."""
    yield from page.complaints
    page.complaints.clear()
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        yield "wider than the window"


def barriers(page):
    """What axe finds; it leaves complaints of its own in the console."""
    for violation in Axe().run(page, options=RULES | {"resultTypes": ["violations"]}).response["violations"]:
        places = ", ".join(str(node["target"][0]) for node in violation["nodes"][:3])
        yield f"{violation['id']}: {violation['help']} at {places}"


@pytest.mark.browser
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("person", PEOPLE)
def test_every_page_is_accessible_and_fits(app, desk, site, open_browser, person, look):  # noqa: F811
    page = open_browser(PEOPLE[person], *LOOKS[look])
    kind = lambda path: page.context.request.get(site + path).headers.get("content-type", "")  # noqa: E731
    paths = [path for path in pages_of(app, desk, person) if kind(path).startswith("text/html")]
    assert len(paths) >= 3
    found = []
    for look_for in (misfits, barriers):
        for path in paths:
            page.goto(site + path)
            found += [f"{path}: {fault}" for fault in look_for(page)]
    assert not found, "\n".join(found)
