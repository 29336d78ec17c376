"""Fetching by POP3: each mail once by its name there, deleted only when it is safe here and old enough."""

import secrets
import threading
from datetime import timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, KnownMail, Ticket
from helpdesk.models.fetching import MailFate
from helpdesk.models.mail import AfterTaking
from helpdesk.policy.addresses import OWN_NETWORKS
from helpdesk.services import accounts, fetch, fetch_maildrop, retention
from helpdesk.services import keys as keys_of
from helpdesk.services.fetch import fetch_account
from helpdesk.services.ingest import process
from tests import factories
from tests.servers.fixtures import authority, dovecot, imap_server, mailbox  # noqa: F401
from tests.servers.scripted_pop3 import ScriptedPop3


@pytest.fixture
def server(context):
    context.config["MAIL_ALLOWED_NETWORKS"] = OWN_NETWORKS
    server = ScriptedPop3().start()
    yield server
    server.stop()


@pytest.fixture
def account(server):
    """Connected to an empty maildrop; from now on every new name is taken."""
    account = make_account(server)
    assert look(account).error == ""
    server.commands.clear()
    return account


def make_account(server, **values):
    values = {"max_mails_per_poll": 10, "after_taking": AfterTaking.LEAVE} | values
    return factories.make_account(
        incoming_protocol="pop3", incoming_host="127.0.0.1", incoming_port=server.port,
        incoming_security="plain", incoming_password=keys_of.encrypt("secret"), **values,
    )  # fmt: skip


def look(account, **options):
    return fetch_account(account.id, force=True, **options)


def arrived(days_ago, subject="Matter"):
    at = format_datetime(utcnow() - timedelta(days=days_ago))
    return f"Received: from a by b; {at}\r\n".encode() + factories.make_mail(subject=subject)


def fill(server, count, *, first=1, days_ago=0):
    new = [(b"id-%d" % n, arrived(days_ago, f"Matter {n}")) for n in range(first, first + count)]
    server.mails += new
    return [raw for _, raw in new]


def keys():
    db.session.rollback()
    return list(db.session.scalars(select(EmailMessage.transport_key).order_by(EmailMessage.id)))


def fates():
    db.session.rollback()
    return dict(db.session.execute(select(KnownMail.key, KnownMail.fate)).all())


def set_to(account, **values):
    with transaction() as session:
        for name, value in values.items():
            setattr(session.get(EmailAccount, account.id), name, value)


def age(**values):
    with transaction() as session:
        session.execute(update(KnownMail).values(**values))


def test_new_mail_is_taken_once_and_left_there(account, server):
    fill(server, 25)
    result = look(account)
    assert (result.found, result.taken, result.error) == (25, 25, "")
    fill(server, 1, first=26)
    assert (look(account).taken, len(server.mails)) == (1, 26)
    assert keys()[0] == "pop3/id-1" and len(keys()) == 26
    assert server.said(b"TOP") == server.said(b"DELE") == 0


def test_a_limit_leaves_the_rest_for_the_next_look(account, server):
    fill(server, 5)
    first = look(account, limit=2)
    assert (first.taken, bool(first)) == (2, True)
    assert look(account).taken == 3


def test_the_first_look_takes_what_is_recent_at_little_cost(server):
    server.mails = [(b"old-%d" % n, old) for old in [arrived(300)] for n in range(10_000)]
    fill(server, 3, first=10_001, days_ago=2)
    account = make_account(server)
    began = server.connections
    assert look(account).taken == 3
    assert server.said(b"TOP") <= 3 + 2 * fetch_maildrop.OLD_IN_A_ROW
    assert (server.said(b"RETR"), server.said(b"UIDL"), server.connections - began) == (3, 1, 1)
    server.commands.clear()
    fill(server, 1, first=10_004, days_ago=200)
    result = look(account)
    assert (result.found, result.taken) == (1, 1)  # dates play no part any more
    assert (server.said(b"TOP"), server.said(b"RETR")) == (0, 1)


def test_the_first_look_finds_the_newest_mail_at_either_end(server):
    fill(server, 2, days_ago=1)
    fill(server, 200, first=3, days_ago=100)
    assert look(make_account(server)).taken == 2


def test_a_first_look_over_no_days_asks_nothing(server):
    fill(server, 30)
    assert look(make_account(server, first_fetch_days=0)).taken == 0
    assert server.said(b"TOP") == 0
    assert set(fates().values()) == {MailFate.PASSED}


