"""Whom an answer goes to: addressed to one of its people, in copy, and in blind copy, which nobody else learns of."""

import pytest

from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.mail.parse import parse
from helpdesk.models import Participant, UserAddress
from helpdesk.policy.status import CommentKind
from helpdesk.services import drafts, participants, people, recipients, replies, scheduled
from helpdesk.services.outbox import queue
from helpdesk.services.outbox.deliver import drain
from helpdesk.transports.base import Delivery, Security
from tests import factories
from tests.fakes import FakeSender
from tests.servers.fixtures import sink, smtp_sink  # noqa: F401
from tests.services.arrivals import receive
from tests.services.outbox.mails import let_time_pass, outgoing
from tests.services.test_scheduled import deliver, press_send, said
from tests.services.test_unreachable import BLOCK, REPORT

COLLEAGUE, BOSS = "colleague@customer.example", "boss@elsewhere.example"
SECOND = "jonas@home.example"


def join(ticket, agent, email):
    with transaction():
        participants.add(ticket, email, actor=agent)


def give_second_address(ticket):
    with transaction() as session:
        session.add(
            UserAddress(
                user_id=ticket.requester_id, address=SECOND, email=SECOND, created_at=ticket.created_at
            )
        )
    db.session.expire_all()


def test_a_blind_copy_is_in_the_envelope_and_in_no_byte_of_the_mail(account, ticket, agent, sink):  # noqa: F811
    with transaction():
        account.outgoing_port, account.outgoing_security = sink.port, Security.PLAIN.value
    deliver(press_send(ticket, agent, cc=[COLLEAGUE], bcc=[BOSS, COLLEAGUE]))
    (email,) = outgoing()
    assert email.recipients == {"to": [factories.CUSTOMER], "cc": [COLLEAGUE], "bcc": [BOSS]}
    drain(account.id)
    (taken,) = sink.wait_for(1, seconds=30)
    assert set(taken.recipients) == {factories.CUSTOMER, COLLEAGUE, BOSS}
    assert b"bcc" not in taken.raw.lower()
    assert b"elsewhere.example" not in taken.raw
    assert [a.email for a in parse(taken.raw).cc] == [COLLEAGUE]
    assert BOSS not in {p.address.email for p in db.session.query(Participant)}
    assert people.find_address(BOSS) is None


def test_who_was_put_off_in_blind_copy_alone_gets_it_again(account, ticket, agent):
    deliver(press_send(ticket, agent, bcc=[BOSS]))
    sender = FakeSender(Delivery("250", {BOSS: (450, "later")}))
    drain(account.id, sender=sender)
    let_time_pass(hours=1)
    drain(account.id, sender=sender)
    assert [mail.recipients for mail in sender.sent] == [(factories.CUSTOMER, BOSS), (BOSS,)]
    assert outgoing()[0].state == "sent"


def test_a_blind_copy_that_comes_back_is_told_to_the_team_and_left_out_next_time(account, ticket, agent):
    deliver(press_send(ticket, agent, bcc=[BOSS]))
    sender = FakeSender()
    drain(account.id, sender=sender)
    report = REPORT.format(key="r1", about=outgoing()[0].message_id, blocks=BLOCK.format(
        to=BOSS, action="failed", status="5.1.1", words="550 nobody here"
    ))  # fmt: skip
    receive(account, report.encode())
    assert outgoing()[0].state == "bounced"
    deliver(press_send(ticket, agent, "Again", bcc=[BOSS], key="another-form-key-of-tests"))
    drain(account.id, sender=sender)
    assert sender.sent[-1].recipients == (factories.CUSTOMER,)


def test_an_answer_may_go_to_another_address_of_the_requester_or_to_who_is_in_copy(account, ticket, agent):
    give_second_address(ticket)
    join(ticket, agent, COLLEAGUE)
    assert [one.email for one in recipients.choices(ticket)] == [factories.CUSTOMER, SECOND, COLLEAGUE]
    for to, cc in ((SECOND, (COLLEAGUE,)), (COLLEAGUE.upper(), ())):
        chosen = replies.prepare(ticket, "Hello", actor=agent, to=to).people
        assert (chosen.to, chosen.cc) == ((to.lower(),), cc)


@pytest.mark.parametrize("to", [BOSS, "no address", factories.SUPPORT])
def test_an_answer_is_addressed_to_nobody_outside_of_the_ticket(ticket, agent, to):
    with pytest.raises(Conflict, match="by now"):
        replies.prepare(ticket, "Hello", actor=agent, to=to)


@pytest.mark.parametrize("bcc", ["no address", factories.SUPPORT])
def test_a_blind_copy_needs_an_address_that_is_not_the_desks(ticket, agent, bcc):
    with pytest.raises(InvalidInput) as refused:
        replies.prepare(ticket, "Hello", actor=agent, bcc=[bcc])
    assert refused.value.field == "bcc"


def test_what_is_taken_back_keeps_all_its_recipients(ticket, agent):
    give_second_address(ticket)
    join(ticket, agent, COLLEAGUE)
    reply = press_send(ticket, agent, to=SECOND, cc=["new@customer.example"], bcc=[BOSS])
    with transaction():
        scheduled.undo(ticket, reply.id, actor=agent)
    written = drafts.written_of(drafts.find(agent, ticket, CommentKind.REPLY))
    assert (written.to, written.cc, written.bcc) == (SECOND, ("new@customer.example",), (BOSS,))
    assert written.left_out == (COLLEAGUE,)


def test_who_is_taken_out_gets_no_blind_copy_either_and_no_answer_addressed_to_him(ticket, agent):
    join(ticket, agent, COLLEAGUE)
    blind = press_send(ticket, agent, cc=[], bcc=[COLLEAGUE])
    to_him = press_send(ticket, agent, to=COLLEAGUE, key="another-form-key-of-tests")
    (one,) = (p for p in ticket.participants if p.address.email == COLLEAGUE)
    with transaction():
        participants.remove(ticket, one.id, actor=agent)
    assert deliver(blind)
    assert not deliver(to_him)
    (answer,) = (
        email for email in outgoing() if email.purpose == queue.REPLY
    )  # the agent is told of the other
    assert answer.addressed == [factories.CUSTOMER]
    assert len(said(ticket)) == 1
