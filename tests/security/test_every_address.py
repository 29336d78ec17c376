"""Every address with numbers no row has, words no page gives, and parameters no link has: a page, never a crash."""

import re
from pathlib import Path

import pytest

import helpdesk.web
from helpdesk.extensions import limiter
from tests.web.conftest import browser, csrf_of
from tests.web.test_route_matrix import UNSAFE, address, routes_of

NUMBERS = ("2147483648", "9223372036854775808", "9" * 40)
WORDS = ("%ED%A0%80%FF", "..%2F..%2Fetc'%22%3E%3Cb%3E%25s%7B0%7D", "x" * 5000)
VALUES = (
    "%FF%ED%A0%80", "99999999999999999-999999999-9", "-" + "9" * 400, "%D9%A1%C2%B2'%22%3E%3Cb%3E%25(x)s%7B0%7D",
    "status:x+before:9999-12-31+after:0001-01-01+*:*+NEAR(a)+%5Ea+%26%7C!+%22%22%22",
)  # fmt: skip
READ = re.compile(r'args(?:\.get|\.getlist)?[\(\[]"(\w+)"|^ +"(\w+)": args', re.M)


@pytest.fixture(autouse=True)
def _no_limits():
    limiter.enabled = False
    yield
    limiter.enabled = True


def parameters():
    """Every name a page reads from its address."""
    code = "".join(path.read_text("utf-8") for path in Path(helpdesk.web.__path__[0]).rglob("*.py"))
    return [*sorted({name for found in READ.findall(code) for name in found if name}), "after", "tag", "sort"]


def odd_addresses(app, desk, client):
    """(method, address) with one odd part each, of pages that are for this person."""
    for name, rule in sorted(routes_of(app).items()):
        method, path = name.split()[0], address(app, rule, desk)
        if method == "GET" and client.get(path).status_code in {403, 404}:
            continue
        pieces, usual = rule.rule.split("/"), path.split("/")
        for at, piece in enumerate(pieces):
            if "<" in piece and "any(" not in piece:
                for odd in NUMBERS if piece.startswith("<int:") else WORDS:
                    yield method, "/".join([*usual[:at], odd, *usual[at + 1 :]])
        if method == "GET":
            for value in VALUES:
                yield method, f"{path}?" + "&".join(f"{parameter}={value}" for parameter in parameters())


@pytest.mark.parametrize("person", ["customer", "agent", "admin"])
def test_no_address_breaks_a_page(app, desk, person):
    client = browser(app, desk.get(person))
    token = csrf_of(client, "/profile")
    trouble = []
    for method, path in odd_addresses(app, desk, client):
        data = {"csrf_token": token} if method in UNSAFE else None
        status = client.open(path, method=method, data=data).status_code
        if status >= 500:
            trouble.append((status, method, path[:150]))
    assert {"q", "before", "after", "show", "next", "write"} <= set(parameters())
    assert not trouble