def test_what_is_to_be_taken_can_be_seen_before(server):
    fill(server, 3, days_ago=100)
    fill(server, 2, first=4)
    account = make_account(server)
    preview = fetch.preview(account.id)
    assert (preview.found, len(preview.mails), fates()) == (2, 2, {})


def test_new_names_for_the_same_mails_make_no_second_ticket(server):
    fill(server, 3, days_ago=90)
    fill(server, 2, first=4, days_ago=1)
    account = make_account(server)
    assert look(account).taken == 2
    server.mails = [(b"new-" + name, raw) for name, raw in server.mails]
    fill(server, 1, first=99)
    assert look(account).taken == 3  # two known by their words, found out when they are read; one is new
    assert "pop3/id-99" in keys() and "pop3/new-id-1" not in keys()
    process.drain()
    assert db.session.scalar(select(func.count(Ticket.id))) == 3


def test_a_name_used_again_for_another_mail_loses_none(account, server):
    fill(server, 2)
    look(account)
    kept = server.mails.pop()
    look(account)
    server.mails.append((kept[0], arrived(0, "Another matter")))
    assert look(account).taken == 1
    assert len(keys()) == 3


def test_a_list_that_was_empty_for_once_changes_nothing(server):
    fill(server, 60, days_ago=100)
    fill(server, 2, first=61)
    account = make_account(server)
    assert look(account).taken == 2
    mails, server.mails = server.mails, []
    look(account)
    server.mails = mails
    again = look(account)
    assert (again.taken, again.known, len(keys())) == (0, 2, 2)


def test_names_gone_for_long_are_forgotten(account, server):
    fill(server, 2)
    look(account)
    server.mails = server.mails[:1]
    look(account)
    assert len(fates()) == 2
    with transaction() as session:
        long_ago = utcnow() - fetch_maildrop.FORGET_AFTER - timedelta(days=1)
        session.execute(
            update(KnownMail).where(KnownMail.missing_since.is_not(None)).values(missing_since=long_ago)
        )
    look(account)
    assert list(fates()) == ["id-1"]


def test_what_was_taken_outlives_its_bytes(account, server):
    fill(server, 2)
    look(account)
    with transaction() as session:
        session.execute(update(EmailMessage).values(state="opened"))
    retention.clean_up(utcnow() + timedelta(days=4000))
    age(missing_since=utcnow())
    again = look(account)
    assert (again.taken, again.known) == (0, 2)


@pytest.mark.parametrize("without", [{b"UIDL"}, {b"UIDL", b"TOP"}])
def test_a_server_without_names_gives_each_mail_once(server, without):
    server.without = without
    account = make_account(server)
    look(account)
    server.mails = [(b"", arrived(0, f"Matter {n}")) for n in range(3)]
    assert look(account).taken == 3
    server.mails.append((b"", arrived(0, "New matter")))
    assert (look(account).taken, look(account).taken, len(keys())) == (1, 0, 4)


def test_one_name_for_all_mails_gives_each_mail_once(account, server):
    server.mails = [(b"same", arrived(0, f"Matter {n}")) for n in range(3)]
    assert (look(account).taken, look(account).taken) == (3, 0)


# deleting


def test_taken_mail_is_deleted_once_it_is_committed(account, server):
    set_to(account, after_taking=AfterTaking.DELETE, delete_after_days=0)
    fill(server, 12)
    assert look(account).taken == 12
    assert (server.mails, len(keys())) == ([], 12)
    assert max(n for n, line in enumerate(server.commands) if line.startswith(b"RETR")) < min(
        n for n, line in enumerate(server.commands) if line.startswith(b"DELE")
    )


def test_taken_mail_is_deleted_after_its_days(account, server):
    set_to(account, after_taking=AfterTaking.DELETE, delete_after_days=14)
    fill(server, 2)
    look(account)
    age(known_since=utcnow() - timedelta(days=13))
    look(account)
    assert len(server.mails) == 2
    age(known_since=utcnow() - timedelta(days=15))
    fill(server, 1, first=3)
    assert look(account).taken == 1
    assert [name for name, _ in server.mails] == [b"id-3"]


def test_mail_passed_over_or_taken_in_part_is_never_deleted(server, context):
    context.config["EMAIL_MAX_MESSAGE_SIZE"] = 3000
    fill(server, 2, days_ago=100)
    server.mails.append((b"large", arrived(0) + b"x" * 5000))
    account = make_account(server, after_taking=AfterTaking.DELETE, delete_after_days=0)
    assert look(account).taken == 1
    look(account)
    assert len(server.mails) == 3
    assert fates()["large"] is MailFate.PARTIAL


