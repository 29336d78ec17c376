"""create-user, doctor and rebuild-search."""

import shutil
from datetime import timedelta

import pytest
from sqlalchemy import text

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.mail.types import MailFile
from helpdesk.models import EmailAccount, FetchCursor
from helpdesk.services import access, attachments, links, passwords, people, queries, search
from helpdesk.services.links import Purpose
from helpdesk.services.queries import TicketFilter
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.conftest import make_app


@pytest.fixture
def run(app):
    return lambda *arguments, **options: app.test_cli_runner().invoke(args=list(arguments), **options)


def test_an_admin_with_a_password_from_standard_input(app, run):
    assert (
        run(
            "create-user", "a@b.example", "--role", "admin", "--password-stdin", input="long enough 1\n"
        ).exit_code
        == 0
    )
    with app.app_context():
        user = people.find_user("A@B.example")
        assert user.role == "admin"
        assert passwords.verify(user.password_hash, "long enough 1")
        assert not passwords.verify(user.password_hash, "long enough 2")


def test_an_agent_gets_all_accounts_and_a_link(app, run):
    with app.app_context():
        account_id = factories.make_account().id
    output = run("create-user", "n@b.example", "--role", "agent").output
    token = output.rsplit("/", 1)[1].strip()
    with app.app_context():
        assert access.account_ids(people.find_user("n@b.example")) == {account_id}
        with transaction():
            assert links.redeem(token, Purpose.SIGN_IN) is None
            assert links.redeem(token, Purpose.INVITATION).user.email == "n@b.example"
            assert links.redeem(token, Purpose.INVITATION) is None


@pytest.mark.parametrize("email", ["nobody", "a@b", "a b@c.example", "a@b.example\nBcc: x@y.example"])
def test_no_address_is_refused_in_a_sentence(run, email):
    result = run("create-user", email)
    assert result.exit_code == 1
    assert "is not an e-mail address" in result.output


def test_somebody_known_is_refused(run):
    run("create-user", "a@b.example")
    result = run("create-user", "A@B.EXAMPLE", "--role", "customer")
    assert (result.exit_code, "already" in result.output) == (1, True)


def test_doctor_is_content_with_a_healthy_desk(app, run):
    with app.app_context():
        factories.make_ticket(factories.make_account())
    result = run("doctor")
    assert (result.exit_code, result.output) == (0, "All is well.\n")


def execute(statement):
    with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text(statement))


def break_lease():
    with transaction():
        db.session.query(EmailAccount).one().fetch_lease_until = utcnow() - timedelta(hours=1)


def break_cursor():
    with transaction():
        account = db.session.query(EmailAccount).one()
        db.session.add(
            FetchCursor(account_id=account.id, folder="INBOX", uidvalidity=7, last_uid=3, updated_at=utcnow())
        )
        execute_in = text(
            "INSERT INTO email_message (account_id, direction, state, reason, detail, size, is_partial, message_id,"
            " message_id_hash, from_address, from_name, subject, attempts, created_at, transport_key, trace, purpose,"
            " urgency, recipients, payload, uncertain_count) VALUES (:a, 'in', 'received', '', '', 0, false, '', '', '',"
            " '', '', 0, :now, 'INBOX/7/5', '[]', '', 5, '{}', '{}', 0)"
        )
        db.session.execute(execute_in, {"a": account.id, "now": utcnow().replace(tzinfo=None)})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda: execute("DELETE FROM attachment; ") or execute("DELETE FROM comment"), "has no comment"),
        (lambda: execute("DELETE FROM blob_chunk"), "not whole"),
        (
            lambda: execute("UPDATE blob SET created_at = '2020-01-01'") or execute("DELETE FROM attachment"),
            "to nothing",
        ),
        (break_lease, "never given back"),
        (break_cursor, "cursor stands at 3"),
    ],
)
def test_doctor_names_each_damage(app, run, damage, words):
    with app.app_context():
        ticket = factories.make_ticket(factories.make_account())
        staged = attachments.stage([MailFile("a.txt", "text/plain", b"x")])
        with transaction():
            address = ticket.requester_address
            comments.add_incoming(ticket, Words("see", files=staged), address=address, actor=address.user)
        assert db.session.query(storage.Blob).count() == 1
        damage()
    result = run("doctor")
    assert result.exit_code == 1
    assert words in result.output


def is_found(app):
    with app.app_context():
        admin = people.find_user(factories.ADMIN)
        return bool(queries.list_tickets(admin, TicketFilter(query=search.parse("zebra"))).rows)


def zebra(app, damage):
    """A ticket in an index that is damaged so."""
    with app.app_context():
        factories.make_ticket(factories.make_account(), subject="Zebra stripes")
        factories.make_admin()
        execute(damage)


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM ticket_search_words", "UPDATE ticket_search_words SET words = 'another word'"],
    ids=["lost", "stale"],
)
def test_doctor_names_tickets_not_found_and_rebuild_search_mends_them(app, run, damage):
    zebra(app, damage)
    result = run("doctor")
    assert (result.exit_code, is_found(app)) == (1, False)
    assert "1 tickets are not found by what they say, #1: run `flask rebuild-search`." in result.output
    assert run("rebuild-search").output == "1 tickets looked at, 1 of them mended.\n"
    assert (run("doctor").exit_code, is_found(app)) == (0, True)


def test_doctor_sees_a_damaged_full_text_index_and_rebuild_search_mends_it(tmp_path, sqlite_template):
    """SQLite's alone: PostgreSQL computes its own from the rows."""
    shutil.copy(sqlite_template, tmp_path / "damaged.sqlite3")
    app = make_app(tmp_path, f"sqlite:///{tmp_path / 'damaged.sqlite3'}")
    run = app.test_cli_runner().invoke
    zebra(app, "INSERT INTO ticket_search_fts (ticket_search_fts) VALUES ('delete-all')")
    result = run(args=["doctor"])
    assert (result.exit_code, is_found(app)) == (1, False)
    assert "The search index is damaged" in result.output
    assert run(args=["rebuild-search"]).output == "1 tickets looked at, 0 of them mended.\n"
    assert (run(args=["doctor"]).exit_code, is_found(app)) == (0, True)


@pytest.fixture
def run_without_tables(tmp_path):
    """Commands on a database nobody has migrated, as a look at the wrong folder would be."""
    return make_app(tmp_path, f"sqlite:///{tmp_path / 'empty.sqlite3'}").test_cli_runner().invoke


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["doctor"], 1),
        (["list-tickets"], 1),
        (["process-emails"], 1),
        (["create-user", "a@b.example"], 1),
        (["ingest-email"], 75),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_a_database_that_cannot_be_used_gets_a_sentence(run_without_tables, arguments, code):
    """And who hands over a mail is told to keep it."""
    result = run_without_tables(args=arguments, input="From: a@b.example\n\nHello\n")
    assert result.exit_code == code
    assert "The database cannot be used" in result.output
    assert "Traceback" not in result.output
