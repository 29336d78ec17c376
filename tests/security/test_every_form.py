"""Every field of every form, as pages show them, filled with what no person types: an answer, never a crash."""

from io import BytesIO
from urllib.parse import quote_from_bytes, quote_plus

import pytest

from helpdesk.extensions import limiter
from tests.security.forms import TYPED, forms_of
from tests.web.conftest import browser, csrf_of
from tests.web.test_route_matrix import PERSONS, address, routes_of

CANARY = "Words that took long to write"
HOSTILE = {
    "nul": b"a\x00b c",
    "long": b"x" * 1_000_000,
    "int4": b"2147483648",
    "int8": b"9223372036854775808",
    "endless number": b"9" * 5000,
    "negative": b"-1",
    "other digits": "\u0661\u00b2".encode(),
    "surrogate": b"\xed\xa0\x80 and \xff",
    "right to left": "abc\u202efdp.exe".encode(),
    "line ends": b"a@b.example\r\nBcc: x@y.example",
    "sql": b"' OR 1=1; DROP TABLE ticket; --",
    "jinja": b"{{ 7*7 }} {% raise %} %(name)s {0} %s",
    "html": b"\"><script>alert('x')</script>",
    "formula": b"=HYPERLINK(1)",
    "emoji": "\U0001f600".encode() * 64,
    "date": b"0001-01-01",
    "json": b'[{"a":[1]}]',
}
WORDS = {"name", "subject", "title", "from_name", "requester_name", "text", "body"}
FIELD_BY_FIELD = ("nul", "int8", "endless number", "other digits", "surrogate", "line ends", "html", "date")
WITHOUT_FORM = {
    "POST /setup/<token>", "POST /sign-in/link/<token>", "POST /password/<token>", "POST /invitation/<token>",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_limits():
    limiter.enabled = False
    yield
    limiter.enabled = True


def pages_of(app, desk, client):
    """Every page this person can open."""
    for name, rule in sorted(routes_of(app).items()):
        if name.startswith("GET ") and "static" not in name and "assets" not in name:
            path = address(app, rule, desk)
            response = client.get(path)
            assert response.status_code < 500, path
            if response.status_code == 200 and response.mimetype == "text/html":
                yield path, response.text


def encode(pairs):
    return "&".join(f"{quote_plus(name)}={quote_from_bytes(value)}" for name, value in pairs)


def usual(form):
    """The fields as a person would send them, with words in those for words."""
    values = {}
    for name, (kind, value) in form.fields.items():
        typed = CANARY if kind == "textarea" or name in WORDS else "somebody@long.example"
        values[name] = (typed if kind in TYPED and not value else value).encode()
    return values


def attacks(form):
    """(what, kind of body, body) for every field of the form."""
    values = {name: value for name, value in usual(form).items() if name != "csrf_token"}
    for what, hostile in HOSTILE.items():
        yield f"everything: {what}", encode((name, hostile) for name in values)
    for name in values:
        for what in FIELD_BY_FIELD:
            yield f"{name}: {what}", encode((values | {name: HOSTILE[what]}).items())
        yield f"{name}: missing", encode((n, v) for n, v in values.items() if n != name)
        yield f"{name}: twice", encode([*values.items(), (name, values[name])])
        yield f"{name}: a file", {n: v.decode() for n, v in values.items()} | {name: (BytesIO(b"x"), "x.txt")}


def post(client, form, body):
    token = csrf_of(client, "/profile")
    if isinstance(body, dict):
        return client.post(form.action, data=body | {"csrf_token": token})
    body = "&".join(p for p in body.split("&") if not p.startswith("csrf_token=")) + f"&csrf_token={token}"
    return client.post(form.action, data=body, content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("person", PERSONS)
def test_no_field_breaks_anything(app, desk, person):
    trouble = []
    found = {}
    for path, text in pages_of(app, desk, browser(app, desk.get(person))):
        for form in forms_of(path, text):
            adapter = app.url_map.bind("localhost")
            rule, _ = adapter.match(form.action.split("?")[0], method="POST", return_rule=True)
            found.setdefault(rule.rule, form)
    for rule, form in found.items():
        client = browser(app, desk.get(person))
        for what, body in attacks(form):
            if "sign-out" in rule or "sessions" in rule:
                client = browser(app, desk.get(person))
            response = post(client, form, body)
            where = (rule, what, response.status_code)
            if response.status_code >= 500 or "Traceback" in response.text:
                trouble.append(where)
            if response.status_code == 422 and "twice" not in what and "everything" not in what:
                kept = [
                    n for n, v in usual(form).items() if v == CANARY.encode() and not what.startswith(f"{n}:")
                ]
                if response.text.count(CANARY) < len(kept):
                    trouble.append((*where, "lost", kept))
        try:
            list(pages_of(app, desk, browser(app, desk.get(person))))
        except AssertionError as e:
            trouble.append((rule, "page after", str(e)[:200]))
    print(sorted(found))
    for t in trouble:
        print("TROUBLE", t)
    assert not trouble
