"""What the desk sends, read by the rules for what it gets: every answer finds its ticket, and nothing but its words stays."""

import base64
import re

import pytest

from helpdesk.database import db, transaction
from helpdesk.mail.quotes import split_reply
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, EmailMessage, Ticket
from helpdesk.models.mail import QuotedHistory
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import people, replies, settings
from helpdesk.services.outbox import marks
from helpdesk.services.templates import LANGUAGES
from helpdesk.services.tickets import changing
from tests import factories
from tests.factories import CUSTOMER
from tests.fakes import FakeSender
from tests.services.answering import EVIDENCE, PROGRAMS, WORDS, answer_to, bare, bodies, read
from tests.services.arrivals import receive
from tests.services.outbox.told_mails import of_person, send_gathered

QUESTION = "It does not print.\n\nWhat now?\n"
ANSWER = "Dear Jonas,\n\nplease switch it off and on.\n\n> What now?\nThen write to us again.\n- first the red button\n- then the other"


@pytest.fixture
def account(request, context):
    """One whose mails begin with the line and end with the whole conversation; with neither for the parameter False."""
    is_rich = getattr(request, "param", True)
    return factories.make_account(
        shows_reply_line=is_rich,
        quoted_history=QuotedHistory.FULL if is_rich else QuotedHistory.NONE,
        takes_plus_addresses=True,
        signature="Your support team",
    )


@pytest.fixture(params=LANGUAGES)
def customer(request, account):
    customer = factories.make_customer()
    with transaction() as session:
        session.merge(customer).language = request.param
    return customer


def mails_to_customer(account, agent):
    """(name, mail) of every kind of mail a customer gets about his ticket."""
    ticket_id = receive(account, factories.make_mail(text=QUESTION))[0].ticket_id
    (acknowledgement,) = send_gathered(account.id)
    files = [
        MailFile("plan.pdf", "application/pdf", b"%PDF-1.4 plan"),
        MailFile("ä ö.txt", "text/plain", b"x"),
    ]
    ticket = db.session.get(Ticket, ticket_id)
    prepared = replies.prepare(ticket, ANSWER, actor=agent, files=files)
    with transaction():
        replies.send(db.session.get(Ticket, ticket_id), prepared, actor=agent)
    (answer,) = send_gathered(account.id)
    has_history = "It does not print." in bodies(answer)[0]
    assert has_history == (account.quoted_history is QuotedHistory.FULL)
    with transaction():
        changing.set_status(db.session.get(Ticket, ticket_id), Status.RESOLVED, actor=agent)
    (resolved,) = send_gathered(account.id)
    return {"acknowledgement": acknowledgement, "answer": answer, "notification": resolved}


@pytest.mark.parametrize("account", [True, False], indirect=True)
def test_an_answer_finds_its_ticket_by_each_evidence_alone_and_keeps_its_words(account, customer):
    agent = factories.make_agent(accounts=[account])
    ours = mails_to_customer(account, agent)
    db.session.rollback()
    german = customer.language == "de"
    ticket_id = db.session.query(Ticket.id).scalar()
    tried = [(name, program, evidence) for name in ours for program in PROGRAMS for evidence in EVIDENCE]
    # each kind of mail by each program, each program with each evidence; not all with all
    tried = [one for at, one in enumerate(tried) if one[0] == "answer" or at % 3 == 0]
    raws = [
        answer_to(ours[name], PROGRAMS[program], evidence, sender=f"Jonas Berg <{CUSTOMER}>", german=german)
        for name, program, evidence in tried
    ]
    rows = receive(account, *raws)
    for row, one in zip(rows, tried, strict=True):
        assert (row.state, row.ticket_id) == ("appended", ticket_id), one
        assert db.session.get(Comment, row.comment_id).text.strip() == WORDS, one


@pytest.mark.parametrize("evidence", ["id", "token", "thread-index"])
def test_an_agents_answer_to_a_notification_is_a_note_of_his_words_alone(account, evidence):
    """The name of a conversation proves nothing: what claims to be from the team opens a ticket of its own."""
    agent, admin = factories.make_agent(accounts=[account]), factories.make_admin()
    ticket_id = receive(account, factories.make_mail(text=QUESTION))[0].ticket_id
    with transaction():
        changing.assign(db.session.get(Ticket, ticket_id), agent, actor=admin)
    told = of_person(send_gathered(account.id), agent.email)
    raws = [answer_to(told, program, evidence, sender=agent.email) for program in PROGRAMS.values()]
    for row in receive(account, *raws):
        if evidence == "thread-index":
            assert row.ticket_id != ticket_id
            continue
        comment = db.session.get(Comment, row.comment_id)
        assert (row.state, comment.kind, comment.text.strip()) == ("appended", CommentKind.NOTE, WORDS)


