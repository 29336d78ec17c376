"""Every field of every form, as pages show them, filled with what no person types: an answer, never a crash."""

import re
from io import BytesIO
from urllib.parse import quote_from_bytes, quote_plus

import pytest
from sqlalchemy import event

from helpdesk.database import db
from helpdesk.extensions import limiter
from tests.security.forms import TYPED, forms_of
from tests.web.conftest import browser, csrf_of
from tests.web.test_route_matrix import address, routes_of

CANARY = "Words that took long to write"
HOSTILE = {
    "nul": b"a\x00b c",
    "long": b"x" * 20_000,
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
FIELD_BY_FIELD = ("int8", "surrogate")
MAY_BE_KEPT = {"draft", "upload", "blob", "blob_chunk", "user_session"}  # of a form that was refused
WRITING = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+\"?(\w+)")
ENDING_SESSIONS = {"/sign-out", "/sign-in", "/profile/password"}


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
    """(what, body) for the whole form and for each of its fields."""
    values = {name: value for name, value in usual(form).items() if name != "csrf_token"}
    for what, hostile in HOSTILE.items():
        yield f"everything: {what}", encode((name, hostile) for name in values)
    yield "everything: twice", encode([*values.items(), *values.items()])
    yield "everything: missing", ""
    for name, (kind, _) in form.fields.items():
        if name == "csrf_token" or name.startswith("was_"):
            continue
        for what in FIELD_BY_FIELD:
            yield f"{name}: {what}", encode((values | {name: HOSTILE[what]}).items())
        yield f"{name}: missing", encode((n, v) for n, v in values.items() if n != name)
        yield f"{name}: a file", {n: v.decode() for n, v in values.items()} | {name: (BytesIO(b"x"), "x.txt")}
        if kind == "textarea":
            yield f"{name}: long", encode((values | {name: b"x" * 1_000_000}).items())


def attacks_by_type(form):
    """Each field alone with what does not fit into its column: PostgreSQL refuses what SQLite takes."""
    values = {name: value for name, value in usual(form).items() if name != "csrf_token"}
    for name in values:
        what = "long" if form.fields[name][0] in TYPED else "int8"
        yield f"{name}: {what}", encode((values | {name: HOSTILE[what]}).items())


class Saved:
    """The tables written to by what was committed since it was asked last."""

    def __init__(self, engine):
        self.open, self.committed = set(), set()
        event.listen(engine, "before_cursor_execute", self._on_statement)
        event.listen(engine, "commit", self._on_commit)
        event.listen(engine, "rollback", lambda _: self.open.clear())

    def _on_statement(self, _connection, _cursor, statement, *_):
        self.open.update(WRITING.findall(statement)[:1])

    def _on_commit(self, _):
        self.committed |= self.open
        self.open.clear()

    def take(self):
        found, self.committed = self.committed, set()
        return found


def post(client, form, body, token):
    if isinstance(body, dict):
        return client.post(form.action, data=body | {"csrf_token": token})
    kind = "application/x-www-form-urlencoded"
    return client.post(form.action, data=f"csrf_token={token}&{body}", content_type=kind)


def lost(form, what, response):
    """The words that were typed into the fields not attacked, and are not on the page that refuses the form."""
    kept = [
        name
        for name, value in usual(form).items()
        if value == CANARY.encode() and not what.startswith((f"{name}:", "everything"))
    ]
    return kept if response.status_code == 422 and response.text.count(CANARY) < len(kept) else []


def forms_by_rule(app, desk, person):
    adapter = app.url_map.bind("localhost")
    found = {}
    for path, text in pages_of(app, desk, browser(app, desk.get(person))):
        for form in forms_of(path, text):
            rule, _ = adapter.match(form.action.split("?")[0], method="POST", return_rule=True)
            found.setdefault(rule.rule, form)
    return found


@pytest.mark.parametrize("person", ["anonymous", "customer", "agent", "admin"])
def test_no_field_of_any_form_breaks_anything(app, desk, person, database_url):
    """And what is refused is not half saved."""
    trouble = []
    forms = forms_by_rule(app, desk, person)
    with app.app_context():
        saved = Saved(db.engine)
    for rule, form in forms.items():
        client = browser(app, desk.get(person))
        token = csrf_of(client, "/profile")
        for what, body in attacks(form) if database_url.startswith("sqlite") else attacks_by_type(form):
            saved.take()
            response = post(client, form, body, token)
            half = saved.take() - MAY_BE_KEPT if response.status_code >= 400 else set()
            if (
                response.status_code >= 500
                or "Traceback" in response.text
                or lost(form, what, response)
                or half
            ):
                trouble.append((rule, what, response.status_code, lost(form, what, response), half))
            if rule in ENDING_SESSIONS:
                client = browser(app, desk.get(person))
                token = csrf_of(client, "/profile")
    assert len(forms) > 2
    assert not trouble
    assert list(pages_of(app, desk, browser(app, desk.get(person))))  # and every page still opens
