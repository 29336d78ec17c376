"""Mail that is no ticket: which tray it lies in, who sees it there, and what a person makes of it."""

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, Forbidden, InvalidInput, NotFound
from helpdesk.models import EmailMessage, Event, SenderRule, Ticket
from helpdesk.models.trays import Tray
from helpdesk.policy.inbox import Kind
from helpdesk.policy.senders import Verdict
from helpdesk.services import inbox, people, senders, trays
from helpdesk.services.ingest import process, store
from tests import factories
from tests.factories import AGENT, CUSTOMER, OTHER_CUSTOMER, STRANGER, make_mail
from tests.services.arrivals import receive

FLOOD = 13
VACATION = make_mail(sender=STRANGER, subject="Out of office: gone fishing", Auto_Submitted="auto-replied")
REPORT = (
    b"From: MAILER-DAEMON@relay.example\r\nTo: support@desk.example\r\nSubject: Undelivered\r\n"
    b"Message-ID: <report@relay.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nNo luck.\r\n'
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n"
    b"Final-Recipient: rfc822; nobody@gone.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
)


@pytest.fixture
def account(context):
    return factories.make_account()


def act(what, email, actor):
    with transaction():
        what(db.session.get(EmailMessage, email.id), actor=actor)
    db.session.rollback()


def subjects(user, tray, **args):
    db.session.rollback()
    return [mail.subject for mail in trays.page(user, tray, **args).mails]


def test_each_mail_lies_in_its_tray_and_is_seen_by_who_works_on_the_account(account, agent):
    other = factories.make_account("sales@desk.example")
    stranger, admin = factories.make_agent("tom@desk.example", accounts=[other]), factories.make_admin()
    opened, vacation, report, loop = receive(
        account, make_mail(), VACATION, REPORT, make_mail(sender="sales@desk.example", subject="To ourselves")
    )
    assert [row.tray for row in (opened, vacation, report, loop)] == [
        None, Tray.AUTOMATIC, Tray.UNDELIVERABLE, Tray.AUTOMATIC,
    ]  # fmt: skip
    assert "x@" not in vacation.reason and "automatic answer" in vacation.reason
    for user, seen in ((agent, True), (admin, True), (stranger, False)):
        assert bool(subjects(user, Tray.UNDELIVERABLE)) is seen
        assert trays.counts(user)[Tray.AUTOMATIC] == (2 if seen else 0)
        assert db.session.scalar(select(trays.to_look_at(user))) == (1 if seen else 0)
    assert subjects(admin, Tray.AUTOMATIC, account_id=other.id) == []
    with pytest.raises(NotFound):
        trays.get(stranger, report.id)


def test_a_page_of_a_tray_goes_on_where_the_one_before_ended(account, agent):
    receive(account, *(make_mail(sender=STRANGER, subject=f"Auto: {n}", Auto_Submitted="auto-replied") for n in range(5)))  # fmt: skip
    first = trays.page(agent, Tray.AUTOMATIC, limit=3)
    rest = trays.page(agent, Tray.AUTOMATIC, before=first.next_before, limit=3)
    assert [m.subject for m in (*first.mails, *rest.mails)] == [f"Auto: {n}" for n in (4, 3, 2, 1, 0)]
    assert rest.next_before is None


def test_any_of_them_becomes_a_ticket_when_a_person_says_so(account, agent):
    for raw in (VACATION, REPORT, make_mail(sender=account.email, subject="Hi")):
        (row,) = receive(account, raw)
        act(trays.make_ticket, row, agent)
        process.drain()
        db.session.rollback()
        row = db.session.get(EmailMessage, row.id)
        assert (row.state, row.tray) == ("opened", None), row.reason
        with pytest.raises(Conflict):
            act(trays.make_ticket, row, agent)


def test_what_was_discarded_can_be_put_back_where_it_lay(account, agent):
    (row,) = receive(account, VACATION)
    act(trays.discard, row, agent)
    assert subjects(agent, Tray.AUTOMATIC) == [] and subjects(agent, Tray.DISCARDED) == [row.subject]
    with pytest.raises(Conflict):
        act(trays.discard, row, agent)
    act(trays.put_back, row, agent)
    with pytest.raises(Conflict):
        act(trays.put_back, row, agent)
    row = db.session.get(EmailMessage, row.id)
    assert (row.state, row.tray) == ("ignored", Tray.AUTOMATIC)
    done = select(Event.type).where(Event.email_id == row.id, Event.actor_id == agent.id).order_by(Event.id)
    kinds = list(db.session.scalars(done))
    assert kinds == ["email.discarded", "email.put_back"]


def test_blocking_the_sender_of_a_flood_empties_the_tray_of_it(account, agent):
    rows = receive(account, *(make_mail(subject=f"Buy {n}") for n in range(FLOOD)))
    (other,) = receive(account, make_mail(sender=OTHER_CUSTOMER))
    held = [row for row in rows if row.tray is Tray.HELD]
    assert len(held) == FLOOD - 10
    act(trays.block, held[0], agent)
    assert subjects(agent, Tray.HELD) == []
    assert sorted(subjects(agent, Tray.BLOCKED)) == sorted(row.subject for row in held)
    later, friend = receive(
        account, make_mail(subject="Again"), make_mail(sender=OTHER_CUSTOMER, subject="Mine")
    )
    assert (later.tray, later.ticket_id) == (Tray.BLOCKED, None) and friend.state == other.state == "opened"
    with pytest.raises(Forbidden):
        act(trays.block, held[0], factories.make_agent("tom@desk.example"))


