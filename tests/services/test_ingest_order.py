"""A customer's answer to his own mail, while that mail is still in work elsewhere: one ticket, never two."""

import os
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Comment, EmailMessage, Ticket
from helpdesk.services import doctor
from helpdesk.services.ingest import claims, process, store
from tests import factories
from tests.factories import make_mail

ROUNDS = 40 if os.environ.get("HELPDESK_TEST_REQUIRE") == "all" else 8
AT_ONCE = timedelta(0)


@pytest.fixture
def account(context):
    return factories.make_account()


def pair(n, **headers):
    """A mail and its author's answer to it, which names no number and no id of ours."""
    first = f"<first{n}@customer.example>"
    sender = f"Customer {n} <c{n}@customer.example>"
    later = {"subject": "One more thing", "text": "It is the left one.\n"} | (
        headers or {"In_Reply_To": first}
    )
    return make_mail(sender, message_id=first, subject=f"Matter {n}"), make_mail(sender, **later)


def counts():
    db.session.rollback()
    return tuple(db.session.scalar(select(func.count()).select_from(table)) for table in (Ticket, Comment))


def row(email_id):
    db.session.rollback()
    return db.session.get(EmailMessage, email_id, populate_existing=True)


def take_both(app, errors):
    """Two workers of one mail each, let go at the same moment."""
    barrier = threading.Barrier(2)

    def work():
        with app.app_context():
            barrier.wait()
            try:
                process.drain(limit=1)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_workers_at_once_make_one_ticket_of_a_mail_and_its_answer(context, account):
    errors = []
    for n in range(ROUNDS):
        for raw in pair(n):
            store.store_raw(account, raw)
        db.session.rollback()
        take_both(context, errors)
        process.drain()
    assert errors == []
    assert counts() == (ROUNDS, 2 * ROUNDS)
    assert doctor.examine() == []


@pytest.mark.parametrize("header", ["In_Reply_To", "References"])
def test_an_answer_waits_while_another_worker_has_the_mail_it_answers(account, header):
    mail, answer = pair(1, **{header: "<first1@customer.example>"})
    first_id, answer_id = store.store_raw(account, mail), store.store_raw(account, answer)
    held = claims.take(1, tried_first=False)
    assert held.email_ids == [first_id]
    summary = process.drain(patience_s=0.3)
    assert (summary.outcomes.total(), summary.errors, summary.waiting, counts()) == (0, 0, 1, (0, 0))
    waits = row(answer_id)
    assert (waits.state, waits.attempts, waits.claim) == ("received", 0, None)
    assert "still being worked on" in waits.reason
    held.give_back()
    with transaction() as session:
        session.get(EmailMessage, answer_id).due_at = None
    process.drain()
    assert (row(answer_id).state, row(answer_id).reason, counts()) == ("appended", "", (1, 2))


def test_other_mails_do_not_wait_with_it(account):
    mail, answer = pair(1)
    store.store_raw(account, mail)
    claims.take(1, tried_first=False)
    store.store_raw(account, answer)
    for n in range(2, 6):
        store.store_raw(account, make_mail(f"c{n}@customer.example"))
    assert process.drain(patience_s=0.1).created == 4


def test_it_goes_on_as_soon_as_the_other_worker_is_done(context, account):
    mail, answer = pair(1)
    store.store_raw(account, mail)
    answer_id = store.store_raw(account, answer)
    held = claims.take(1, tried_first=False)

    def hand_back():
        with context.app_context():
            held.give_back()

    timer = threading.Timer(0.5, hand_back)
    timer.start()
    process.drain()
    timer.join()
    assert (row(answer_id).state, counts()) == ("appended", (1, 2))


def test_an_answer_to_a_mail_that_failed_is_a_ticket_of_its_own(account):
    mail, answer = pair(1)
    first_id, answer_id = store.store_raw(account, mail), store.store_raw(account, answer)
    with transaction() as session:
        session.get(EmailMessage, first_id).state = "failed"
    process.drain()
    assert (row(answer_id).state, counts()) == ("opened", (1, 1))


def test_nobody_waits_for_a_mail_for_ever(account):
    mail, answer = pair(1)
    first_id, answer_id = store.store_raw(account, mail), store.store_raw(account, answer)
    with transaction() as session:
        session.get(EmailMessage, first_id).due_at = utcnow() + timedelta(minutes=50)
    process.drain(patience_s=0.1)
    assert row(answer_id).state == "received"
    with transaction() as session:
        waiting = session.get(EmailMessage, answer_id)
        since = utcnow() - claims.LONGEST_WAIT - timedelta(seconds=1)
        waiting.payload = waiting.payload | {claims.WAITS_SINCE: since.isoformat()}
        waiting.due_at = None
    process.drain()
    assert row(answer_id).state == "opened"


def test_mails_that_cite_each_other_or_themselves_wait_for_nothing(account):
    one = make_mail(message_id="<one@customer.example>", In_Reply_To="<two@customer.example>")
    two = make_mail(message_id="<two@customer.example>", In_Reply_To="<one@customer.example>")
    me = make_mail(message_id="<me@customer.example>", In_Reply_To="<me@customer.example>")
    ids = [store.store_raw(account, raw) for raw in (one, two, me)]
    process.drain()
    assert [row(i).state for i in ids] == ["opened", "appended", "opened"]


def test_a_stored_mail_is_listed_with_its_sender_before_it_is_processed(account):
    email_id = store.store_raw(account, make_mail(subject="Grüße", message_id="<a@b.example>"))
    found = row(email_id)
    assert (found.from_address, found.from_name, found.subject, found.message_id) == (
        "jonas@customer.example", "Jonas Berg", "Grüße", "a@b.example",
    )  # fmt: skip
