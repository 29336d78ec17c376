"""What the mails say: looked at as they arrive, parsed by a mail program's eyes."""

import email
import email.policy
from email.utils import getaddresses

import pytest

from helpdesk.database import db, transaction
from helpdesk.mail.thread import read_message_id
from helpdesk.mail.types import MailFile
from helpdesk.models import User
from helpdesk.services import keys, people, replies, settings
from helpdesk.services.outbox.deliver import drain
from helpdesk.services.tickets import opening
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import let_time_pass, outgoing

QUESTION_ID = "question-1@customer.example"


@pytest.fixture
def account(context):
    return factories.make_account(name="Example Support", from_name="Example Support")


@pytest.fixture
def ticket(account):
    """A ticket as a customer's mail opens it, the customer being known by name."""
    factories.make_customer()
    with transaction():
        address = people.address_for(factories.CUSTOMER)
        words = Words("It does not print.", message_id=QUESTION_ID, is_from_email=True)
        ticket, _ = opening.open_ticket(
            account=account, requester=address, subject="Printer shows error 49", words=words,
            actor=None, from_email=True,
        )  # fmt: skip
    return ticket


def send_all(account):
    """Let everything go; what arrived, by purpose of its row."""
    sender = FakeSender()
    drain(account.id, sender=sender)
    return [(sent, email.message_from_bytes(sent.raw, policy=email.policy.default)) for sent in sender.sent]


def say(ticket, agent, text="Please install 4.2.", files=(), **options):
    prepared = replies.prepare(ticket, text, list(files), actor=agent, **options)
    with transaction():
        return replies.send(ticket, prepared, actor=agent)


def addresses(message, name):
    return [address for _, address in getaddresses(message.get_all(name, []))]


def text_of(message, kind="plain"):
    return message.get_body((kind,)).get_content()


def issued(message):
    accepted = keys.accepted_keys("message-id")
    return read_message_id(message["Message-ID"], keys=accepted, instance=settings.instance_id())


def test_the_acknowledgement_tells_the_number_and_that_a_machine_wrote_it(account, ticket):
    ((sent, mail),) = send_all(account)
    tag = settings.tag_of(ticket)
    assert mail["Subject"] == f"[{tag}] Printer shows error 49"
    assert mail["To"] == f"Jonas Berg <{factories.CUSTOMER}>"
    assert mail["From"] == f"Example Support <{factories.SUPPORT}>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert (
        mail["X-Auto-Response-Suppress"] == "OOF, AutoReply, RN, NRN"
    )  # and no DR: reports of failure must come
    assert mail["In-Reply-To"] == mail["References"] == f"<{QUESTION_ID}>"
    assert (sent.envelope_from, sent.recipients) == ("", (factories.CUSTOMER,))
    assert issued(mail).ticket_id == ticket.id
    for kind in ("plain", "html"):
        assert tag in text_of(mail, kind)
        assert "It does not print" not in text_of(mail, kind)
    (row,) = outgoing()
    assert f"<{row.message_id}>" == mail["Message-ID"]
    assert row.subject == mail["Subject"]


@pytest.mark.parametrize(
    "subject",
    ["Win money http://evil.example/x now", "call me@evil.example", "see www.evil.example", "x" * 300],
)
def test_the_acknowledgement_repeats_no_link_no_address_and_no_long_text(account, subject):
    factories.make_ticket(account, subject=subject)
    ((_, mail),) = send_all(account)
    assert "evil.example" not in mail["Subject"] + text_of(mail) + text_of(mail, "html")
    assert "x" * 90 not in mail["Subject"] + text_of(mail) + text_of(mail, "html")


