"""test-email-connectivity, send-test-email, send-emails and email-monitor, against real mail servers."""

import email
import json
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog
from helpdesk.services import keys
from tests import factories
from tests.factories import CUSTOMER, SUPPORT


@pytest.fixture
def run(app):
    def run(*arguments):
        result = app.test_cli_runner().invoke(args=[str(a) for a in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def account_id(app, mailbox, sink):
    """An account whose two servers are real."""
    server = mailbox.address(f"u{uuid.uuid4().hex[:12]}")
    with app.app_context():
        return factories.make_account(
            incoming_host=server.host,
            incoming_port=server.port,
            incoming_security=server.security.value,
            incoming_username=server.username,
            incoming_password=keys.encrypt(server.password),
            incoming_ca_file=server.ca_file or "",
            outgoing_host="127.0.0.1",
            outgoing_port=sink.port,
            outgoing_security="plain",
        ).id


def change(app, account_id, **values):
    with app.app_context(), transaction() as session:
        account = session.get_one(EmailAccount, account_id)
        for name, value in values.items():
            setattr(account, name, value)


def test_both_ways_are_tried(run, account_id):
    result = run("test-email-connectivity", "--email-address", SUPPORT)
    assert result.exit_code == 0
    assert "Receiving: works" in result.output
    assert "Sending: works" in result.output


@pytest.mark.parametrize(("kind", "tried"), [("imap", "Receiving"), ("smtp", "Sending")])
def test_one_way_alone(run, account_id, kind, tried):
    result = run("test-email-connectivity", "--account-id", account_id, "--test-type", kind)
    assert result.exit_code == 0
    assert result.output.startswith(f"{tried}: works")
    assert len(result.output.splitlines()) == 1


def test_what_is_wrong_is_said_in_words_and_in_the_servers_own(app, run, account_id):
    change(app, account_id, incoming_password="", outgoing_port=1)
    result = run("test-email-connectivity", "--account-id", account_id)
    assert result.exit_code == 1
    assert "Receiving: works" not in result.output
    assert "The server's words:" in result.output
    assert "Sending: " in result.output
    assert "refused" in result.output


def test_a_test_mail_arrives(run, account_id, sink):
    result = run(
        "test-email-connectivity", "--account-id", account_id, "--send-test-email", "--to-email", CUSTOMER
    )
    assert result.exit_code == 0, result.output
    (mail,) = sink.mails()
    assert mail.recipients == (CUSTOMER,)
    assert SUPPORT in email.message_from_bytes(mail.raw)["From"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--account-id", "1", "--email-address", SUPPORT],
        ["--account-id", "1", "--send-test-email"],
        ["--account-id", "1", "--to-email", CUSTOMER],
        ["--account-id", "1", "--test-type", "gopher"],
    ],
)
def test_called_the_wrong_way(run, arguments):
    assert run("test-email-connectivity", *arguments).exit_code == 2


@pytest.mark.parametrize("command", ["test-email-connectivity", "email-monitor"])
def test_an_unknown_account_gets_a_sentence(run, command):
    result = run(command, "--email-address", "nobody@desk.example")
    assert result.exit_code == 1
    assert "There is no mail account nobody@desk.example" in result.output


def test_a_refused_test_mail_is_told_with_the_servers_words(run, account_id, sink):
    sink.refuse[CUSTOMER] = "550 5.1.1 No such user"
    result = run("send-test-email", "--to-email", CUSTOMER)
    assert result.exit_code == 1
    assert "was not sent" in result.output
    assert "No such user" in result.output


# what services answer when something is missing there, and what the desk makes of it
SERVICES = {
    "sendgrid": ("MAIL", "550 The from address does not match a verified Sender Identity", "does not take mail from this sender"),
    "ses": ("END", "554 Message rejected: Email address is not verified", "does not take this mail"),
    "mailgun": ("DATA", "421 Domain not allowed to send: Please activate your account", "ended the connection"),
    "postmark": ("END", "450 You have exceeded your sending limit", "does not take this mail"),
    "microsoft": ("MAIL", "550 5.7.60 Client does not have permissions to send as this sender", "from this sender"),
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_lacks_is_told_in_words_and_in_its_own(run, account_id, sink, service):
    step, answer, words = SERVICES[service]
    sink.answers[step] = [answer] * 2
    result = run("send-test-email", "--to-email", CUSTOMER)
    assert (result.exit_code, words in result.output) == (1, True), result.output
    assert answer.split(" ", 1)[1] in result.output
    assert ("tried again" in result.output) is answer.startswith("4")
    assert sink.mails() == []


def test_a_service_that_wants_its_own_user_says_so(app, run, account_id, sink):
    sink.users = {"apikey": "SG.right"}
    change(
        app, account_id, outgoing_username=SUPPORT, outgoing_password=in_app(app, keys.encrypt, "SG.right")
    )
    result = run("send-test-email", "--to-email", CUSTOMER)
    assert "refuses user name or password" in result.output and "535" in result.output
    change(app, account_id, outgoing_username="apikey")
    assert "has taken the mail" in run("send-test-email", "--to-email", CUSTOMER).output
    assert (
        "250"
        in run(
            "test-email-connectivity",
            "--account-id",
            account_id,
            "--test-type",
            "smtp",
            "--send-test-email",
            "--to-email",
            CUSTOMER,
        ).output
    )


def in_app(app, function, *arguments):
    with app.app_context():
        return function(*arguments)


def test_a_test_mail_waits_for_a_server_that_is_away(app, run, account_id):
    change(app, account_id, outgoing_port=1)
    result = run("send-test-email", "--to-email", CUSTOMER, "--email-address", SUPPORT)
    assert result.exit_code == 1
    assert "tried again" in result.output


def test_no_address_is_refused_and_nothing_is_queued(app, run, account_id):
    result = run("send-test-email", "--to-email", "nobody\nBcc: x@y.example")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    with app.app_context():
        assert db.session.query(EmailMessage).count() == 0


def test_what_waits_is_sent_without_a_worker(app, run, account_id, sink):
    with app.app_context():
        factories.make_ticket(db.session.get(EmailAccount, account_id))
    assert sink.mails() == []
    result = run("send-emails")
    assert (result.exit_code, result.output) == (0, "Still waiting: 0\n")
    assert [mail.recipients for mail in sink.mails()] == [(CUSTOMER,)]


def monitored(run, *arguments):
    result = run("email-monitor", "--format", "json", *arguments)
    return result.exit_code, json.loads(result.stdout)


def test_an_account_that_works_is_healthy(run, account_id):
    assert monitored(run)[1][0]["state"] == "new"
    run("poll-emails", "--all-accounts")
    code, (report,) = monitored(run)
    assert code == 0
    assert report["state"] == "healthy"
    assert report["last_success_at"]
    assert report["next_fetch_at"] > report["last_fetch_at"]
    assert (report["received"], report["waiting_out"], report["attention"]) == (0, 0, 0)
    assert "errors" not in report
    assert report["looks"] == {"count": 1, "failed": 0, "found": 0, "taken": 0, "known": 0}
    (poll,) = report["polls"]
    assert (poll["found"], poll["taken"], poll["known"], poll["error"], poll["warning"]) == (
        0,
        0,
        0,
        None,
        None,
    )
    assert poll["seconds"] >= 0


def test_an_account_that_fails_is_told_with_its_errors(app, run, account_id):
    change(app, account_id, incoming_port=1)
    run("poll-emails", "--all-accounts")
    code, (report,) = monitored(run, "--show-errors")
    assert (code, report["state"], report["consecutive_failures"]) == (1, "failing", 1)
    assert report["errors"][0]["error"] == report["last_error"]
    table = run("email-monitor", "--show-errors", "--email-address", SUPPORT)
    assert table.exit_code == 1
    assert report["last_error"] in table.output


def test_what_a_server_refused_besides_is_told(app, run, account_id):
    run("poll-emails", "--all-accounts")
    with app.app_context(), transaction() as session:
        log = session.scalars(select(EmailPollLog)).one()
        log.warning, log.warning_params = "%(host)s refuses to delete mails.", {"host": "mail.example"}
    assert monitored(run)[1][0]["polls"][0]["warning"] == "mail.example refuses to delete mails."
    assert "Note: mail.example refuses to delete mails." in run("email-monitor", "--show-errors").output


def test_a_pop3_account_is_tried_as_one(app, run, account_id, mailbox):
    tried = run("test-email-connectivity", "--account-id", account_id, "--test-type", "pop3")
    assert (tried.exit_code, "receives by imap, not by pop3" in tried.output) == (1, True)
    change(app, account_id, incoming_protocol="pop3", incoming_port=mailbox.pop3s_port)
    assert (
        "Receiving: works"
        in run("test-email-connectivity", "--account-id", account_id, "--test-type", "pop3").output
    )


@pytest.mark.parametrize("backend", ["console", "file", "dummy"])
def test_every_command_says_that_no_mail_leaves(app, run, account_id, sink, backend):
    app.config["EMAIL_BACKEND"] = backend
    words = f"No mail leaves the desk: EMAIL_BACKEND={backend}"
    tried = run("test-email-connectivity", "--account-id", account_id, "--test-type", "smtp")
    assert words in tried.output
    sent = run("send-test-email", "--to-email", CUSTOMER)
    assert words in sent.output and "has taken" not in sent.output
    assert (CUSTOMER in sent.output.replace(words, "")) is (backend == "console")
    assert {"console": "printed", "file": "written as 20", "dummy": "discarded"}[backend] in sent.output
    assert words in run("email-monitor").output
    assert monitored(run)[1][0]["sends_by"] == backend
    assert sink.mails() == []


def test_what_waits_is_counted(app, run, account_id):
    with app.app_context():
        factories.make_ticket(db.session.get(EmailAccount, account_id))
    change(app, account_id, is_fetching=False)
    code, (report,) = monitored(run)
    assert (code, report["state"], report["waiting_out"]) == (0, "paused", 1)
    assert report["oldest_waiting_at"] <= f"{utcnow() + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    table = run("email-monitor").output.splitlines()
    assert table[0].startswith("account")
    assert table[1].split()[:2] == [SUPPORT, "paused"]
