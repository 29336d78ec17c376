"""Search on both databases: what is found, by whom, and that the index is never behind."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from helpdesk.database import db, transaction, utcnow
from helpdesk.mail.types import MailFile
from helpdesk.models import Ticket, User
from helpdesk.policy.status import Category, CommentKind, Priority, Status
from helpdesk.services import attachments, profiles, queries, search, search_index
from helpdesk.services.queries import TicketFilter
from helpdesk.services.sorting import PageKey, Sort
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.factories import OTHER_AGENT, OTHER_CUSTOMER, SUPPORT


@pytest.fixture
def desk(context):
    """Three tickets an agent may see and one he may not."""
    support, billing = factories.make_account(), factories.make_account("billing@desk.example")
    agent = factories.make_agent(accounts=[support])
    factories.make_customer()
    printer = factories.make_ticket(
        support, subject="Printer on floor three", text="It shows error 49 and stops."
    )
    invoice = factories.make_ticket(
        support, OTHER_CUSTOMER, "Rückfrage zur Rechnung", "Über 2291 Euro, größer als sonst"
    )
    chinese = factories.make_ticket(support, OTHER_CUSTOMER, "打印机坏了", "请帮助我们 printer")
    secret = factories.make_ticket(billing, subject="Printer of the billing team", text="error 49 too")
    return {
        "agent": agent,
        "support": support,
        "printer": printer,
        "invoice": invoice,
        "chinese": chinese,
        "secret": secret,
    }


def page_of(viewer, typed, *, statuses=(), **kw):
    return queries.list_tickets(viewer, TicketFilter(statuses=statuses, query=search.parse(typed)), **kw)


def found(desk, typed, viewer="agent", **kw):
    """The names of the tickets found, as they stand."""
    names = {ticket.id: name for name, ticket in desk.items() if isinstance(ticket, Ticket)}
    viewer = desk[viewer] if isinstance(viewer, str) else viewer
    return [names[row.ticket.id] for row in page_of(viewer, typed, **kw).rows]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("printer", ["chinese", "printer"]),
        ("PRINT", ["chinese", "printer"]),
        ("prin floor", []),
        ("floor prin", ["printer"]),
        ("pr", []),
        ("error 49", ["printer"]),
        ('"error 49"', ["printer"]),
        ('"49 error"', []),
        ("rechnung", ["invoice"]),
        ("ruckfrage", ["invoice"]),
        ("GRÖSSER", ["invoice"]),
        ("2291", ["invoice"]),
        ("打印", ["chinese"]),
        ("印打", []),
        ("jonas", ["printer"]),
        ("maria@other.example", ["chinese", "invoice"]),
        ("maria@oth", ["chinese", "invoice"]),
        ("nothing of the kind", []),
    ],
)  # fmt: skip
def test_words_are_found_wherever_they_stand(desk, typed, names):
    assert found(desk, typed) == names


@pytest.mark.parametrize(
    "typed",
    [
        '"', '""', "*", "a*", "NEAR(a b)", "AND", "a AND", "NOT printer", "words:printer", "^printer", "-", "'", "';--",
        "\\", ":*", "a:*", "!a", "a & | b", "<->", "(", "\x00", "\ud800", "𪜀", "\U0001f600", "ሀ", "printer \U0001f600",
        "%", "_", "{words}: x", "a" * 600, "assignee:", "assignee:%", "from:%", "from:_", "account:x", "é" * 400,
    ],
)  # fmt: skip
def test_nothing_typed_is_an_error(desk, typed):
    page_of(desk["agent"], typed)


def test_everybody_finds_only_what_he_may_see(desk):
    assert "secret" not in found(desk, "printer")
    assert "secret" not in found(desk, f"#{desk['secret'].number}")
    assert set(found(desk, "printer", factories.make_admin())) == {"printer", "chinese", "secret"}
    assert found(desk, "printer", factories.make_agent(OTHER_AGENT)) == []
    assert found(desk, "printer", desk["printer"].requester) == []
    assert found(desk, "assignee:none", desk["printer"].requester) == []


def test_notes_are_found_by_the_team(desk):
    with transaction():
        comments.add_note(desk["printer"], Words("Ask the vendor Kyocera."), actor=desk["agent"])
    assert found(desk, "kyocera") == ["printer"]


def test_a_number_stands_above_everything(desk):
    number = desk["printer"].number
    with transaction():
        comments.add_note(desk["invoice"], Words(f"See #{number}, number {number}"), actor=desk["agent"])
    for typed in (
        f"#{number}",
        str(number),
        f"TKT-2026-{number:05d}",
        f"[TKT-2026-{number:05d}]",
        f"invoice #{number}",
    ):
        assert found(desk, typed)[0] == "printer", typed
    assert found(desk, f"#{number}") == ["printer", "invoice"]
    assert found(desk, f"status:closed #{number}") == []


def test_the_named_ticket_is_on_the_first_page_only(desk):
    number = desk["printer"].number
    with transaction():
        for name in ("printer", "invoice", "chinese"):
            comments.add_note(desk[name], Words(f"number {number}"), actor=desk["agent"])
    first = page_of(desk["agent"], f"#{number}", limit=1)
    second = page_of(desk["agent"], f"#{number}", limit=1, after=first.next_key)
    assert [row.ticket.number for row in first.rows + second.rows] == [
        number, desk["chinese"].number, desk["invoice"].number,
    ]  # fmt: skip
    assert second.next_key is None


def test_filters_narrow_what_is_found(desk):
    agent, printer = desk["agent"], desk["printer"]
    with transaction():
        changing.assign(printer, agent, actor=agent)
        changing.set_status(printer, Status.CLOSED, actor=agent)
        changing.set_priority(printer, Priority.URGENT, actor=agent)
        changing.set_category(printer, Category.BUG, actor=agent)
        changing.set_due(desk["invoice"], utcnow() - timedelta(days=1), actor=agent)
        file = attachments.stage([MailFile("protocol.pdf", "application/pdf", b"x")])
        comments.add_note(printer, Words("see file", files=file), actor=agent)
    for typed, names in (
        ("assignee:me", ["printer"]),
        ("assignee:nora", ["printer"]),
        ('assignee:"nora keller"', ["printer"]),
        ("assignee:stranger", []),
        ("assignee:none", ["chinese", "invoice"]),
        ("status:closed printer", ["printer"]),
        ("status:active printer", ["chinese"]),
        ("priority:urgent category:bug", ["printer"]),
        (f"account:{SUPPORT}", ["printer", "chinese", "invoice"]),
        ("account:billing", []),
        ("from:jonas@customer.example", ["printer"]),
        ("from:@OTHER.example", ["chinese", "invoice"]),
        ("from:jo_as", []),
        ("has:attachment", ["printer"]),
        ("protocol.pdf", ["printer"]),
        ("is:overdue", ["invoice"]),
        ("is:waiting", ["chinese", "invoice"]),
        ("before:2001-01-01", []),
        ("after:2001-01-01 before:2999-01-01 floor", ["printer"]),
    ):
        assert found(desk, typed) == names, typed


@pytest.mark.parametrize("sort", list(Sort))
def test_found_tickets_are_paged_by_key(desk, sort):
    seen, key = [], None
    for _ in range(5):
        page = page_of(desk["agent"], "printer", sort=sort, after=key, limit=1)
        seen += [row.ticket.id for row in page.rows]
        if page.next_key is None:
            break
        key = PageKey.parse(str(page.next_key))
    assert sorted(seen) == sorted([desk["printer"].id, desk["chinese"].id])


def test_hits_are_shown_where_they_stand(desk):
    with transaction():
        comments.add_note(desk["printer"], Words("The printer again."), actor=desk["agent"])
    (row,) = page_of(desk["agent"], "floor printer").rows
    assert list(row.subject) == [("Printer", True), (" on ", False), ("floor", True), (" three", False)]
    assert list(row.snippet) == [("The ", False), ("printer", True), (" again.", False)]
    (plain,) = page_of(desk["agent"], "is:waiting rechnung").rows
    assert plain.snippet == ()


def test_the_index_follows_what_happens_and_what_is_undone(desk):
    printer = desk["printer"]
    with pytest.raises(ZeroDivisionError), transaction():
        comments.add_note(printer, Words("Undone zebra."), actor=desk["agent"])
        _ = 1 / 0
    with transaction():
        comments.add_note(printer, Words("Done giraffe."), actor=desk["agent"])
        comments.add_note(printer, Words("And okapi."), actor=desk["agent"])
    assert found(desk, "zebra") == []
    assert found(desk, "giraffe okapi") == ["printer"]
    with transaction():
        profiles.rename(printer.requester, "Jonathan Mountain")
    assert found(desk, "mountain") == ["printer"]
    with transaction() as session:
        session.execute(text("DELETE FROM ticket_search_words"))
    assert found(desk, "giraffe") == []


def test_an_enormous_text_is_kept_and_found_by_its_beginning(desk):
    """More different words than a tsvector may hold must never keep a mail from becoming a ticket."""
    words = " ".join(f"{n:x}" for n in range(400_000))
    ticket = factories.make_ticket(desk["support"], subject="Log file", text=f"okapi {words} zebra")
    assert [row.ticket.id for row in page_of(desk["agent"], "okapi").rows] == [ticket.id]
    assert page_of(desk["agent"], "zebra").rows == []
    short = " ".join(f"{a}{b}{c}" for a in "abcdefghijklm" for b in "äöüßéèñ字語印" for c in range(300))
    factories.make_ticket(desk["support"], subject="Short words", text=short * 3)
    assert len(page_of(desk["agent"], "short words").rows) == 1


def test_rows_of_deleted_tickets_go_too(desk):
    gone = desk["printer"].id
    with transaction() as session:
        for table, key in (("comment", "ticket_id"), ("participant", "ticket_id"), ("ticket", "id")):
            session.execute(text(f"DELETE FROM {table} WHERE {key} = {gone}"))
    rows = text(f"SELECT count(*) FROM ticket_search_words WHERE ticket_id = {gone}")
    assert db.session.scalar(rows) == 0
    if db.engine.dialect.name == "sqlite":
        with transaction() as session:
            session.execute(
                text("INSERT INTO ticket_search_fts (ticket_search_fts) VALUES ('integrity-check')")
            )


def test_words_written_at_the_same_moment_are_all_found(app, desk):
    """The second of two transactions must not write the ticket's row without the first one's words."""
    ids = desk["printer"].id, desk["agent"].id

    def say(session, word):
        ticket, agent = session.get(Ticket, ids[0]), session.get(User, ids[1])
        comments.write(ticket, CommentKind.NOTE, Words(word), author=agent)
        search_index.write(session, ticket.id)

    def second():
        with app.app_context(), transaction() as session:
            say(session, "zebra")

    thread = threading.Thread(target=second)
    with transaction() as session:
        say(session, "okapi")
        thread.start()
        thread.join(1)  # it waits for us: for the database on SQLite, for the ticket on PostgreSQL
        assert thread.is_alive()
    thread.join(30)
    assert found(desk, "okapi zebra") == ["printer"]
