"""Every text of the desk replaced by an attack, every page opened in a real browser: nothing runs, nothing is inserted.

The texts are the columns of the desk's own models and its settings, so that a new one is attacked too; the pages are
those of the application's map. What a page says to the console counts: a policy that had to stop something does.
"""

from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
from sqlalchemy import String, Text, update

from helpdesk.database import Base, transaction, utcnow
from helpdesk.models import Draft, EmailAccount, EmailPollLog, User
from helpdesk.policy.status import CommentKind
from helpdesk.services import accounts, practice, queries, settings, tags
from helpdesk.transports.maildir import deposit
from tests import factories
from tests.browser.site import Site
from tests.web.conftest import _fresh_counters, desk, team  # noqa: F401
from tests.web.test_route_matrix import address, routes_of

pytestmark = pytest.mark.browser

ATTACK = (
    "'\"><x-canary></x-canary><script>alert(1)</script><img src=/canary onerror=alert(2)>"
    "<style>*{color:red}</style>{{7*191}}{% raise %}%(who)s %s {0}</textarea></title><x-canary>"
)
LINKS = 'https://a.example/"onmouseover="alert(3) javascript:alert(4) https://a.example/<x-canary>'
WORDS = ATTACK + LINKS
# Values that are words of ours, not text: a page would rightly not know what to do with another one.
KEPT = {
    "role", "kind", "state", "status", "priority", "category", "disposition", "direction", "type", "purpose", "language",
    "timezone", "address", "folded", "token", "token_hash", "sha256", "raw_sha256", "password_hash", "form_key", "name_key",
    "message_id_hash", "body_digest", "claim", "transport_key", "incoming_protocol", "outgoing_protocol", "incoming_security",
    "outgoing_security", "incoming_password", "outgoing_password", "fetch_lease", "send_lease", "default_priority",
    "default_category", "reply_status", "status_after", "source", "number_format", "ip",
}  # fmt: skip
TABLES_KEPT = {"setting", "counter", "blob", "blob_chunk", "search_words", "ticket_words"}
QUERIES = (
    "q",
    "tag",
    "view",
    "status",
    "sort",
    "after",
    "assignee",
    "requester",
    "write",
    "next",
    "state",
    "show",
)
SEEN_BY = {
    "anonymous": ("/contact", "/sign-in", "/password"),
    "customer": ("/my", "/profile"),
    "agent": ("/tickets", "/notifications", "/profile"),
    "admin": ("/admin", "/tickets"),
}
LOOK = """() => [
  ...document.querySelectorAll("x-canary, [onmouseover], [onerror], a[href^='javascript' i], img[src*=canary], body style"),
].map((found) => found.outerHTML.slice(0, 200))"""


def attackable():
    """(model, its text columns)."""
    for mapper in Base.registry.mappers:
        table = mapper.local_table
        if table.name not in TABLES_KEPT:
            texts = [
                column
                for column in table.columns
                if type(column.type) in {String, Text} and column.name not in KEPT and not column.foreign_keys
            ]
            if texts:
                yield mapper.class_, texts


def poison(app, desk):  # noqa: F811
    """Put the attack wherever a text can be."""
    with app.app_context(), transaction() as session:
        ticket, nora = queries.by_number(desk["ticket"]), session.get(User, desk["agent"])
        now = utcnow()
        tags.add(ticket, "canary", actor=nora)
        ticket.follow_up_of = ticket.may_belong_to = queries.by_number(desk["other_ticket"])
        for kind in (CommentKind.REPLY, CommentKind.NOTE):
            session.add(
                Draft(
                    user_id=nora.id, ticket_id=ticket.id, kind=kind, text="x", created_at=now, updated_at=now
                )
            )
        session.add(EmailPollLog(account_id=desk["account"], started_at=now, error="x", error_detail="x"))
        account = session.get(EmailAccount, desk["account"])
        account.failing_since, account.consecutive_failures, account.is_alarming = now, 3, True
        account.last_error = "x"
        nora.language = "de"  # the German sentences are filled with the same words
        session.flush()
        for model, columns in attackable():
            session.execute(
                update(model)
                .values(
                    {
                        c.name: WORDS[: getattr(c.type, "length", None) or len(WORDS)]
                        for c in columns
                        if not c.unique
                    }
                )
                .execution_options(synchronize_session=False)
            )
        session.execute(update(Draft).values(recipients={"cc": [WORDS], "left_out": [WORDS]}))
        settings.put("desk_name", WORDS)


@pytest.fixture
def site(app, desk, chromium):  # noqa: F811
    site = Site(app, chromium)
    yield site
    site.close()


def pages(app, desk, person):  # noqa: F811
    for name, rule in sorted(routes_of(app).items()):
        path = address(app, rule, desk)
        if name.startswith("GET ") and path.startswith(SEEN_BY[person]) and not path.endswith("/raw"):
            yield path
            if rule.endpoint in {
                "tickets.index",
                "admin.mail",
                "admin.people",
                "portal.index",
                "tickets.new",
            }:
                yield f"{path}?{urlencode(dict.fromkeys(QUERIES, WORDS))}"


def _is_complaint(line):
    return (
        line.type in {"error", "warning"} and "status of 404" not in line.text
    )  # no link of these tests lives


@contextmanager
def looking(context):
    """A page that is told where to go, and answers with what an attack has left there."""
    page, trouble = context.new_page(), []
    page.on("dialog", lambda dialog: (trouble.append((page.url, dialog.message)), dialog.dismiss()))
    page.on("pageerror", lambda error: trouble.append((page.url, str(error))))
    page.on("console", lambda line: _is_complaint(line) and trouble.append((page.url, line.text)))

    def visit(path):
        status = page.goto(path, wait_until="load").status
        for frame in page.frames:
            trouble.extend((path, found) for found in frame.evaluate(LOOK))
        if "1337" in page.inner_text("body"):
            trouble.append((path, "a template was filled"))
        return status, "canary" in page.content()

    yield visit
    assert not trouble


@pytest.mark.parametrize("person", sorted(SEEN_BY))
def test_no_text_of_the_desk_becomes_part_of_a_page(app, desk, site, person):  # noqa: F811
    poison(app, desk)
    context = site.context(desk[person]) if person in desk else site.nobody()
    with looking(context) as visit:
        answers = [visit(path) for path in pages(app, desk, person)]
    assert {status for status, _ in answers} <= {200, 404}
    assert sum(is_attacked for _, is_attacked in answers) > 2


def test_no_mail_of_the_practice_mailbox_becomes_part_of_its_page(app, chromium):
    with app.app_context():
        admin_id = factories.make_admin().id
        with transaction() as session:
            account = practice.start(actor=session.get(User, admin_id))
            folder, key = accounts.practice_path(account) / "out", f"{account.id}-1"
        raw = factories.make_mail(
            "evil@x.example",
            subject=WORDS,
            text=WORDS,
            html=f"<p>{WORDS}</p>",
            files=[(ATTACK, "text/html", ATTACK.encode())],
        )
        deposit(folder, raw)
    site = Site(app, chromium)
    try:
        with looking(site.context(admin_id)) as visit:
            for path in ("/practice", f"/practice?mail={key}", f"/practice?answer={key}&mail={key}"):
                assert visit(path) == (200, True), path
    finally:
        site.close()