def test_our_line_parts_words_from_a_mail_nothing_else_marks(account, customer):
    ours = mails_to_customer(account, factories.make_agent(accounts=[account]))
    for mail in ours.values():
        text, html = bodies(mail)
        assert re.match(r"##- \S.{10,70} -##\r?\n\r?\n", text) and text.count("##-") == html.count("##-") == 1
        assert split_reply(bare(text, html, False)[0]).visible == WORDS
        assert split_reply("", f"<p>{WORDS.split()[0]}</p>{html}").visible == "Thank"


def test_the_line_of_every_language_is_known_whatever_its_words(context):
    with transaction():
        settings.instance_id()
    lines = {marks.reply_line(language) for language in LANGUAGES}
    assert len(lines) == len(LANGUAGES)
    for line in lines:
        assert split_reply(f"Yes\n\n{line}\n\nNora wrote this").visible == "Yes"
        assert split_reply(f"{line}\n\nWritten below it").visible == "Written below it"


def test_our_own_mails_make_no_ticket_when_they_come_back(account, customer):
    ours = mails_to_customer(account, factories.make_agent(accounts=[account]))
    raws = [mail.as_bytes() for mail in ours.values()]
    stripped = []
    for mail in ours.values():
        for name in [name for name in mail if name.lower().startswith("x-helpdesk")]:
            del mail[name]
        mail.replace_header("Message-ID", "<rewritten@relay.example>")
        stripped.append(mail.as_bytes())
    for row in receive(account, *raws, *stripped):
        assert row.state in ("ignored", "duplicate"), row.reason
    assert db.session.query(Ticket).count() == 1 and db.session.query(Comment).count() == 2


def test_headers_stand_once_are_short_and_lead_back(account, customer):
    """As DKIM signs them: nothing twice, no line a server would break, the same conversation in all of them."""
    with transaction():
        people.find_user(CUSTOMER).name = (
            "Jonas Ærø von und zu Berg-Østergård, geborener Müller-Lüdenscheidt " * 3
        )
    ours = mails_to_customer(account, factories.make_agent(accounts=[account]))
    rows = {row.message_id for row in db.session.query(EmailMessage).filter_by(direction="out")}
    for name, mail in ours.items():
        raw = mail.as_bytes()
        names = [key.lower() for key in mail.keys()]  # noqa: SIM118 - repeats count
        assert len(names) == len(set(names)), name
        assert max(map(len, raw.splitlines())) < 200
        assert str(mail["Message-ID"]).strip("<>") in rows and str(mail["Message-ID"]).endswith(
            "@desk.example>"
        )
        assert str(mail["Date"]).endswith("+0000") and mail["Precedence"] is None
        assert str(mail["Subject"]) == "[TKT-2026-00001] Printer shows error 49"
        assert str(mail["Thread-Topic"]) == "Printer shows error 49"
        is_answer = name == "answer"
        assert (mail["Auto-Submitted"] is None, mail["List-Unsubscribe"] is None) == (is_answer, is_answer)
    assert len({str(mail["Thread-Index"]) for mail in ours.values()}) == 1
    assert ours["notification"]["References"].split()[0] == ours["answer"]["References"].split()[0]


def test_an_exchange_customers_own_conversation_is_gone_on_with(account, customer):
    agent = factories.make_agent(accounts=[account])
    index = base64.b64encode(bytes(range(1, 23))).decode()
    ticket_id = receive(account, factories.make_mail(Thread_Index=index, Thread_Topic="Printer"))[0].ticket_id
    sender = FakeSender()
    prepared = replies.prepare(db.session.get(Ticket, ticket_id), "Yes.", actor=agent)
    with transaction():
        replies.send(db.session.get(Ticket, ticket_id), prepared, actor=agent)
    send_gathered(account.id, sender)
    assert {str(read(mail.raw)["Thread-Index"]) for mail in sender.sent} == {index}
