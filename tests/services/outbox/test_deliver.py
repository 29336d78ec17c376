"""What leaves, how often, and what its row says afterwards, whatever the server or the process does in between."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import PermanentError, TransientError, UncertainError
from helpdesk.models import EmailAccount, EmailMessage
from helpdesk.models.mail import EmailState
from helpdesk.services import accounts, queries
from helpdesk.services.ingest.trace import reason_of
from helpdesk.services.outbox import queue, settling
from helpdesk.services.outbox.deliver import drain
from helpdesk.transports.base import Delivery, UnusableServer
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import let_time_pass, outgoing, queue_mail

A, B, C = "a@one.example", "b@two.example", "c@three.example"


class Killed(BaseException):
    """What SIGKILL looks like from inside: nothing catches it."""


class KilledAfterYes(FakeSender):
    """The server takes the mail, and the process dies before it can write that down."""

    def send(self, envelope_from, recipients, raw):
        super().send(envelope_from, recipients, raw)
        raise Killed


class SlowSender(FakeSender):
    def send(self, envelope_from, recipients, raw):
        time.sleep(0.05)
        return super().send(envelope_from, recipients, raw)


def states():
    return [email.state.value for email in outgoing()]


def event_types(ticket):
    return [event.type for event in queries.history(ticket)]


# it works


def test_what_waits_goes_over_one_connection_the_urgent_first(account, ticket):
    queue_mail(account, purpose="ticket_assigned", to=(A,))
    answer = queue_mail(account, ticket=ticket, to=(B,), cc=(C,))
    sender = FakeSender()
    assert drain(account.id, sender=sender) is False
    assert [sent.recipients for sent in sender.sent] == [(B, C), (A,)]
    assert {sent.envelope_from for sent in sender.sent} == {factories.SUPPORT}
    assert states() == ["sent", "sent"]
    sent = db.session.get(EmailMessage, answer.id)
    assert (sent.detail, sent.attempts) == ("250 2.0.0 taken", 1)
    assert sent.finished_at
    assert event_types(ticket)[-2:] == ["email.queued", "email.sent"]


def test_a_second_drain_sends_nothing_again(account):
    queue_mail(account)
    sender = FakeSender()
    drain(account.id, sender=sender)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1


def test_a_machines_answer_has_no_sender_and_a_server_that_minds_gets_one(account, ticket):
    queue_mail(account, ticket=ticket, purpose="ticket_created")
    sender = FakeSender()
    drain(account.id, sender=sender)
    assert sender.sent[0].envelope_from == ""
    queue_mail(account, ticket=factories.make_ticket(account, "x@y.example"), purpose="ticket_created")
    minding = FakeSender(PermanentError("Refused.", detail="550 5.7.60 not your address"))
    drain(account.id, sender=minding)
    assert [sent.envelope_from for sent in minding.sent] == [factories.SUPPORT]
    assert states() == ["sent", "sent"]


def test_a_server_that_wants_a_sender_is_asked_once_without_one(account, ticket):
    """Answers of a machine have none; what it writes by itself has one, so that reports of it come home."""
    queue_mail(account, ticket=ticket, purpose="mail_held", to=(A,))
    queue_mail(account, ticket=ticket, purpose="mail_held", to=(B,))
    queue_mail(account, ticket=ticket, purpose="notification", to=(C,))
    sender = FakeSender(PermanentError("Refused.", detail="550 5.7.60 not your address"))
    drain(account.id, sender=sender)
    assert [sent.envelope_from for sent in sender.attempts] == ["", *[factories.SUPPORT] * 3]
    assert len(sender.sent) == 3


def test_it_stops_when_told_and_says_that_there_is_more(account):
    for _ in range(3):
        queue_mail(account)
    sender = FakeSender()
    assert drain(account.id, sender=sender, should_stop=lambda: bool(sender.sent)) is True
    assert len(sender.sent) == 1
    assert drain(account.id, sender=sender, deadline=time.monotonic()) is True
    assert len(sender.sent) == 1
    assert drain(account.id, sender=sender) is False
    assert len(sender.sent) == 3


# what servers say


def test_later_means_later_with_the_servers_words(account, ticket):
    queue_mail(account, ticket=ticket)
    sender = FakeSender(TransientError("The server is busy.", detail="451 4.7.1 greylisted"))
    drain(account.id, sender=sender)
    (email,) = outgoing()
    assert (email.state, email.reason, email.detail) == (
        "queued",
        "The server is busy.",
        "451 4.7.1 greylisted",
    )
    assert timedelta(seconds=50) < email.due_at - utcnow() <= timedelta(minutes=1)
    drain(account.id, sender=sender)
    assert not sender.sent
    let_time_pass(minutes=2)
    drain(account.id, sender=sender)
    assert states() == ["sent"]
    assert sender.attempts[0] == sender.attempts[1]


def test_it_is_given_up_after_as_many_tries_as_are_set(app, account, ticket):
    app.config["EMAIL_MAX_RETRY_ATTEMPTS"] = 3
    queue_mail(account, ticket=ticket)
    sender = FakeSender(*[TransientError("Busy.", detail="452 full")] * 10)
    for _ in range(5):
        drain(account.id, sender=sender)
        let_time_pass(hours=5)
    assert states() == ["failed"]
    assert len(sender.attempts) == 3
    assert "email.failed" in event_types(ticket)


def test_a_no_for_good_fails_at_once_and_the_rest_goes_on(account, ticket):
    queue_mail(account, ticket=ticket)
    queue_mail(account, to=(B,))
    sender = FakeSender(PermanentError("It was refused.", detail="554 5.7.1 no"))
    drain(account.id, sender=sender)
    assert states() == ["failed", "sent"]
    assert outgoing()[0].detail == "554 5.7.1 no"


def test_of_three_recipients_only_the_refused_one_is_tried_again(account):
    queue_mail(account, to=(A,), cc=(B, C))
    sender = FakeSender(Delivery("250 ok", {B: (450, "greylisted")}))
    drain(account.id, sender=sender)
    let_time_pass(minutes=2)
    drain(account.id, sender=sender)
    assert [sent.recipients for sent in sender.sent] == [(A, B, C), (B,)]
    assert sender.sent[0].raw == sender.sent[1].raw
    assert states() == ["sent"]


def test_without_an_answer_the_same_bytes_go_once_more_after_a_quarter_of_an_hour(account, ticket):
    queue_mail(account, ticket=ticket)
    sender = FakeSender(UncertainError("No answer."), UncertainError("No answer."))
    drain(account.id, sender=sender)
    let_time_pass(minutes=14)
    drain(account.id, sender=sender)
    assert len(sender.attempts) == 1
    for _ in range(4):
        let_time_pass(minutes=16)
        drain(account.id, sender=sender)
    assert len(sender.attempts) == 2
    assert sender.attempts[0] == sender.attempts[1]
    assert states() == ["uncertain"]
    assert "email.uncertain" in event_types(ticket)


def test_an_unusable_server_is_asked_once_for_all_that_waits(account):
    for _ in range(20):
        queue_mail(account)
    sender = FakeSender(UnusableServer("The password was refused.", detail="535 no"))
    drain(account.id, sender=sender)
    assert len(sender.attempts) == 1
    assert states() == ["queued"] * 20
    assert {(e.attempts, e.reason, e.due_at) for e in outgoing()} == {
        (0, "The password was refused.", outgoing()[0].due_at)
    }
    queue_mail(account)
    drain(account.id, sender=sender)
    assert len(sender.attempts) == 1, "a new mail waits with the others: no storm of logins"
    let_time_pass(minutes=2)
    drain(account.id, sender=sender)
    assert states() == ["sent"] * 21


def test_mended_settings_are_tried_at_once(account):
    queue_mail(account)
    drain(account.id, sender=FakeSender(UnusableServer("The password was refused.")))
    with transaction():
        accounts.update(db.session.get(EmailAccount, account.id), actor=None, outgoing_password="right")
    drain(account.id, sender=FakeSender())
    assert states() == ["sent"]


def test_looks_at_a_server_that_stays_away_become_rarer(account):
    queue_mail(account)
    sender = FakeSender(*[UnusableServer("Away.")] * 4)
    waits = []
    for _ in range(4):
        drain(account.id, sender=sender)
        waits.append(round((outgoing()[0].due_at - utcnow()).total_seconds() / 60))
        let_time_pass(minutes=16)
    assert waits == [1, 5, 15, 15]


def test_an_account_without_a_server_waits_and_says_why(account):
    with transaction():
        db.session.get(EmailAccount, account.id).outgoing_protocol = "pigeon"
    queue_mail(account)
    drain(account.id)
    (email,) = outgoing()
    assert email.state is EmailState.QUEUED
    assert "server" in email.reason


def test_a_server_that_hangs_up_on_every_mail_is_left_alone_after_three(account):
    for _ in range(10):
        queue_mail(account)
    sender = FakeSender(*[TransientError("The line broke.")] * 10)
    drain(account.id, sender=sender)
    assert len(sender.attempts) == 3
    assert states() == ["queued"] * 10


def test_an_account_that_was_switched_off_fails_its_mail_with_the_reason(account, ticket):
    queue_mail(account, ticket=ticket)
    with transaction():
        db.session.get(EmailAccount, account.id).is_active = False
    sender = FakeSender()
    drain(account.id, sender=sender)
    (email,) = outgoing()
    assert (email.state, email.reason) == ("failed", "This mail account is switched off.")
    assert not sender.attempts


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # only there large ones are files
def test_bytes_that_were_changed_on_disk_are_not_sent(app, account):
    large = factories.make_mail(text="x" * 300_000)
    email = queue_mail(account, raw=large)
    path = f"{app.config['INSTANCE_PATH']}/blobs/{email.raw_sha256[:2]}/{email.raw_sha256}"
    with open(path, "ab") as file:
        file.write(b"!")
    sender = FakeSender()
    drain(account.id, sender=sender)
    assert not sender.attempts
    assert states() == ["failed"]


# order


def test_answers_on_one_ticket_arrive_in_order(account, ticket):
    queue_mail(account, ticket=ticket, to=(A,))
    queue_mail(account, ticket=ticket, to=(B,))
    queue_mail(account, ticket=factories.make_ticket(account), to=(C,))
    sender = FakeSender(TransientError("Later.", detail="450 later"))
    drain(account.id, sender=sender)
    assert [sent.recipients for sent in sender.sent] == [(C,)]
    let_time_pass(minutes=2)
    drain(account.id, sender=sender)
    assert [sent.recipients for sent in sender.sent] == [(C,), (A,), (B,)]


# processes that die, databases that fail


def run_killed(account, sender):
    with pytest.raises(Killed):
        drain(account.id, sender=sender)


def test_killed_between_the_yes_and_the_commit_it_goes_at_most_twice(account, ticket):
    queue_mail(account, ticket=ticket)
    sender = KilledAfterYes()
    run_killed(account, sender)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1, "the claim still lives"
    let_time_pass(hours=1)
    run_killed(account, sender)
    let_time_pass(hours=1)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 2
    assert sender.sent[0] == sender.sent[1]
    assert states() == ["uncertain"]


def test_killed_once_the_second_copy_settles_it(account):
    queue_mail(account)
    run_killed(account, KilledAfterYes())
    let_time_pass(hours=1)
    sender = FakeSender()
    drain(account.id, sender=sender)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1
    assert states() == ["sent"]


class FailingCommits:
    """Lets the next `count` commits fail once `armed`."""

    def __init__(self, count):
        self.count = count

    def __call__(self, session):
        if self.count > 0:
            self.count -= 1
            raise OperationalError("COMMIT", {}, Exception("disk full"))


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(settling, "PAUSES_S", (0.0, 0.0, 0.0))


class FailsAfterYes(FakeSender):
    """From the server's yes on, the database fails a few times."""

    def __init__(self, failures):
        super().__init__()
        self.failures = failures

    def send(self, envelope_from, recipients, raw):
        from sqlalchemy import event

        delivery = super().send(envelope_from, recipients, raw)
        event.listen(db.session.registry(), "before_commit", FailingCommits(self.failures))
        return delivery