def test_an_answer_comes_from_a_person_in_the_same_thread(account, ticket, agent):
    ((_, acknowledgement),) = send_all(account)
    photo = bytes(range(256)) * 2000
    comment = say(ticket, agent, files=[MailFile("größe.png", "image/png", photo)])
    ((sent, mail),) = send_all(account)
    assert mail["Subject"] == f"[{settings.tag_of(ticket)}] Printer shows error 49"
    assert mail["From"].addresses[0].addr_spec == factories.SUPPORT
    assert "Nora Keller" in mail["From"].addresses[0].display_name
    assert addresses(mail, "To") == [factories.CUSTOMER]
    assert mail["In-Reply-To"] == f"<{QUESTION_ID}>"
    assert mail["References"].split() == [acknowledgement["Message-ID"], f"<{QUESTION_ID}>"]
    assert mail["Auto-Submitted"] is None
    assert mail["X-Auto-Response-Suppress"] is None
    assert (sent.envelope_from, sent.recipients) == (factories.SUPPORT, (factories.CUSTOMER,))
    assert "Please install 4.2." in text_of(mail)
    assert "Please install 4.2." in text_of(mail, "html")
    for kind in ("plain", "html"):
        assert "Nora Keller commented on your ticket:" in text_of(mail, kind)
        assert f"/tickets/{ticket.number}" in text_of(mail, kind)
    ((name, data),) = [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]
    assert (name, data) == ("größe.png", photo)
    assert issued(mail).ticket_id == ticket.id
    assert f"<{comment.message_id}>" == mail["Message-ID"]


def test_every_mail_has_an_id_of_its_own(account, ticket, agent):
    say(ticket, agent, "One")
    say(ticket, agent, "Two")
    mails = [mail for _, mail in send_all(account)]
    assert len({mail["Message-ID"] for mail in mails}) == len(mails) == 3


def test_what_an_agent_types_is_text_and_links_in_it_are_safe(account, ticket, agent):
    say(
        ticket,
        agent,
        "<script>alert(1)</script> see https://desk.example/a?b=1&c=2 and javascript:alert(1)\n{{ 7*7 }}",
    )
    html = next(text_of(mail, "html") for _, mail in send_all(account) if mail["Auto-Submitted"] is None)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert 'href="javascript' not in html
    assert "{{ 7*7 }}" in html


@pytest.mark.parametrize(
    "hostile",
    [
        "=?UTF-8?Q?=0A?=Bcc: x@evil.example",
        "a\r\nBcc: x@evil.example",
        "\n",
        "\x01=?utf-8?q?=0D=0A?=\nTo: x@evil.example",
    ],
)
def test_hostile_subjects_names_and_ids_reach_only_whom_they_should(account, agent, hostile):
    with transaction():
        address = people.address_for(factories.CUSTOMER, hostile)
        words = Words("x", message_id=hostile.replace("\n", "").replace("\r", "").replace(" ", "") or None)
        ticket, _ = opening.open_ticket(
            account=account, requester=address, subject=hostile, words=words, actor=None, from_email=True
        )
        db.session.get(User, agent.id).name = hostile
    say(ticket, agent)
    arrived = send_all(account)
    assert len(arrived) == 2
    for sent, mail in arrived:
        assert sent.recipients == (factories.CUSTOMER,)
        assert addresses(mail, "To") == [factories.CUSTOMER]
        assert addresses(mail, "From") == [factories.SUPPORT]
        assert not {"bcc", "cc"} & {name.lower() for name in mail}
        assert b"\nBcc:" not in sent.raw


def test_machine_mails_are_made_once_and_never_change(account, ticket):
    from helpdesk.errors import TransientError

    sender = FakeSender(TransientError("Later.", detail="450 later"))
    drain(account.id, sender=sender)
    with transaction():
        db.session.merge(ticket).subject = "Something else"
    let_time_pass(minutes=2)
    drain(account.id, sender=sender)
    assert len(sender.attempts) == 2
    assert sender.attempts[0] == sender.attempts[1]


def test_the_mail_speaks_the_language_of_who_gets_it(account, ticket, agent):
    with transaction():
        db.session.merge(ticket).requester.language = "de"
    ((_, mail),) = send_all(account)
    assert '<html lang="de"' in text_of(mail, "html")


def test_a_broken_template_fails_the_mail_and_nothing_else(app, account, ticket, agent):
    app.jinja_env.cache.clear()
    loader = app.jinja_env.loader
    from jinja2 import ChoiceLoader, DictLoader

    app.jinja_env.loader = ChoiceLoader(
        [DictLoader({"emails/ticket_created/body.txt": "{{ nothing.there }}"}), loader]
    )
    say(ticket, agent)
    arrived = send_all(account)
    assert [sent.recipients for sent, _ in arrived] == [(factories.CUSTOMER,)]
    assert [row.state.value for row in outgoing()] == ["failed", "sent"]
    assert outgoing()[0].reason == "The mail could not be made."
