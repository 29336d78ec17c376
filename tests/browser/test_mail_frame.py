"""Mails as their senders designed them, in a real browser: what is loaded, what they look like, where they end."""

import base64

import pytest

from helpdesk.database import transaction
from helpdesk.services import queries
from helpdesk.services.tickets import comments
from tests.browser.site import Site
from tests.web.conftest import _fresh_counters, desk, team  # noqa: F401

pytestmark = pytest.mark.browser

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NEWSLETTER = """<html><head><style>.card{background:#ffffff;padding:24px} .lead{color:#0b6e69;font-size:26px}
 html,body{height:100%} @media (max-width:600px){.card{padding:8px}}</style></head>
 <body style="margin:0;background:#e8eef4"><table width="100%"><tr><td align="center"><table width="560" class="card"><tr><td>
 <img src="http://pictures.example/header.png" width="512" height="120" alt="Fjord Post">
 <p class="lead">Spring sale</p><p>Everything for your office.</p>
 <a style="background:#0b6e69;color:#fff;padding:12px 22px;border-radius:8px;display:inline-block" href="https://shop.example">Look</a>
 <img src="https://pictures.example/footer.png" width="200" height="40" alt="">
 <img src="https://pictures.example/open.gif" width="1" height="1"><div style="display:none"><img src="https://pictures.example/hidden.png"></div>
 </td></tr></table></td></tr></table></body></html>"""
LAYOUT = """<body style="height:100vh"><div style="position:fixed;top:-500px;left:-500px;width:9000px;height:9000px;z-index:99;
 background:red">x</div><p style="margin:-400px 0 0 -400px">out</p><table style="width:2000px;background:#ddd"><tr><td>wide</td></tr></table>
 <style>body{margin-top:-300px;min-height:500vh} p{position:absolute;transform:scale(50)}</style><p>end</p></body>"""
PLAIN = (
    '<div dir="ltr">Hello,<br><br>it works <b>now</b>. <span style="color:rgb(34,34,34)">Thanks!</span></div>'
)


@pytest.fixture
def site(app, desk, chromium):  # noqa: F811
    site = Site(app, chromium)
    yield site
    site.close()


@pytest.fixture
def mails(app, desk):  # noqa: F811
    """Ids of the comments, by name."""
    with app.app_context(), transaction():
        ticket = queries.by_number(desk["ticket"])
        sender = {"address": ticket.requester_address, "actor": ticket.requester}
        designs = {"newsletter": NEWSLETTER, "layout": LAYOUT, "plain": PLAIN}
        return {
            name: comments.add_incoming(ticket, comments.Words(name, html=html), **sender).id
            for name, html in designs.items()
        }


def open_ticket(site, desk, asked, *, path="", **options):  # noqa: F811
    """The agent's page of the ticket; what the web is asked for is kept in `asked`."""
    context = site.context(desk["agent"], **options)

    def answer(route):
        asked.append(route.request)
        route.fulfill(body=PICTURE, content_type="image/png")

    context.route("https://pictures.example/**", answer)
    page = context.new_page()
    page.goto(f"/tickets/{desk['ticket']}{path}", wait_until="load")
    return page


def design_of(page, comment_id):
    """The message, with its design opened."""
    message = page.locator(f"#comment-{comment_id}")
    message.get_by_text("Show as it was designed").click()
    message.frame_locator("iframe").locator("html[data-look] body").wait_for()
    return message


def names(asked):
    return sorted(request.url.rpartition("/")[2] for request in asked)


def wait_for(page, asked, count):
    for _ in range(600):
        if len(asked) >= count:
            break
        page.wait_for_timeout(50)
    assert len(asked) == count


@pytest.mark.parametrize("scripts", [True, False])
def test_pictures_of_the_web_wait_until_they_are_asked_for(site, desk, mails, scripts):  # noqa: F811
    asked = []
    page = open_ticket(site, desk, asked, java_script_enabled=scripts)
    message = design_of(page, mails["newsletter"])
    assert message.get_by_text("2 pictures from the web are not shown").is_visible()
    assert message.get_by_text("2 hidden pictures that only count readers were removed").is_visible()
    assert asked == []
    message.get_by_role("link", name="Show them").click()
    message.frame_locator("iframe").locator("img[src^='https://pictures.example/footer']").wait_for(
        state="attached"
    )
    wait_for(page, asked, 2)
    assert names(asked) == ["footer.png", "header.png"]
    assert not any(request.headers.get("referer") for request in asked)
    page.goto(page.url)
    design_of(page, mails["newsletter"])
    assert len(asked) == 2  # that once is over
    page.locator(f"#comment-{mails['newsletter']}").get_by_role(
        "button", name="Always for this sender"
    ).click()
    page.get_by_text("Pictures from the web are shown, as always").first.wait_for()
    wait_for(page, asked, 4)


def test_a_design_stays_in_its_frame_and_the_frame_fits_it(site, desk, mails):  # noqa: F811
    page = open_ticket(site, desk, [], width=390)
    for name in mails:
        message = design_of(page, mails[name])
        inner = message.frame_locator("iframe").locator("html[data-look]")
        tall = "page => [page.offsetHeight, page.clientHeight, page.scrollWidth > page.clientWidth]"
        for _ in range(600):
            height, room, is_wide = inner.evaluate(tall)
            if 0 <= room - height <= 20 and is_wide == (name == "layout"):
                break
            page.wait_for_timeout(50)
        assert 0 <= room - height <= 20, (name, height, room)
        assert height < 1200
        assert is_wide == (name == "layout")  # the letter is shown smaller, what is far too wide scrolls
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_design_lies_on_paper_and_plain_words_on_the_desk(site, desk, mails, scheme):  # noqa: F811
    page = open_ticket(site, desk, [], color_scheme=scheme)
    card = page.locator(".message__card").first.evaluate("card => getComputedStyle(card).backgroundColor")
    wanted = {"newsletter": "rgb(255, 255, 255)", "layout": "rgb(255, 255, 255)", "plain": card}
    for name, colour in wanted.items():
        inner = design_of(page, mails[name]).frame_locator("iframe").locator("html[data-look]")
        for _ in range(600):  # its style sheets may still be on their way
            shown = inner.evaluate("page => getComputedStyle(page).backgroundColor")
            if shown == colour:
                break
            page.wait_for_timeout(50)
        assert shown == colour, name