def test_a_commit_that_fails_after_the_yes_is_repeated_and_the_mail_is_not(account, no_pauses):
    queue_mail(account)
    sender = FailsAfterYes(failures=3)
    drain(account.id, sender=sender)
    assert states() == ["sent"]
    let_time_pass(hours=1)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1


def test_an_event_that_cannot_be_written_costs_no_second_mail(account, ticket, no_pauses):
    queue_mail(account, ticket=ticket)
    sender = FakeSender()

    class FailsForEvents(FailsAfterYes):
        def send(self, *arguments):
            from sqlalchemy import event

            from helpdesk.models import Event

            def refuse(*_):
                raise OperationalError("INSERT", {}, Exception("disk full"))

            event.listen(Event, "before_insert", refuse)
            self.undo = lambda: event.remove(Event, "before_insert", refuse)
            return FakeSender.send(self, *arguments)

    sender = FailsForEvents(0)
    try:
        drain(account.id, sender=sender)
    finally:
        sender.undo()
    drain(account.id, sender=sender)
    assert (len(sender.sent), states()) == (1, ["sent"])


class CommitSeemsToFail(FakeSender):
    """The first commit after the first yes is done, and the line to the database breaks before that is heard."""

    def __init__(self, monkeypatch):
        super().__init__()
        self.monkeypatch = monkeypatch

    def send(self, *arguments):
        if not self.sent:
            dialect = db.engine.dialect
            commit = dialect.do_commit

            def fail(connection):
                commit(connection)
                self.monkeypatch.setattr(dialect, "do_commit", commit)
                raise dialect.loaded_dbapi.OperationalError("the line broke")

            self.monkeypatch.setattr(dialect, "do_commit", fail)
        return super().send(*arguments)


