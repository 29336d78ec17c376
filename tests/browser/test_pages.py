"""Every page there is, as everybody who may see it sees it: axe finds nothing, nothing overflows, nothing complains.

The pages come from the application's own map and the table of who may open what, so that a new page is looked at too.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.site import Site
from tests.web.conftest import _fresh_counters, desk, team  # noqa: F401
from tests.web.routes import ROUTES
from tests.web.test_route_matrix import PERSONS, address, routes_of

# each with those whose pages look the same to him
PEOPLE = {
    "anonymous": (),
    "customer": ("anonymous",),
    "agent": ("anonymous",),
    "admin": ("anonymous", "agent"),
}
STILL = {"reduced_motion": "reduce"}  # what is still fading in has no contrast yet
LOOKS = {
    "light": {"color_scheme": "light", "width": 1440} | STILL,
    "dark": {"color_scheme": "dark", "width": 1440} | STILL,
    "phone": {"color_scheme": "light", "width": 390} | STILL,
}
NO_PAGES = ("/static", "/assets", "/comments")  # the last is a mail, shown in a frame only
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def site(app, desk, chromium):  # noqa: F811
    site = Site(app, chromium)
    yield site
    site.close()


def pages_of(app, desk, person):  # noqa: F811
    """The addresses this person may open, without those that were looked at as somebody with fewer rights."""
    for name, rule in sorted(routes_of(app).items()):
        may = dict(zip(PERSONS, ROUTES[name], strict=True))
        is_new = may[person] == "ok" and all(may[other] != "ok" for other in PEOPLE[person])
        if name.startswith("GET ") and is_new and not rule.rule.startswith(NO_PAGES):
            yield address(app, rule, desk)


def is_page(page, path):
    return page.context.request.get(path).headers.get("content-type", "").startswith("text/html")


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


# a colour is no wider than another, and the width changes neither names nor colours
DONE_ELSEWHERE = {("dark", misfits), ("phone", barriers)}


@pytest.mark.browser
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("person", PEOPLE)
def test_every_page_is_accessible_and_fits(app, desk, site, person, look):  # noqa: F811
    page = site.open(desk.get(person), "/", **LOOKS[look])
    paths = [path for path in pages_of(app, desk, person) if is_page(page, path)]
    assert len(paths) >= 3
    found = []
    for look_for in (misfits, barriers):
        for path in paths if (look, look_for) not in DONE_ELSEWHERE else ():
            page.goto(path)
            found += [f"{path}: {fault}" for fault in look_for(page)]
    assert not found, "\n".join(found)
