"""process-emails, poll-emails and ingest-email, against a real mail server where one is asked."""

import os
import re
import subprocess
import sys
import threading
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from helpdesk.database import db, utcnow
from helpdesk.mail.thread import issue_message_id
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog, Ticket
from helpdesk.services import events, keys, settings
from helpdesk.services.ingest import claims, process
from tests import factories
from tests.conftest import ENVIRONMENT
from tests.factories import CUSTOMER, STRANGER, SUPPORT, make_mail

PROJECT = Path(__file__).parent.parent.parent
SUMMARY = re.compile(r"Created: (\d+)  Updated: (\d+)  Errors: (\d+)")


@pytest.fixture
def run(app):
    def run(*arguments, **options):
        result = app.test_cli_runner().invoke(args=[str(a) for a in arguments], **options)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def user():
    return f"u{uuid.uuid4().hex[:12]}"


@pytest.fixture
def account_id(app, mailbox, user):
    """An account whose mail lies on the real server."""
    server = mailbox.address(user)
    with app.app_context():
        return factories.make_account(
            incoming_host=server.host,
            incoming_port=server.port,
            incoming_security=server.security.value,
            incoming_username=user,
            incoming_password=keys.encrypt(server.password),
            incoming_ca_file=server.ca_file or "",
            start_at=utcnow() - timedelta(minutes=1),
        ).id


def counts(result):
    return tuple(map(int, SUMMARY.search(result.output).groups()))


def test_mail_on_the_server_becomes_tickets_and_comments(app, run, account_id, mailbox, user):
    mailbox.deliver(user, make_mail(subject="Printer", message_id="<a@customer.example>"))
    mailbox.deliver(user, make_mail(sender=STRANGER, subject="Invoice"))
    result = run("process-emails", "--verbose")
    assert (result.exit_code, counts(result)) == (0, (2, 0, 0))
    assert f"{SUPPORT}: 2 new, 2 taken" in result.output
    assert re.search(r"opened TKT-\d{4}-00001  Jonas Berg <jonas@customer.example>: Printer", result.output)
    with app.app_context():
        number = db.session.scalar(select(Ticket.number).where(Ticket.subject == "Printer"))
    mailbox.deliver(user, make_mail(subject=f"RE: [TICKET-{number:03d}] Printer", text="Still broken."))
    result = run("process-emails")
    assert (result.exit_code, counts(result)) == (0, (0, 1, 0))
    assert counts(run("process-emails")) == (0, 0, 0)


def test_a_dry_run_tells_what_would_happen_and_changes_nothing(app, run, account_id, mailbox, user):
    mailbox.deliver(user, make_mail(subject="Printer", files=[("log.txt", "text/plain", b"x")]))
    mailbox.deliver(user, make_mail(Auto_Submitted="auto-replied", subject="Away"))
    result = run("process-emails", "--dry-run")
    assert (result.exit_code, counts(result)) == (0, (1, 0, 0))
    assert "would be opened  Jonas Berg <jonas@customer.example>: Printer" in result.output
    assert "file: log.txt" in result.output
    assert "would be ignored" in result.output and "automatic answer" in result.output
    assert "Dry run" in result.output
    with app.app_context():
        for table in (Ticket, EmailMessage, EmailPollLog):
            assert db.session.scalar(select(func.count()).select_from(table)) == 0
        assert db.session.get(EmailAccount, account_id).last_fetch_at is None
    assert counts(run("process-emails")) == (1, 0, 0)  # still unread on the server


def test_a_limit_takes_so_many(run, account_id, mailbox, user):
    for n in range(3):
        mailbox.deliver(user, make_mail(subject=f"Matter {n}", text=f"{n}"))
    assert counts(run("process-emails", "--limit", 2)) == (2, 0, 0)
    assert counts(run("process-emails", "--limit", 2)) == (1, 0, 0)


def test_another_folder_is_read(run, account_id, mailbox, user):
    mailbox.deliver(user, make_mail(), folder="Sales")
    assert counts(run("process-emails")) == (0, 0, 0)
    assert counts(run("process-emails", "--folder", "Sales")) == (1, 0, 0)


def test_a_folder_that_is_not_there_is_an_error_in_words(run, account_id, mailbox, user):
    mailbox.deliver(user, make_mail())
    result = run("process-emails", "--folder", "Nowhere")
    assert (result.exit_code, counts(result)) == (1, (0, 0, 1))
    assert "Nowhere" in result.output