def test_a_commit_that_only_seemed_to_fail_repeats_nothing_and_tells_once(
    account, ticket, no_pauses, monkeypatch
):
    for number in range(3):
        queue_mail(account, ticket=ticket, to=(f"p{number}@one.example",))
    sender = CommitSeemsToFail(monkeypatch)
    drain(account.id, sender=sender)
    assert [(email.state, email.attempts, email.uncertain_count) for email in outgoing()] == [
        ("sent", 1, 0)
    ] * 3
    assert len(sender.sent) == 3
    assert event_types(ticket).count("email.sent") == 3


def test_an_answer_costs_one_transaction_and_few_statements(account, ticket):
    """`make bench-sending` shows what that is worth; here it is kept."""
    from sqlalchemy import event

    for number in range(8):
        queue_mail(account, ticket=ticket, to=(f"p{number}@one.example",))
    account_id, asked, commits = account.id, [], []

    def ask(_c, _cursor, statement, *_):
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            asked.append(statement)

    class Looking(FakeSender):
        def send(self, *arguments):
            self.marks = [*getattr(self, "marks", []), (len(asked), len(commits))]
            return super().send(*arguments)

    sender, commit = Looking(), commits.append
    event.listen(db.engine, "before_cursor_execute", ask)
    event.listen(db.engine, "commit", commit)
    try:
        drain(account_id, sender=sender)
    finally:
        event.remove(db.engine, "before_cursor_execute", ask)
        event.remove(db.engine, "commit", commit)
    (first_asked, first_commits), (last_asked, last_commits) = sender.marks[0], sender.marks[-1]
    assert last_commits - first_commits == 7
    assert last_asked - first_asked <= 7 * 9, "\n".join(asked[first_asked : first_asked + 20])