def test_a_cut_deletes_nothing_and_the_next_look_makes_up_for_it(account, server):
    set_to(account, after_taking=AfterTaking.DELETE, delete_after_days=0)
    fill(server, 3)
    server.cut = {3: 100}
    broken = look(account)
    assert ("ended the connection" in broken.error, broken.taken, len(server.mails)) == (True, 2, 3)
    server.cut = {}
    assert look(account).taken == 1
    assert (server.mails, len(keys())) == ([], 3)


def test_a_mail_that_breaks_the_connection_holds_up_only_itself(account, server):
    fill(server, 3)
    server.cut = {1: 10}
    assert look(account).taken == 0
    assert look(account).taken == 2
    server.cut = {}
    assert (look(account).taken, len(keys())) == (1, 3)


def test_a_real_server_hands_over_and_deletes(context, mailbox):  # noqa: F811
    user = f"u{secrets.token_hex(4)}"
    address = mailbox.address(user)
    account = factories.make_account(
        incoming_protocol="pop3", incoming_host=address.host, incoming_port=mailbox.pop3s_port,
        incoming_username=user, incoming_password=keys_of.encrypt(address.password),
        incoming_ca_file=address.ca_file, source="env", after_taking=AfterTaking.DELETE, delete_after_days=0,
    )  # fmt: skip
    raws = [arrived(0, f"Matter {n}") for n in range(5)]
    for raw in raws:
        mailbox.deliver(user, raw)
    result = look(account)
    assert (result.taken, result.error, mailbox.files(user)) == (5, "", [])
    db.session.rollback()
    stored = [storage.read(sha256) for sha256 in db.session.scalars(select(EmailMessage.raw_sha256))]
    assert sorted(raw.replace(b"\r\n", b"\n") for raw in stored) == sorted(
        raw.replace(b"\r\n", b"\n") for raw in raws
    )


class Killed(BaseException):
    """The process ends here."""


def test_killed_at_every_commit_each_mail_is_taken_once(account, server):
    set_to(account, after_taking=AfterTaking.DELETE, delete_after_days=0, max_mails_per_poll=2)
    fill(server, 5)
    all_names = {name.decode() for name, _ in server.mails}
    left = 0

    def die(_session):
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    for step in range(1, 30):
        left = step
        event.listen(Session, "before_commit", die)
        try:
            fetch_account(account.id, force=True)
        except Killed:
            is_killed = True
        else:
            is_killed = False
        finally:
            event.remove(Session, "before_commit", die)
        gone = all_names - {name.decode() for name, _ in server.mails}
        assert {f"pop3/{name}" for name in gone} <= set(keys())
        if not is_killed:
            break
        set_to(account, fetch_lease_until=None)
    assert (step > 3, len(keys()), len(set(keys())), server.mails) == (True, 5, 5, [])


def test_two_fetchers_take_each_mail_once(account, server, context):
    fill(server, 20)
    taken = []

    def work():
        with context.app_context():
            taken.append(fetch_account(account.id, force=True).taken)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(taken), len(keys())) == (20, 20)


def test_a_look_without_news_writes_nothing_of_mails(account, server):
    fill(server, 3)
    look(account)
    with db.engine.connect() as connection:
        before = connection.execute(select(KnownMail.__table__)).all()
    look(account)
    with db.engine.connect() as connection:
        assert connection.execute(select(KnownMail.__table__)).all() == before


def test_names_of_one_server_say_nothing_on_another(account, server):
    set_to(account, after_taking=AfterTaking.DELETE, delete_after_days=0)
    fill(server, 3)
    assert look(account).taken == 3
    set_to(account, after_taking=AfterTaking.LEAVE)
    fill(server, 3)
    assert look(account).taken == 0
    server.mails = [(b"id-%d" % n, arrived(0, f"Elsewhere {n}")) for n in (1, 2)]
    server.mails.append((b"id-3", arrived(400, "Long ago")))
    set_to(account, after_taking=AfterTaking.DELETE)
    with transaction():
        accounts.update(db.session.get(EmailAccount, account.id), actor=None, incoming_username="another")
    assert (look(account).taken, len(server.mails)) == (2, 1)
    assert fates() == {"id-1": MailFate.TAKEN, "id-2": MailFate.TAKEN, "id-3": MailFate.PASSED}
    assert look(account).taken == 0