def test_a_wrong_password_is_an_error_in_words_and_not_asked_again_at_once(
    app, run, account_id, mailbox, user
):
    from helpdesk.database import transaction

    with app.app_context(), transaction() as session:
        session.get(EmailAccount, account_id).incoming_password = keys.encrypt("wrong")
    for _ in range(2):
        result = run("poll-emails", "--account-id", account_id)
        assert (result.exit_code, counts(result)) == (1, (0, 0, 1))
    assert "asked again at" in result.output
    mailbox.deliver(user, make_mail())
    with app.app_context(), transaction() as session:
        session.get(EmailAccount, account_id).incoming_password = keys.encrypt(mailbox.password)
    assert counts(run("poll-emails", "--email-address", SUPPORT.upper(), "--force")) == (1, 0, 0)


def test_a_server_that_is_away_ends_in_words(app, run):
    with app.app_context():
        factories.make_account(incoming_port=1, incoming_security="plain")
    result = run("poll-emails", "--all-accounts")
    assert (result.exit_code, counts(result)) == (1, (0, 0, 1))
    assert "Traceback" not in result.output
    assert run("process-emails", "--dry-run").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all-accounts", "--account-id", "1"], ["--email-address", "a@b.example", "--all-accounts"]],
)
def test_polling_wants_exactly_one_choice(run, arguments):
    assert run("poll-emails", *arguments).exit_code == 2


def test_an_unknown_account_is_named(run):
    result = run("poll-emails", "--account-id", "4711")
    assert result.exit_code == 1
    assert "There is no mail account 4711" in result.output


def test_without_an_account_the_command_says_what_to_do(run):
    result = run("process-emails")
    assert result.exit_code == 1
    assert "IMAP_HOST" in result.output


def test_force_fetches_what_is_paused(app, run, account_id, mailbox, user):
    from helpdesk.database import transaction

    with app.app_context(), transaction() as session:
        session.get_one(EmailAccount, account_id).is_fetching = False
    mailbox.deliver(user, make_mail())
    refused = run("process-emails")
    assert refused.exit_code == 1
    assert "EMAIL_TO_TICKET_ENABLED" in refused.output and "--force" in refused.output
    assert counts(run("poll-emails", "--all-accounts")) == (0, 0, 0)
    assert "switched off" in run("poll-emails", "--account-id", account_id).output
    assert counts(run("poll-emails", "--all-accounts", "--force")) == (1, 0, 0)
    with app.app_context():
        assert not db.session.get_one(EmailAccount, account_id).is_fetching  # once, not from now on


def test_force_asks_no_account_that_names_no_server(app, run):
    with app.app_context():
        factories.make_account(incoming_host="", is_fetching=False)
    assert "Set IMAP_HOST" in run("process-emails").output
    assert run("poll-emails", "--all-accounts", "--force").exit_code == 0
    assert "names no server" in run("poll-emails", "--email-address", SUPPORT, "--force").output


# one mail by hand


@pytest.fixture
def desk(app):
    with app.app_context():
        factories.make_account()
        factories.make_account("sales@desk.example")
    return app


def test_a_mail_from_a_file_and_from_standard_input(desk, run, tmp_path):
    path = tmp_path / "mail.eml"
    path.write_bytes(make_mail())
    assert counts(run("ingest-email", path)) == (1, 0, 0)
    assert counts(run("ingest-email", "-", input=make_mail(subject="Other"))) == (1, 0, 0)
    assert counts(run("ingest-email", input=make_mail(subject="Third"))) == (1, 0, 0)


def test_the_same_mail_again_is_told(desk, run):
    raw = make_mail()
    run("ingest-email", input=raw)
    result = run("ingest-email", input=raw)
    assert (result.exit_code, counts(result)) == (0, (0, 0, 0))
    assert "taken in before" in result.output


def test_a_mail_goes_to_the_named_account(desk, run):
    raw = make_mail(to="undisclosed@elsewhere.example")
    assert counts(run("ingest-email", "--account", "sales@desk.example", input=raw)) == (1, 0, 0)
    with desk.app_context():
        assert db.session.scalars(select(Ticket)).one().account.email == "sales@desk.example"


def test_a_dry_run_of_a_reply_names_its_ticket(desk, run):
    with desk.app_context():
        account = db.session.scalars(select(EmailAccount)).first()
        ticket = factories.make_ticket(account)
        from helpdesk.database import transaction

        with transaction():
            instance = settings.instance_id()
        signed = issue_message_id(
            ticket.id,
            nonce="abc",
            key=keys.current_key("message-id"),
            instance=instance,
            domain="desk.example",
        )
        tag = settings.tag_of(ticket)
    result = run("ingest-email", "--dry-run", input=make_mail(In_Reply_To=f"<{signed}>"))
    assert counts(result) == (0, 1, 0)
    assert f"would be appended {tag}" in result.output
    assert "signed id" in result.output