def test_a_defect_while_sending_counts_as_no_answer(account):
    queue_mail(account)
    sender = FakeSender(RuntimeError("a bug"))
    drain(account.id, sender=sender)
    (email,) = outgoing()
    assert (email.state, email.uncertain_count) == ("queued", 1)


def test_two_drains_at_once_send_one_copy(app, account):
    ids = [queue_mail(account).id for _ in range(10)]
    db.session.rollback()
    sender, start = SlowSender(), threading.Barrier(2)

    def run():
        with app.app_context():
            start.wait()
            while drain(account_id, sender=sender):
                pass
            db.session.remove()

    account_id = account.id
    db.session.rollback()
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(sender.sent) == len(ids)
    assert states() == ["sent"] * len(ids)


def test_a_slow_server_keeps_the_lease_alive_and_a_dead_worker_frees_it(app, account):
    app.config["CLAIM_SECONDS"] = 1
    queue_mail(account)
    others = FakeSender()

    class TakesItsTime(FakeSender):
        def send(self, *arguments):
            time.sleep(1.8)
            with app.app_context():
                drain(account_id, sender=others)
            return super().send(*arguments)

    account_id = account.id
    sender = TakesItsTime()
    drain(account_id, sender=sender)
    assert (len(sender.sent), len(others.sent)) == (1, 0)
    assert states() == ["sent"]
    assert db.session.get(EmailAccount, account_id).send_lease_until is None
    assert queue.accounts_due() == []


def test_a_worker_that_slept_past_its_lease_says_what_it_sent(account, no_pauses):
    queue_mail(account)

    class Sleeps(FakeSender):
        def send(self, *arguments):
            let_time_pass(hours=1)
            with transaction():
                queue.take_over_expired(account_id, utcnow())
            return super().send(*arguments)

    account_id = account.id
    sender = Sleeps()
    drain(account_id, sender=sender)
    assert (len(sender.sent), states()) == (1, ["sent"])


# real servers


@pytest.fixture
def real(sink, context):
    return factories.make_account(outgoing_port=sink.port, outgoing_security="plain", is_acknowledging=False)


def test_a_real_server_gets_the_bytes_as_they_are(real, sink):
    raw = factories.make_mail(text="One\n.\nTwo\n").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    queue_mail(real, to=(A,), cc=(B,), raw=raw)
    queue_mail(real, purpose="ticket_created", to=(C,))
    drain(real.id)
    first, second = sink.mails()
    assert (first.sender, first.recipients, first.raw) == (factories.SUPPORT, (A, B), raw)
    assert (second.sender, second.recipients) == ("", (C,))
    assert sink.connections == 1
    assert states() == ["sent", "sent"]
    assert outgoing()[0].detail.startswith("250")


