"""An answer that did not arrive: its bytes once more, or its text back into the editor and the mail given up."""

import pytest
from sqlalchemy import update

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, Forbidden, InvalidInput, NotFound
from helpdesk.mail.parse import parse
from helpdesk.mail.types import MailFile
from helpdesk.models import EmailMessage
from helpdesk.models.mail import QuotedHistory
from helpdesk.policy.status import CommentKind
from helpdesk.services import drafts, participants, resending
from helpdesk.services.outbox import queue
from helpdesk.services.outbox.deliver import drain
from helpdesk.transports.base import Delivery
from tests import factories
from tests.fakes import FakeSender
from tests.services.arrivals import receive
from tests.services.outbox.mails import let_time_pass, outgoing
from tests.services.test_scheduled import deliver, press_send
from tests.services.test_unreachable import BLOCK, REPORT

COLLEAGUE, LATE, BOSS = "colleague@customer.example", "late@customer.example", "boss@elsewhere.example"
REFUSED = Delivery("250", {factories.CUSTOMER: (550, "5.2.2 mailbox full")})


def answered(ticket, agent, *outcomes, **options):
    """A mail that was handed over with these outcomes."""
    deliver(press_send(ticket, agent, **options))
    sender = FakeSender(*outcomes)
    drain(ticket.account_id, sender=sender)
    return outgoing(purpose="reply")[-1], sender


def join(ticket, agent, email):
    with transaction():
        participants.add(ticket, email, actor=agent)


def resend(ticket, mail, agent, *emails):
    with transaction():
        return resending.resend(ticket, mail, emails, actor=agent)


def edit(ticket, mail, agent):
    with transaction():
        return resending.edit_again(ticket, mail, actor=agent)


def test_the_same_bytes_go_to_the_same_or_to_another_who_may_read_it(account, ticket, agent):
    join(ticket, agent, COLLEAGUE)
    mail, sender = answered(ticket, agent, cc=[], bcc=[BOSS])
    join(ticket, agent, LATE)
    assert resending.readers(ticket, mail) == [factories.CUSTOMER, BOSS, COLLEAGUE]
    again = resend(ticket, mail, agent, COLLEAGUE.upper())
    assert (again.purpose, again.addressed, again.message_id) == ("resent", [COLLEAGUE], mail.message_id)
    drain(account.id, sender=sender)
    first, second = sender.sent
    assert (second.recipients, second.raw) == ((COLLEAGUE,), first.raw)
    assert [row.state for row in outgoing()] == ["sent", "sent"]


@pytest.mark.parametrize("emails", [(), (LATE,), ("stranger@elsewhere.example",), (factories.CUSTOMER, LATE)])
def test_nobody_and_whoever_may_not_read_it_gets_nothing(ticket, agent, emails):
    mail, _ = answered(ticket, agent)
    join(ticket, agent, LATE)
    with pytest.raises(InvalidInput, match="choose who"):
        resend(ticket, mail, agent, *emails)


def test_a_report_about_what_was_sent_once_more_is_about_that_and_an_address_is_tried_again(
    account, ticket, agent
):
    mail, sender = answered(ticket, agent)
    resend(ticket, mail, agent, factories.CUSTOMER)
    drain(account.id, sender=sender)
    block = BLOCK.format(to=factories.CUSTOMER, action="failed", status="5.1.1", words="550 nobody here")
    receive(account, REPORT.format(key="r", about=mail.message_id, blocks=block).encode())
    assert (outgoing(purpose="reply")[0].state, outgoing(purpose="resent")[0].state) == ("sent", "bounced")
    resend(ticket, mail, agent, factories.CUSTOMER)
    drain(account.id, sender=sender)
    assert outgoing(purpose="resent")[1].state == "sent"


def test_bytes_that_were_cleared_away_cannot_be_sent_again(ticket, agent):
    mail, _ = answered(ticket, agent)
    with transaction():
        mail.raw_sha256 = None
    with pytest.raises(Conflict, match="not kept"):
        resend(ticket, mail, agent, factories.CUSTOMER)


def test_edit_and_send_again_gives_back_text_recipients_and_files_and_the_mail_up(account, ticket, agent):
    join(ticket, agent, COLLEAGUE)
    files = [MailFile("log.txt", "text/plain", b"a line")]
    mail, sender = answered(
        ticket,
        agent,
        REFUSED,
        text="Please **install** 4.2.",
        cc=["new@customer.example"],
        bcc=[BOSS],
        files=files,
    )
    assert mail.state == "failed"
    edit(ticket, mail, agent)
    draft = drafts.find(agent, ticket, CommentKind.REPLY)
    written = drafts.written_of(draft)
    assert written.text == "Please **install** 4.2."
    assert (written.to, written.cc, written.bcc) == ("", ("new@customer.example",), (BOSS,))
    assert written.left_out == (COLLEAGUE,)
    assert [(f.filename, storage.read(f.sha256)) for f in draft.files] == [("log.txt", b"a line")]
    (mail,) = outgoing(purpose="reply")
    assert (mail.state, mail.is_replaced) == ("cancelled", True)
    with pytest.raises(Conflict), transaction():
        queue.retry(mail.id, actor=agent)
    with pytest.raises(Conflict):
        resend(ticket, mail, agent, factories.CUSTOMER)
    with pytest.raises(Conflict):
        edit(ticket, mail, agent)
    let_time_pass(days=1)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1


