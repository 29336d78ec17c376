"""What would be mailed one by one is one mail a day or a week, each turn once, and says what its reader may see then."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.jobs import schedule, tasks
from helpdesk.models import DigestEntry, User
from helpdesk.policy.digest import Every, Rhythm
from helpdesk.policy.status import Disposition, Priority, Role
from helpdesk.services import digests, members, people, preferences, sweep
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.outbox.mails import outgoing
from tests.services.outbox.told_mails import of_person, send_gathered, text_of, to_whom

DAILY, WEEKLY = Rhythm(Every.DAILY, 8), Rhythm(Every.WEEKLY, 8, 0)
MORNING = datetime(2026, 11, 23, 8, tzinfo=UTC)  # a Monday


@pytest.fixture
def ticket(account, nora):
    factories.make_customer()
    ticket = factories.make_ticket(account)
    with transaction():
        changing.assign(ticket, nora, actor=nora)
    return ticket


def want(user, rhythm, *, spares_urgent=True):
    with transaction():
        preferences.choose_digest(db.session.get(User, user.id), rhythm, spares_urgent=spares_urgent)


def note(ticket, tom, text="Psst.", *, at=None):
    """A note, as if it had been written at that time."""
    with transaction():
        comments.add_note(db.session.merge(ticket), Words(text), actor=db.session.merge(tom))
        if at is not None:
            fresh = DigestEntry.created_at > datetime(2026, 11, 25, tzinfo=UTC) - timedelta(days=30)
            db.session.execute(update(DigestEntry).where(fresh).values(created_at=at))


def waiting():
    db.session.rollback()
    return db.session.scalar(select(func.count(DigestEntry.id)))


def queued():
    return outgoing(purpose="digest")


def test_everything_of_a_day_is_one_mail_and_urgent_things_are_mailed_at_once(account, ticket, nora, tom):
    other = factories.make_ticket(account, subject="Scanner")
    want(nora, DAILY)
    note(ticket, tom, "First words.")
    with transaction():
        changing.assign(db.session.merge(other), nora, actor=tom)
        changing.set_priority(db.session.merge(ticket), Priority.HIGH, actor=tom)
        comments.add_note(db.session.merge(other), Words("More words."), actor=tom)
    (single,) = send_gathered(account.id)
    assert "assigned this ticket to you" in text_of(single)
    assert waiting() == 3
    tomorrow = utcnow() + timedelta(days=1)
    assert [d.email for d in digests.preview(tomorrow)] == [factories.AGENT]
    (sent,) = digests.send(tomorrow)
    assert (sent.tickets, sent.facts, waiting()) == (2, 3, 0)
    assert digests.send(tomorrow) == []
    mail = of_person(send_gathered(account.id), factories.AGENT)
    assert mail["Subject"] == "Your day: news on 2 tickets"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Reply-To"] == f"Nora Keller <{factories.AGENT}>"  # never a ticket that quotes it to others
    for kind in ("plain", "html"):
        text = text_of(mail, kind)
        link = mail["List-Unsubscribe"].strip("<>")
        for words in (
            "First words.",
            "More words.",
            "Scanner",
            "Medium → High",
            f"/tickets/{other.number}",
            link,
        ):
            assert words in text


def test_without_the_exception_urgent_things_wait_too(account, ticket, nora, tom):
    want(nora, DAILY, spares_urgent=False)
    note(ticket, tom, "@Nora look")
    assert (waiting(), outgoing()) == (1, [])
    digests.send(utcnow() + timedelta(days=1))
    assert "Tom Hale mentioned you: @Nora look" in text_of(
        of_person(send_gathered(account.id), factories.AGENT)
    )


def test_what_happens_after_the_turn_waits_for_the_next_and_no_turn_comes_twice(ticket, nora, tom):
    want(nora, DAILY)
    note(ticket, tom, at=MORNING - timedelta(hours=1))
    assert digests.send(MORNING - timedelta(minutes=1)) == []
    assert len(digests.send(MORNING)) == 1
    note(ticket, tom, at=MORNING + timedelta(minutes=5))
    assert digests.send(MORNING + timedelta(hours=23)) == []
    with transaction():
        preferences.choose_digest(db.session.merge(nora), Rhythm(Every.DAILY, 12), spares_urgent=True)
    assert digests.send(MORNING + timedelta(hours=4)) == [], "another hour makes no second turn of a day"
    assert len(digests.send(MORNING + timedelta(hours=28))) == 1


def test_a_weekly_one_comes_on_its_day_by_the_readers_clock(ticket, nora, tom):
    want(nora, WEEKLY)
    with transaction():
        db.session.merge(nora).timezone = "America/New_York"
    note(ticket, tom, at=MORNING - timedelta(days=3))
    assert digests.send(MORNING) == []
    assert len(digests.send(MORNING + timedelta(hours=5))) == 1


def test_a_clock_that_was_wrong_holds_nothing_back(ticket, nora, tom):
    want(nora, DAILY)
    note(ticket, tom, at=MORNING + timedelta(days=900))
    with transaction():
        db.session.merge(nora).digest_told = (MORNING + timedelta(days=900)).date()
    assert len(digests.send(MORNING)) == 1
    note(ticket, tom, at=MORNING - timedelta(minutes=1))
    assert digests.send(MORNING - timedelta(hours=1)) == []


def test_who_wants_single_mails_again_gets_at_once_what_has_gathered(account, ticket, nora, tom):
    want(nora, WEEKLY)
    note(ticket, tom, "Gathered.")
    want(nora, Rhythm())
    note(ticket, tom, "Single.")
    assert len(digests.send()) == 1
    subjects = {mail["Subject"]: text_of(mail) for mail in send_gathered(account.id)}
    assert "Gathered." in subjects.pop("News on one ticket")
    (single,) = subjects.values()
    assert "Single." in single and "Gathered." not in single


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("loss", ["grant", "account", "deactivated", "spam", "customer"])
def test_nothing_is_said_that_may_not_be_seen_any_more(account, ticket, nora, tom, loss, when):
    """Lost before the digest is queued, or while its mail waits to be made."""
    admin = factories.make_admin()
    want(nora, DAILY)
    note(ticket, tom, "Secret.")

    def lose():
        with transaction():
            who = db.session.get(User, nora.id)
            match loss:
                case "grant":
                    people.set_grants(who, [], actor=None)
                case "account":
                    db.session.merge(account).is_active = False
                case "deactivated":
                    members.deactivate(who, actor=db.session.merge(admin))
                case "spam":
                    db.session.merge(ticket).disposition = Disposition.SPAM
                case "customer":
                    who.role = Role.CUSTOMER

    if when == "before":
        lose()
    digests.send(utcnow() + timedelta(days=1))
    if when == "after":
        lose()
    assert factories.AGENT not in [to_whom(mail) for mail in send_gathered(account.id)]
    assert [email.state for email in queued()] in ([], ["cancelled"], ["failed"])


def test_of_two_tickets_the_one_that_may_still_be_seen_is_told(account, ticket, nora, tom):
    sales = factories.make_account("sales@desk.example", is_acknowledging=False)
    with transaction():
        people.set_grants(db.session.merge(nora), [account.id, sales.id], actor=None)
        people.set_grants(db.session.merge(tom), [account.id, sales.id], actor=None)
    other = factories.make_ticket(sales, subject="Contract")
    want(nora, DAILY)
    note(ticket, tom, "Ours.")
    note(other, tom, "Theirs.")
    digests.send(utcnow() + timedelta(days=1))
    with transaction():
        people.set_grants(db.session.merge(nora), [account.id], actor=None)
    mail = of_person(send_gathered(account.id) + send_gathered(sales.id), factories.AGENT)
    assert "Ours." in text_of(mail)
    assert "Contract" not in text_of(mail) + text_of(mail, "html")


def test_a_worker_that_dies_while_queueing_has_done_nothing(ticket, nora, tom):
    want(nora, DAILY)
    note(ticket, tom)
    tomorrow = utcnow() + timedelta(days=1)
    with pytest.raises(KeyboardInterrupt), transaction():
        assert digests._send(nora.id, tomorrow)
        raise KeyboardInterrupt
    assert (waiting(), queued()) == (1, [])
    assert len(digests.send(tomorrow)) == 1


def test_one_that_cannot_be_made_holds_up_no_other(ticket, nora, tom):
    ada = factories.make_admin()
    for user in (nora, ada):
        want(user, DAILY)
    with transaction():
        db.session.merge(nora).timezone = "No/Such_Zone"  # gone from the machine since it was chosen
    note(ticket, tom)
    (sent,) = digests.send(utcnow() + timedelta(days=1))
    assert (sent.email, waiting()) == (factories.ADMIN, 1)


def test_two_processes_at_once_queue_one(app, ticket, nora, tom):
    want(nora, DAILY)
    note(ticket, tom)
    start, counts, tomorrow = threading.Barrier(2), [], utcnow() + timedelta(days=1)
    db.session.rollback()

    def look():
        with app.app_context():
            start.wait()
            counts.append(len(digests.send(tomorrow)))
            db.session.remove()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (sorted(counts), len(queued())) == ([0, 1], 1)


def test_without_an_account_that_sends_it_goes_on_waiting(account, ticket, nora, tom):
    want(nora, DAILY)
    note(ticket, tom)
    tomorrow = utcnow() + timedelta(days=1)
    with transaction():
        db.session.merge(account).is_sending = False
    assert (digests.send(tomorrow), waiting()) == ([], 1)
    with transaction():
        db.session.merge(account).is_sending = True
    assert len(digests.send(tomorrow)) == 1


def test_a_long_digest_stays_short_enough_for_mail_programs(account, ticket, nora, tom):
    want(nora, DAILY)
    others = [factories.make_ticket(account, subject=f"Ticket number {n} " + "x" * 60) for n in range(30)]
    with transaction():
        for one in [ticket, *others]:
            for _ in range(6):
                comments.add_note(db.session.merge(one), Words("word " * 500), actor=db.session.merge(tom))
    digests.send(utcnow() + timedelta(days=1))
    mail = of_person(send_gathered(account.id), factories.AGENT)
    assert "2 things before that" in text_of(mail)
    assert "Also with news:" in text_of(mail)
    assert "186 things happened on 31 tickets." in text_of(mail)
    assert len(text_of(mail, "html").encode()) < 102_000


def test_it_is_for_the_team_and_its_hours_exist(account, nora):
    customer = factories.make_customer()
    for user, rhythm in [
        (customer, DAILY),
        (nora, Rhythm(Every.DAILY, 24)),
        (nora, Rhythm(Every.WEEKLY, 8, 7)),
    ]:
        with pytest.raises(InvalidInput), transaction():
            preferences.choose_digest(db.session.merge(user), rhythm, spares_urgent=True)


def test_the_timetable_and_the_command_send_it(app, ticket, nora, tom):
    want(nora, DAILY)
    note(ticket, tom, at=utcnow() - timedelta(days=2))
    assert schedule.Periodic("periodic-digests", "send_digests", 60) in schedule.timetable(app.config)
    runner = app.test_cli_runner()
    assert "Digests: 1" in runner.invoke(args=["send-digests", "--dry-run"]).output
    assert waiting() == 1
    tasks.send_digests()
    assert (waiting(), len(queued())) == (0, 1)
    assert ("send_account", (ticket.account_id,)) in sweep.sweep()
    assert "Digests: 0" in runner.invoke(args=["send-digests"]).output