def test_a_real_server_that_refuses_one_of_three(real, sink):
    sink.refuse = {B: "450 4.2.0 greylisted", C: "550 5.1.1 no such user"}
    queue_mail(real, to=(A,), cc=(B, C))
    drain(real.id)
    sink.refuse = {}
    let_time_pass(minutes=2)
    drain(real.id)
    assert [mail.recipients for mail in sink.mails()] == [(A,), (B,)]
    (email,) = outgoing()
    assert (email.state, str(reason_of(email))) == ("failed", f"Not delivered to {C}.")


def test_an_address_in_letters_the_server_does_not_know_fails_at_once_and_says_what_to_do(smtp_sink, context):
    old = smtp_sink(utf8=False)
    account = factories.make_account(
        outgoing_port=old.port, outgoing_security="plain", is_acknowledging=False
    )
    queue_mail(account, to=("jörg@one.example",), raw=factories.make_mail(to="j@one.example"))
    queue_mail(account, to=(A,), cc=("jörg@one.example",), raw=factories.make_mail(to=A))
    drain(account.id)
    alone, together = outgoing()
    assert {alone.state, together.state} == {"failed"}
    for email in (alone, together):
        assert str(reason_of(email)).startswith("Nothing can be sent to jörg@one.example: ")
        assert "Ask for another address" in str(reason_of(email))
        assert "jörg@one.example: 553 5.6.7" in email.detail
    assert [mail.recipients for mail in old.mails()] == [(A,)]
    assert together.recipients["accepted"] == [A]


def test_who_is_refused_for_good_is_asked_once_and_his_servers_words_stay(real, sink):
    sink.refuse = {A: "550 5.1.1 no such user", B: "450 4.2.0 greylisted"}
    queue_mail(real, to=(A,), cc=(B,))
    drain(real.id)
    (email,) = outgoing()
    assert (email.state, str(reason_of(email))) == ("queued", f"Not yet delivered to {B}.")
    assert email.recipients["refused"] == [A]
    sink.refuse = {A: "250 2.1.5 ok after all"}
    let_time_pass(minutes=2)
    drain(real.id)
    assert [mail.recipients for mail in sink.mails()] == [(B,)]
    (email,) = outgoing()
    assert (email.state, str(reason_of(email))) == ("failed", f"Not delivered to {A}.")
    assert email.detail == f"{A}: 550 5.1.1 no such user"


def test_greylisted_mails_do_not_hold_up_the_others(real, sink):
    sink.refuse = {A: "450 4.2.0 greylisted"}
    for to in (A, A, A, A, B):
        queue_mail(real, to=(to,))
    drain(real.id)
    assert [mail.recipients for mail in sink.mails()] == [(B,)]
    assert states() == ["queued"] * 4 + ["sent"]
    assert sink.connections == 1


def test_a_server_that_is_down_is_asked_once_and_everything_goes_when_it_is_back(real, sink):
    for _ in range(10):
        queue_mail(real)
    sink.stop()
    drain(real.id)
    assert states() == ["queued"] * 10
    assert all(email.reason and email.attempts == 0 for email in outgoing())
    sink.resume()
    let_time_pass(minutes=2)
    drain(real.id)
    assert states() == ["sent"] * 10
    assert len(sink.mails()) == 10


def test_a_server_that_takes_the_mail_and_hangs_up_gets_at_most_two_copies(real, sink):
    queue_mail(real)
    sink.at_end = "drop"
    for _ in range(4):
        drain(real.id)
        let_time_pass(minutes=16)
    assert states() == ["uncertain"]
    first, second = sink.mails()
    assert first == second


def test_a_server_that_dies_now_and_then_gets_every_mail_once(real, sink):
    for number in range(12):
        queue_mail(real, to=(f"p{number}@one.example",))
    sink.answers["MAIL"] = [None, None, "421 4.3.2 going away"] * 2
    for _ in range(6):
        drain(real.id)
        let_time_pass(minutes=16)
    assert states() == ["sent"] * 12
    assert len({mail.recipients for mail in sink.mails()}) == len(sink.mails()) == 12


@pytest.mark.parametrize("backend", ["console", "file", "dummy"])
def test_the_setting_replaces_the_server(app, real, sink, backend, capsys):
    app.config["EMAIL_BACKEND"] = backend
    queue_mail(real, raw=factories.make_mail(text="Seen on the terminal.\n"))
    drain(real.id)
    assert states() == ["sent"]
    assert not sink.mails()
    assert ("Seen on the terminal." in capsys.readouterr().out) is (backend == "console")