def test_a_hostile_subject_does_not_steer_the_terminal(desk, run):
    raw = make_mail(subject="PLACE").replace(b"PLACE", b"=?utf-8?q?a=1b]0;owned=07=0ab?=")
    output = run("ingest-email", "--verbose", "--dry-run", input=raw, color=False).output
    assert "\x1b" not in output and "\x07" not in output


@pytest.mark.parametrize("raw", [b"", b"\n\n"])
def test_nothing_is_no_mail(desk, run, raw):
    result = run("ingest-email", input=raw)
    assert result.exit_code == 65
    assert "empty" in result.output


def test_a_mail_that_cannot_be_stored_stays_with_who_has_it(desk, run):
    with desk.app_context():
        from sqlalchemy import text

        from helpdesk.database import transaction

        with transaction() as session:
            session.execute(text("ALTER TABLE blob_chunk RENAME TO gone"))
    result = run("ingest-email", input=make_mail())
    assert result.exit_code == 75
    assert "could not be stored" in result.output
    assert CUSTOMER not in result.output


def pipe(folder, raw, *arguments, **environment):
    """`flask ingest-email` as a mail server runs it."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "flask", "ingest-email", *arguments],
        cwd=PROJECT, input=raw, capture_output=True, timeout=120, check=False,
        env=clean | {"FLASK_APP": "wsgi.py", "INSTANCE_PATH": str(folder)} | ENVIRONMENT | {"LOG_LEVEL": "INFO"} | environment,
    )  # fmt: skip


@pytest.mark.processes
@pytest.mark.parametrize(
    "environment",
    [
        {"SECRET_KEY": ""},
        {"EMAIL_MAX_RETRY_ATTEMPTS": "many"},
        {"DATABASE_URL": "nonsense"},
        {"DATABASE_URL": "postgresql://desk@127.0.0.1:1/desk"},
        {"INSTANCE_PATH": "/dev/null/desk"},
        {"IMAP_HOST": "imap.example.org", "SUPPORT_EMAIL": "not an address"},
        {},  # a database nobody has made
    ],
)
def test_a_mail_server_keeps_the_mail_while_the_desk_cannot_take_it(tmp_path, environment):
    result = pipe(tmp_path, make_mail(), **environment)
    assert result.returncode == 75, result.stderr
    assert result.stderr and b"Traceback" not in result.stderr


def test_a_mail_for_an_account_that_is_not_there_yet_is_kept(desk, run):
    assert run("ingest-email", "--account", "new@desk.example", input=make_mail()).exit_code == 75


def test_a_mail_is_kept_while_there_is_no_account_at_all(run):
    assert run("ingest-email", input=make_mail()).exit_code == 75


@pytest.fixture
def broken(desk, monkeypatch):
    """Whoever listens to the desk's events fails."""

    def explode(event, ticket):
        raise ValueError("the listener is broken")

    monkeypatch.setattr(events, "_listeners", {**events._listeners, explode: (("",), False)})


def test_a_stored_mail_is_never_returned_to_its_sender(broken, run, tmp_path):
    result = run("ingest-email", input=make_mail())
    assert (result.exit_code, counts(result)) == (0, (0, 0, 1))
    path = tmp_path / "mail.eml"
    path.write_bytes(make_mail(subject="by hand"))
    assert run("ingest-email", path).exit_code == 1


def test_what_a_worker_of_the_running_desk_did_first_is_counted(app, run, account_id, mailbox, user):
    """A worker is woken by the commit that stores the mail, and as a rule has it before this command looks."""
    for n in range(3):
        mailbox.deliver(user, make_mail(f"p{n}@customer.example", subject=f"Matter {n}"))
    held = threading.Event()

    def worker():
        with app.app_context():
            claim = None
            while claim is None and not held.wait(0.001):
                claim = claims.take(3, tried_first=False)
            if claim is not None:
                held.wait(1)
                process._Worker(process.BACKOFF).work_off(claim, lambda: False)

    thread = threading.Thread(target=worker)
    thread.start()
    result = run("poll-emails", "--all-accounts")
    held.set()
    thread.join()
    assert "3 taken" in result.output
    assert (result.exit_code, counts(result)) == (0, (3, 0, 0)), result.output