def test_whoever_works_on_the_account_is_told_once_that_a_sender_is_held(account, agent):
    stranger, admin = factories.make_agent("tom@desk.example"), factories.make_admin()
    rows = receive(account, *(make_mail(subject=f"Buy {n}") for n in range(FLOOD)))
    for user in (agent, admin):
        (item,) = inbox.page(user)[0]
        assert (item.kind, item.who, item.email.id) == (Kind.HELD, CUSTOMER, rows[10].id)
        assert inbox.count_unread(user) == 1
    assert inbox.page(stranger)[0] == []
    with transaction():
        people.set_grants(agent, [], actor=None)
    db.session.expire_all()
    assert (inbox.page(agent)[0], inbox.count_unread(agent)) == ([], 0)


def test_a_preview_shows_words_and_names_of_files_only(account):
    raw = make_mail(
        sender=STRANGER, subject="Auto: x", text="Gone <b>fishing</b>", html="<p>Gone</p>",
        files=[("plan.pdf", "application/pdf", b"%PDF")], Auto_Submitted="auto-replied",
    )  # fmt: skip
    (row,) = receive(account, raw)
    shown = trays.preview(row)
    assert (shown.text, shown.files, shown.is_cut) == ("Gone <b>fishing</b>", ("plan.pdf",), False)
    with transaction():
        db.session.get(EmailMessage, row.id).raw_sha256 = None
    assert trays.preview(db.session.get(EmailMessage, row.id)) is None


# the list of senders


def rule(typed, verdict, actor, **values):
    with transaction():
        senders.add(typed, verdict, actor=actor, **({"account_id": None} | values))


def test_a_blocked_sender_opens_and_answers_nothing(account, agent):
    (first,) = receive(account, make_mail(message_id="<a@customer.example>"))
    rule(CUSTOMER.upper(), Verdict.BLOCK, agent, account_id=account.id)
    answer, other = receive(
        account, make_mail(In_Reply_To="<a@customer.example>"), make_mail(sender=OTHER_CUSTOMER)
    )
    assert (answer.state, answer.tray, answer.ticket_id) == ("ignored", Tray.BLOCKED, None)
    assert answer.reason_params == {"pattern": CUSTOMER} and other.state == "opened"
    assert len(db.session.get(Ticket, first.ticket_id).comments) == 1
    two = make_mail(sender=f"{OTHER_CUSTOMER}, {CUSTOMER}", subject="Two")
    assert receive(account, two)[0].tray is Tray.BLOCKED


def test_a_rule_holds_for_its_account_alone_and_the_desks_for_all(account, agent):
    sales, admin = factories.make_account("sales@desk.example"), factories.make_admin()
    rule("customer.example", Verdict.BLOCK, agent, account_id=account.id)
    there = receive(sales, make_mail(to="sales@desk.example"))[0]
    here = receive(account, make_mail(subject="Here"))[0]
    assert (there.state, here.tray) == ("opened", Tray.BLOCKED)
    rule("customer.example", Verdict.BLOCK, admin)
    assert receive(sales, make_mail(to="sales@desk.example", subject="x"))[0].tray is Tray.BLOCKED
    rule(CUSTOMER, Verdict.ALLOW, agent, account_id=account.id)
    assert receive(account, make_mail(subject="Now"))[0].state == "opened"
    with pytest.raises(Forbidden):
        rule("other.example", Verdict.BLOCK, agent)


def test_saying_it_again_replaces_what_was_said(account, agent):
    for _ in range(2):
        rule("shop.example", Verdict.BLOCK, agent, account_id=account.id)
    rule("@Shop.example", Verdict.ALLOW, agent, account_id=account.id, note="a partner")
    (row,) = db.session.scalars(select(SenderRule)).all()
    assert (row.pattern, row.verdict, row.note) == ("shop.example", Verdict.ALLOW, "a partner")
    with transaction():
        senders.remove(db.session.get(SenderRule, row.id), actor=agent)
    assert senders.page(agent) == ([], None)
    named = [
        e.data["name"] for e in db.session.scalars(select(Event).where(Event.type.startswith("sender.")))
    ]
    assert named == ["shop.example"] * 4


def test_colleagues_are_blocked_by_nobody_in_passing(account, agent):
    for typed in (AGENT, "desk.example", account.email):
        with pytest.raises(InvalidInput) as refused:
            rule(typed, Verdict.BLOCK, agent, account_id=account.id)
        assert refused.value.field == "sure"
    rule("desk.example", Verdict.BLOCK, agent, account_id=account.id, is_sure=True)
    with pytest.raises(InvalidInput):
        rule("not an address", Verdict.BLOCK, agent, account_id=account.id)
    assert [r.pattern for r in senders.page(agent)[0]] == ["desk.example"]
    assert senders.page(agent, text="nothing")[0] == []


def test_who_is_blocked_on_one_account_may_still_write_to_another(account, agent):
    other, third = (factories.make_account(f"{name}@desk.example") for name in ("sales", "press"))
    with transaction():
        senders.add(STRANGER, Verdict.BLOCK, account_id=account.id, actor=agent)
    hidden = make_mail(sender=STRANGER, to="friends@stranger.example")  # all got a blind copy
    ids = [store.store_raw(each, hidden) for each in (account, other, third)]
    process.drain()
    db.session.rollback()
    blocked, opened, again = (db.session.get(EmailMessage, email_id) for email_id in ids)
    assert (blocked.tray, opened.state, again.state) == (Tray.BLOCKED, "opened", "duplicate")
    assert db.session.get(Ticket, opened.ticket_id).account_id == other.id
    assert again.ticket_id == opened.ticket_id