def test_it_is_sent_again_with_its_files_once_and_only_to_whom_it_says(account, ticket, agent):
    mail, sender = answered(ticket, agent, REFUSED, files=[MailFile("log.txt", "text/plain", b"a line")])
    draft = edit(ticket, mail, agent)
    tokens = [upload.token for upload in draft.files]
    deliver(
        press_send(
            ticket,
            agent,
            "Anew",
            tokens=tokens,
            key="another-form-key-of-tests",
            draft_revision=draft.revision,
        )
    )
    drain(account.id, sender=sender)
    assert [row.state for row in outgoing(purpose="reply")] == ["cancelled", "sent"]
    assert b"log.txt" in sender.sent[-1].raw
    assert drafts.find(agent, ticket, CommentKind.REPLY) is None


def test_what_was_begun_in_the_editor_stays_below_what_comes_back(ticket, agent):
    mail, _ = answered(ticket, agent, REFUSED)
    with transaction():
        drafts.save(agent, ticket, CommentKind.REPLY, drafts.Written("By the way"), revision=0)
    assert edit(ticket, mail, agent).text == "Please install 4.2.\n\nBy the way"


def test_a_mail_on_its_way_or_sent_cannot_be_taken_back(ticket, agent):
    deliver(press_send(ticket, agent))
    waiting = outgoing(purpose="reply")[0]
    with pytest.raises(Conflict):
        edit(ticket, waiting, agent)
    sent, _ = answered(ticket, agent, key="another-form-key-of-tests")
    with pytest.raises(Conflict):
        edit(ticket, sent, agent)


def test_only_who_works_on_the_ticket_and_only_its_own_answers(account, ticket, agent):
    mail, _ = answered(ticket, agent, REFUSED)
    stranger = factories.make_agent(factories.OTHER_AGENT, "Tom Hale")
    other = factories.make_ticket(account, factories.OTHER_CUSTOMER)
    with transaction():
        notice = queue.add(account, purpose="ticket_created", to=[factories.CUSTOMER], ticket=ticket)
    for act in (edit, resend):
        with pytest.raises((Forbidden, NotFound)):
            act(ticket, mail, stranger)
        for on, row in ((other, mail), (ticket, notice)):
            with pytest.raises(NotFound):
                act(on, row, agent)
    assert db.session.get(EmailMessage, mail.id).state == "failed"


def test_a_form_sent_twice_sends_once_more_once(account, ticket, agent):
    mail, sender = answered(ticket, agent)
    key = "a-form-key-of-this-very-page"
    with transaction():
        first = resending.resend(ticket, mail, [factories.CUSTOMER], actor=agent, form_key=key)
    with transaction():
        second = resending.resend(ticket, mail, [factories.CUSTOMER], actor=agent, form_key=key)
    assert second is first
    join(ticket, agent, COLLEAGUE)
    with transaction():
        mail.recipients = mail.recipients | {"cc": [COLLEAGUE]}
    with transaction():  # the page from before, by the way back, for somebody else
        resending.resend(ticket, mail, [COLLEAGUE], actor=agent, form_key=key)
    drain(account.id, sender=sender)
    assert [taken.recipients for taken in sender.sent[1:]] == [(factories.CUSTOMER,), (COLLEAGUE,)]


def test_what_is_written_anew_does_not_leave_as_a_copy_either(account, ticket, agent):
    mail, sender = answered(ticket, agent, REFUSED)
    copy = resend(ticket, mail, agent, factories.CUSTOMER)
    edit(ticket, mail, agent)
    drain(account.id, sender=sender)
    assert len(sender.sent) == 1
    assert db.session.get(EmailMessage, copy.id).state == "cancelled"
    with pytest.raises(Conflict), transaction():
        queue.retry(copy.id, actor=agent)


def test_nobody_gets_once_more_what_is_quoted_from_before_he_joined(account, ticket, agent):
    with transaction():
        account.quoted_history = QuotedHistory.FULL
    join(ticket, agent, COLLEAGUE)
    mail, sender = answered(ticket, agent, cc=[])
    assert "It does not print." in parse(sender.sent[0].raw).text
    assert resending.readers(ticket, mail) == [factories.CUSTOMER]


def test_what_was_taken_back_is_not_quoted_below_what_is_sent_instead(account, ticket, agent):
    with transaction():
        account.quoted_history = QuotedHistory.FULL
    mail, sender = answered(ticket, agent, REFUSED, text="Wrong words")
    draft = edit(ticket, mail, agent)
    key, revision = "another-form-key-of-tests", draft.revision
    deliver(press_send(ticket, agent, "Right words", key=key, draft_revision=revision))
    drain(account.id, sender=sender)
    text = parse(sender.sent[-1].raw).text
    assert "Right words" in text
    assert "It does not print." in text
    assert "Wrong words" not in text


def test_what_is_taken_back_in_the_very_moment_is_not_sent_again(ticket, agent):
    mail, _ = answered(ticket, agent, REFUSED)
    with transaction():
        mail = db.session.get(EmailMessage, mail.id)
        assert mail.state == "failed"
        taken_back = update(EmailMessage).values(state="cancelled", payload={"replaced": True})
        db.session.execute(taken_back.execution_options(synchronize_session=False))  # as by another process
        with pytest.raises(Conflict):
            queue.retry(mail.id, actor=agent)
    assert [one.state for one in outgoing(purpose="reply")] == ["cancelled"]
