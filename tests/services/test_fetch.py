"""Fetching: every mail of the server gets its row, the server is told only afterwards, and no fault loses or doubles."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import NotFound, PermanentError, TransientError
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog, Event, FetchCursor
from helpdesk.services import accounts, fetch, fetch_health, sweep
from helpdesk.services.fetch import fetch_account
from helpdesk.services.fetch_lease import FetchLease
from tests import factories
from tests.fakes import FakeSource

CUT = TransientError("The connection to the mail server was lost.", detail="EOF")


@pytest.fixture
def account(context):
    return factories.make_account(max_mails_per_poll=10)


def mails(count, start=0):
    return [factories.make_mail(subject=f"Matter {n}") for n in range(start, start + count)]


def rows():
    db.session.rollback()
    return db.session.scalars(select(EmailMessage).order_by(EmailMessage.id)).all()


def fresh(account):
    db.session.rollback()
    return db.session.get(EmailAccount, account.id, populate_existing=True)


def started(account, source):
    """Switched on with an empty mailbox: from now on only the cursor counts."""
    assert fetch_account(account.id, source=source).error == ""
    source.calls.clear()
    return source


def calls(source, name):
    return [call[1:] for call in source.calls if call[0] == name]


# what is taken


def test_a_new_mail_becomes_a_row_with_its_bytes_and_is_marked_read(account):
    source = started(account, FakeSource())
    raw = factories.make_mail()
    source.add(raw)
    result = fetch_account(account.id, source=source)
    assert (result.found, result.taken, result.known, result.error, bool(result)) == (1, 1, 0, "", False)
    (row,) = rows()
    assert (row.state, row.transport_key, row.size) == ("received", "INBOX/1/1", len(raw))
    assert storage.read(row.raw_sha256) == raw
    assert source.mails[1].is_seen


def test_a_backlog_is_drained_in_batches(account):
    source = started(account, FakeSource())
    for raw in mails(25):
        source.add(raw)
    assert fetch_account(account.id, source=source).taken == 25
    assert [len(uids) for (uids,) in calls(source, "fetch")] == [10, 10, 5]
    assert len(rows()) == 25


def test_a_limit_takes_that_many_and_leaves_the_rest_for_the_next_look(account):
    source = started(account, FakeSource())
    for raw in mails(7):
        source.add(raw)
    first = fetch_account(account.id, source=source, limit=3)
    assert (first.found, first.taken, first.more) == (7, 3, True)
    assert fetch_account(account.id, source=source).taken == 4


def test_flags_of_later_mails_play_no_part(account):
    source = started(account, FakeSource())
    source.add(factories.make_mail(), is_seen=True)
    assert fetch_account(account.id, source=source).taken == 1


def test_the_last_mail_named_again_by_the_server_is_not_new(account):
    source = started(account, FakeSource(*mails(3)))
    source.uids_after = lambda last_uid: [3]  # as `UID n+1:*` answers
    assert fetch_account(account.id, source=source).found == 0


def test_the_first_look_takes_unread_mail_of_the_last_days_only(account):
    source = FakeSource()
    now = datetime.now(UTC)
    old = source.add(factories.make_mail(), internal_date=now - timedelta(days=30))
    read = source.add(factories.make_mail(), is_seen=True)
    wanted = source.add(factories.make_mail(), internal_date=now - timedelta(days=2))
    assert fetch_account(account.id, source=source).taken == 1
    assert [row.transport_key for row in rows()] == [f"INBOX/1/{wanted}"]
    assert not source.mails[old].is_seen and source.mails[read].is_seen


def test_a_first_look_over_no_days_takes_nothing_old(context):
    account = factories.make_account(first_fetch_days=0)
    source = FakeSource(*mails(3))
    assert fetch_account(account.id, source=source).found == 0
    source.add(factories.make_mail())
    assert fetch_account(account.id, source=source).taken == 1


def test_a_mail_arriving_while_the_first_look_plans_is_taken(account):
    source = FakeSource(*mails(1))
    ask = source.uids_since

    def uids_since(day, *, unseen_only):
        found = ask(day, unseen_only=unseen_only)
        source.add(factories.make_mail())
        return found

    source.uids_since = uids_since
    assert fetch_account(account.id, source=source).taken == 2


def test_mails_that_vanish_between_search_and_fetch_end_nothing(account):
    source = started(account, FakeSource())
    for raw in mails(25):
        source.add(raw)
    source.mails[8].is_gone = source.mails[10].is_gone = True
    assert fetch_account(account.id, source=source).taken == 23
    assert [uid for uid in range(1, 26) if f"INBOX/1/{uid}" not in {row.transport_key for row in rows()}] == [
        8,
        10,
    ]
    assert fetch_account(account.id, source=source).found == 0


def test_another_folder_has_its_own_cursor(account):
    started(account, FakeSource())
    other = FakeSource(*mails(2), folder="Sales")
    assert fetch_account(account.id, source=other, folder="Sales").taken == 2
    assert {cursor.folder for cursor in db.session.scalars(select(FetchCursor))} == {"INBOX", "Sales"}


def test_a_too_large_mail_is_stored_in_part_and_left_as_it_is(context):
    context.config["EMAIL_MAX_MESSAGE_SIZE"] = 2000
    account = factories.make_account()
    source = started(account, FakeSource())
    large = source.add(factories.make_mail(text="word " * 2000))
    small = source.add(factories.make_mail())
    assert fetch_account(account.id, source=source).taken == 2
    assert [row.is_partial for row in rows()] == [True, False]
    assert not source.mails[large].is_seen and source.mails[small].is_seen


# the server numbers its mails anew


def test_a_new_uidvalidity_looks_at_everything_since_the_start(account):
    source = started(account, FakeSource())
    for raw in mails(3):
        source.add(raw)
    fetch_account(account.id, source=source)
    source.renumber()
    source.add(factories.make_mail(subject="After the move"), is_seen=True)
    result = fetch_account(account.id, source=source)
    assert (result.found, result.error) == (4, "")
    keys = [row.transport_key for row in rows()]
    assert len(keys) == len(set(keys)) == 7  # the copies are told by their content when they are processed
    assert fetch_account(account.id, source=source).found == 0


def test_numbers_used_again_for_other_mails_lose_none(account):
    source = started(account, FakeSource())
    for raw in mails(2):
        source.add(raw)
    fetch_account(account.id, source=source)
    restored = FakeSource(factories.make_mail(subject="After"))  # same UIDVALIDITY, same UID, another mail
    result = fetch_account(account.id, source=restored)
    assert result.taken == 1
    assert len({row.raw_sha256 for row in rows()}) == 3


def test_mail_that_waited_before_the_start_survives_a_renumbering(account):
    source = FakeSource(*mails(3))
    for mail in source.mails.values():
        mail.internal_date = datetime.now(UTC) - timedelta(days=3)
    fetch_account(account.id, source=source, limit=1)
    source.renumber()
    fetch_account(account.id, source=source)
    assert len({row.raw_sha256 for row in rows()}) == 3


# faults


def test_a_cut_while_reading_keeps_what_came_and_goes_on_next_time(account):
    source = started(account, FakeSource())
    for raw in mails(6):
        source.add(raw)
    source.break_after, source.fail["body"] = 4, CUT
    result = fetch_account(account.id, source=source)
    assert (result.taken, result.error) == (4, CUT.user_message)
    source.break_after = None
    assert fetch_account(account.id, source=source, force=True).taken == 2
    assert len({row.transport_key for row in rows()}) == 6


def test_a_mail_that_breaks_the_connection_holds_up_only_itself(account):
    source = started(account, FakeSource())
    for raw in mails(4):
        source.add(raw)
    read = source.fetch

    def fetch_mails(uids, *, max_bytes):
        for mail in read(uids, max_bytes=max_bytes):
            if mail.uid == 2:
                raise CUT
            yield mail

    source.fetch = fetch_mails
    for _ in range(4):
        fetch_account(account.id, source=source, force=True)
    assert [row.transport_key for row in rows()] == ["INBOX/1/1", "INBOX/1/3", "INBOX/1/4"]
    del source.fetch
    fetch_account(account.id, source=source, force=True)
    assert len(rows()) == 4


@pytest.mark.parametrize("call", ["open_folder", "uids_after", "fetch"])
def test_a_fault_of_the_server_ends_in_words_and_not_in_an_exception(account, call):
    source = started(account, FakeSource())
    source.add(factories.make_mail())
    source.fail_once[call] = CUT
    result = fetch_account(account.id, source=source)
    assert result.error == CUT.user_message
    health = fresh(account)
    assert (health.consecutive_failures, health.last_error, health.last_error_detail) == (
        1,
        CUT.user_message,
        "EOF",
    )
    assert health.fetch_lease is None and rows() == []
    assert fetch_account(account.id, source=source, force=True).taken == 1
    health = fresh(account)
    assert (health.consecutive_failures, health.last_error, health.fetch_again_at) == (0, "", None)


def test_a_refused_mark_loses_nothing_and_is_no_error(account):
    source = started(account, FakeSource())
    source.add(factories.make_mail())
    source.fail["mark_seen"] = CUT
    assert fetch_account(account.id, source=source).error == ""
    assert len(rows()) == 1


def test_the_server_is_told_only_after_the_commit(account, app):
    source = started(account, FakeSource())
    source.add(factories.make_mail())
    seen_by_others = []
    mark = source.mark_seen

    def mark_seen(uids):
        with db.engine.connect() as other:
            seen_by_others.append(other.scalar(select(func.count()).select_from(EmailMessage.__table__)))
        mark(uids)

    source.mark_seen = mark_seen
    fetch_account(account.id, source=source)
    assert seen_by_others == [1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # only there large ones are files
def test_a_full_disk_flags_nothing_and_the_mail_comes_later(context, tmp_path):
    account = factories.make_account()
    source = started(account, FakeSource())
    source.add(factories.make_mail(text="word " * 100_000))
    blobs = tmp_path / "blobs"
    blobs.write_text("not a folder")
    result = fetch_account(account.id, source=source)
    assert "could not be stored" in result.error
    assert rows() == [] and not source.mails[1].is_seen
    assert "could not be stored" in fresh(account).last_error
    blobs.unlink()
    assert fetch_account(account.id, source=source, force=True).taken == 1


def test_failures_in_a_row_leave_the_server_alone(account):
    source = started(account, FakeSource())
    source.fail["open_folder"] = PermanentError("The mail server refused the password.")
    for _ in range(3):
        fetch_account(account.id, source=source, force=True)
    health = fresh(account)
    assert health.fetch_again_at - utcnow() > timedelta(minutes=4)
    source.calls.clear()
    waiting = fetch_account(account.id, source=source)
    assert "refused the password" in waiting.error and source.calls == []
    assert account.id not in fetch.due_accounts()
    source.fail.clear()
    assert fetch_account(account.id, source=source, force=True).error == ""
    types = [e.type for e in db.session.scalars(select(Event).where(Event.account_id == account.id))]
    assert types.count("account.fetch_failed") == types.count("account.fetch_recovered") == 1


@pytest.mark.parametrize("failures", range(3, 20))
def test_after_three_failures_there_is_at_most_one_login_in_five_minutes(failures):
    assert fetch_health.delay_after(failures) >= timedelta(minutes=5)


def test_each_look_is_in_the_poll_log(account):
    source = started(account, FakeSource())
    source.add(factories.make_mail())
    fetch_account(account.id, source=source)
    source.fail_once["open_folder"] = CUT
    fetch_account(account.id, source=source)
    logs = db.session.scalars(select(EmailPollLog).order_by(EmailPollLog.id)).all()
    assert [(log.found, log.taken, log.error) for log in logs] == [
        (0, 0, ""),
        (1, 1, ""),
        (0, 0, CUT.user_message),
    ]
    assert all(log.finished_at for log in logs)


# one at a time


def test_a_second_fetch_of_the_account_does_nothing_meanwhile(account):
    source = FakeSource(*mails(1))
    with transaction():
        assert FetchLease(account.id).take()
    result = fetch_account(account.id, source=source)
    assert "going on" in result.note and source.calls == []


def test_a_lease_past_its_end_is_taken_over(account):
    with transaction() as session:
        assert FetchLease(account.id).take()
        session.get(EmailAccount, account.id).fetch_lease_until = utcnow() - timedelta(seconds=1)
    assert fetch_account(account.id, source=FakeSource(*mails(1))).taken == 1


def test_who_lost_his_lease_writes_nothing(account):
    source = started(account, FakeSource())
    source.add(factories.make_mail())
    read = source.fetch

    def fetch_slowly(uids, *, max_bytes):
        yield from read(uids, max_bytes=max_bytes)
        with transaction() as session:  # meanwhile another process has taken the account over
            session.get(EmailAccount, account.id).fetch_lease = "somebody else's"

    source.fetch = fetch_slowly
    result = fetch_account(account.id, source=source)
    assert "taken over" in result.note
    assert rows() == [] and not source.mails[1].is_seen
    health = fresh(account)
    assert (health.fetch_lease, health.consecutive_failures) == ("somebody else's", 0)


def test_many_fetchers_at_once_store_each_mail_once(account, app):
    source = started(account, FakeSource())
    for raw in mails(40):
        source.add(raw)
    account_id = account.id
    results, barrier = [], threading.Barrier(4)

    def work():
        with app.app_context():
            barrier.wait()
            for _ in range(5):
                results.append(fetch_account(account_id, source=source))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.error for result in results if result.error] == []
    assert sum(result.taken for result in results) == 40
    keys = [row.transport_key for row in rows()]
    assert len(keys) == len(set(keys)) == 40


def test_the_lease_lasts_while_the_server_is_slow(context):
    context.config["CLAIM_SECONDS"] = 1
    account = factories.make_account()
    source = started(account, FakeSource())
    source.add(factories.make_mail())
    read, wait = source.fetch, threading.Event()

    def fetch_slowly(uids, *, max_bytes):
        wait.wait(1.5)
        yield from read(uids, max_bytes=max_bytes)

    source.fetch = fetch_slowly
    assert fetch_account(account.id, source=source).taken == 1


# when


def test_accounts_are_due_by_their_own_frequency(context):
    now = utcnow()
    due = factories.make_account("a@desk.example", last_fetch_at=now - timedelta(minutes=6))
    new = factories.make_account("b@desk.example")
    factories.make_account("c@desk.example", last_fetch_at=now - timedelta(minutes=4))
    factories.make_account("d@desk.example", is_fetching=False)
    factories.make_account("e@desk.example", is_active=False)
    factories.make_account("f@desk.example", fetch_lease="x", fetch_lease_until=now + timedelta(minutes=1))
    factories.make_account("g@desk.example", fetch_again_at=now + timedelta(minutes=1))
    again = factories.make_account(
        "h@desk.example", last_fetch_at=now, fetch_again_at=now - timedelta(seconds=1)
    )
    assert fetch.due_accounts() == [due.id, new.id, again.id]
    assert [ids for task, ids in sweep.sweep() if task == "fetch_account"] == [
        (due.id,),
        (new.id,),
        (again.id,),
    ]


def test_an_account_that_is_switched_off_is_not_looked_at(context):
    account = factories.make_account(is_fetching=False)
    source = FakeSource(*mails(1))
    assert "switched off" in fetch_account(account.id, source=source).note
    assert source.calls == []


def test_an_unknown_account_is_not_found(context):
    with pytest.raises(NotFound):
        fetch_account(4711)


def test_stopping_ends_between_batches_and_says_that_more_waits(account):
    source = started(account, FakeSource())
    for raw in mails(25):
        source.add(raw)
    result = fetch_account(account.id, source=source, should_stop=lambda: len(calls(source, "fetch")) >= 1)
    assert (result.taken, bool(result)) == (10, True)


def test_a_mail_the_server_dies_of_does_not_hold_up_those_asked_for_with_it(account):
    source = started(account, FakeSource())
    for raw in mails(4):
        source.add(raw)
    read = source.fetch

    def fetch_together(uids, *, max_bytes):
        if 2 in uids:
            raise CUT
        return read(sorted(uids), max_bytes=max_bytes)

    source.fetch = fetch_together
    for _ in range(5):
        fetch_account(account.id, source=source, force=True)
    assert {row.transport_key for row in rows()} == {"INBOX/1/1", "INBOX/1/3", "INBOX/1/4"}
    del source.fetch
    assert fetch_account(account.id, source=source, force=True).error == ""
    assert len(rows()) == 4


def moved(account, **values):
    with transaction():
        accounts.update(db.session.get(EmailAccount, account.id), actor=None, **values)


@pytest.mark.parametrize("values", [{"incoming_host": "other.example"}, {"incoming_username": "another"}])
def test_numbers_of_one_mailbox_say_nothing_in_another(account, values):
    """Both servers call their numbering 1, and know the same numbers."""
    with transaction():
        db.session.get(EmailAccount, account.id).after_taking = "delete"
    old = started(account, FakeSource())
    for raw in mails(3):
        old.add(raw)
    old.fail["delete"] = CUT
    assert fetch_account(account.id, source=old).taken == 3
    new = FakeSource(*mails(5, start=10))
    for uid in (1, 2):
        new.mails[uid].internal_date = utcnow() - timedelta(days=400)
        new.mails[uid].is_seen = True
    new.fail["delete"] = CUT
    moved(account, **values)
    assert fetch_account(account.id, source=new, force=True).taken == 3
    assert [uids for (uids,) in calls(new, "delete")] == [(3, 4, 5)]
    assert len(rows()) == 6


def test_a_change_of_other_settings_keeps_the_place_in_the_mailbox(account):
    source = started(account, FakeSource())
    moved(account, incoming_port=993, incoming_username=account.email, name="Other")
    fetch_account(account.id, source=source, force=True)
    assert calls(source, "uids_since") == []


def test_a_number_that_is_used_again_after_the_bytes_were_cleared_is_another_mail(account):
    source = started(account, FakeSource())
    source.add(factories.make_mail(subject="Before"))
    assert fetch_account(account.id, source=source).taken == 1
    with transaction() as session:
        session.execute(update(EmailMessage).values(raw_sha256=None))
    other = FakeSource(factories.make_mail(subject="Another"))
    moved(account, incoming_host="other.example")
    assert fetch_account(account.id, source=other, force=True).taken == 1
    moved(account, incoming_host="first.example")
    again = fetch_account(account.id, source=other, force=True)
    assert (again.taken, again.error) == (0, "")
