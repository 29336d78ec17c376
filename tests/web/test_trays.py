"""Mail that is no ticket, in the browser: read by who works on its account, acted on one by one and many at once."""

import re

import pytest
from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailMessage, Notification, SenderRule, Ticket
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.policy.senders import Verdict
from helpdesk.policy.status import Disposition
from helpdesk.services import events, inbox, queries
from helpdesk.services.outbox import unreachable
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words
from tests.factories import AGENT, CUSTOMER, STRANGER, make_mail
from tests.web.conftest import browser, send


@pytest.fixture
def agent(app, desk):
    return browser(app, desk["agent"])


@pytest.fixture
def add(app, desk):
    def add_one(tray, **values):
        raw = make_mail(
            sender=STRANGER,
            text="Words <b>of</b> a machine",
            files=[("plan.pdf", "application/pdf", b"%PDF")],
        )
        states = {Tray.HELD: EmailState.HELD, Tray.DISCARDED: EmailState.DISCARDED}
        defaults = {
            "account_id": desk["account"], "direction": Direction.IN, "tray": tray, "subject": "Gone <fishing>",
            "state": states.get(tray, EmailState.IGNORED), "from_address": STRANGER, "created_at": utcnow(),
            "reason": "Its sender is blocked: %(pattern)s.", "reason_params": {"pattern": "<x>.example"},
        }  # fmt: skip
        with app.app_context(), transaction() as session:
            blob = storage.keep(storage.stage(raw))
            mail = EmailMessage(**(defaults | {"raw_sha256": blob, "size": len(raw)} | values))
            session.add(mail)
            session.flush()
            mail.transport_key = f"k{mail.id}"
            return mail.id

    return add_one


def trays_of(app, *email_ids):
    with app.app_context():
        return [db.session.get(EmailMessage, email_id).tray for email_id in email_ids]


def test_a_tray_says_who_wrote_what_and_why_it_is_there(app, desk, agent, add):
    email_id = add(Tray.BLOCKED)
    text = agent.get("/mail/blocked").text
    for words in (
        "Gone &lt;fishing&gt;",
        STRANGER,
        "Its sender is blocked: &lt;x&gt;.example.",
        f"/mail/{email_id}",
    ):
        assert words in text, words
    assert "Nothing is held" in agent.get("/mail/held").text
    assert "Gone" not in browser(app, desk["other_agent"]).get("/mail/blocked").text
    assert agent.get("/mail").location == "/mail/failed"
    assert agent.get("/mail/nonsense").status_code == 404
    assert "Gone" not in agent.get("/mail/blocked?account=999").text


def test_one_mail_shows_its_words_its_files_names_and_what_can_be_done(desk, agent, add):
    email_id = add(
        Tray.HELD, trace=[{"step": "x", "text": "Written by %(email)s.", "params": {"email": "<i>"}}]
    )
    text = agent.get(f"/mail/{email_id}").text
    for words in (
        "Words &lt;b&gt;of&lt;/b&gt; a machine",
        "plan.pdf",
        "Written by &lt;i&gt;.",
        "Make it a ticket",
        "Block the sender",
    ):
        assert words in text, words
    assert agent.get(f"/mail/{email_id}/raw").headers["Content-Disposition"].startswith("attachment")


def test_each_act_does_what_its_button_says_and_discarding_can_be_undone(app, desk, agent, add):
    taken, gone, blocked = (add(Tray.HELD, subject=f"{n}") for n in range(3))
    send(agent, f"/mail/{taken}/ticket")
    send(agent, f"/mail/{gone}/discard")
    text = agent.get("/mail/held").text
    assert f'action="/mail/{gone}/put-back"' in text
    assert trays_of(app, taken, gone) == [None, Tray.DISCARDED]
    send(agent, f"/mail/{gone}/put-back")
    send(agent, f"/mail/{blocked}/block")
    assert trays_of(app, gone, blocked) == [Tray.BLOCKED, Tray.BLOCKED]  # of the same sender
    send(agent, f"/mail/{taken}/discard")  # it waits to be worked on: that is stopped
    assert trays_of(app, taken) == [Tray.DISCARDED]
    assert send(agent, f"/mail/{taken}/shred").status_code == 404


def test_what_is_ticked_is_dealt_with_and_what_cannot_be_is_told(app, desk, agent, add):
    ids = [add(Tray.HELD, subject=f"{n}") for n in range(3)]
    assert "tick the mails" in follow(agent, "/mail/act?tray=held", act="discard")
    assert "choose what to do" in follow(agent, "/mail/act?tray=held", mail=ids, act="shred")
    text = follow(agent, "/mail/act?tray=held", mail=[*ids, 99999], act="discard")
    assert "3 mails done, 1 not: There is no such mail." in text
    assert trays_of(app, *ids) == [Tray.DISCARDED] * 3
    stranger = browser(app, desk["other_agent"])
    assert "3 not" in follow(stranger, "/mail/act?tray=held", mail=ids, act="put-back")
    follow(agent, "/mail/act?tray=discarded", mail=ids, act="put-back")
    assert trays_of(app, *ids) == [Tray.HELD] * 3


def test_a_flood_is_released_or_dropped_by_one_click(app, desk, agent, add):
    ids = [add(Tray.HELD, subject=f"{n}") for n in range(60)]
    other = add(Tray.HELD, from_address=CUSTOMER)
    assert "60 mails of this sender are held" in agent.get(f"/mail/{ids[0]}").text
    assert "are held:" not in agent.get(f"/mail/{other}").text
    assert "choose what to do" in follow(agent, f"/mail/{ids[0]}/flood", act="block")
    assert "60 mails done" in follow(agent, f"/mail/{ids[3]}/flood", act="discard")
    assert set(trays_of(app, *ids)) == {Tray.DISCARDED} and trays_of(app, other) == [Tray.HELD]


def follow(client, path, **fields):
    send(client, path, **fields)
    return client.get("/profile").text


def test_the_list_of_senders_is_kept_by_the_team_and_the_desks_by_admins(app, desk, agent):
    account = str(desk["account"])
    refused = send(agent, "/mail/senders", pattern=AGENT, verdict="block", account=account)
    assert refused.status_code == 422 and AGENT in refused.text and "Block it all the same" in refused.text
    assert (
        send(agent, "/mail/senders", pattern="shop.example", verdict="block", account="0").status_code == 422
    )
    assert send(
        agent, "/mail/senders", pattern="shop.example", verdict="allow", account=account, note="A partner"
    ).location == ("/mail/senders")
    admin = browser(app, desk["admin"])
    send(admin, "/mail/senders", pattern="junk.example", verdict="block", account="0")
    text = agent.get("/mail/senders").text
    assert "shop.example" in text and "junk.example" in text and "A partner" in text
    assert "shop.example" not in browser(app, desk["other_agent"]).get("/mail/senders").text
    with app.app_context():
        ids = {rule.pattern: rule.id for rule in db.session.scalars(select(SenderRule))}
    assert f'action="/mail/senders/{ids["junk.example"]}/remove"' not in text
    send(agent, f"/mail/senders/{ids['junk.example']}/remove")
    send(agent, f"/mail/senders/{ids['shop.example']}/remove")
    with app.app_context():
        left = {rule.pattern: rule.verdict for rule in db.session.scalars(select(SenderRule))}
    assert left == {"junk.example": Verdict.BLOCK, "spam.example": Verdict.BLOCK}
    assert "Blocked a sender" in admin.get("/admin/audit").text


def test_the_notice_of_a_held_mail_leads_to_it(app, desk, agent, add):
    email_id = add(Tray.HELD)
    with app.app_context(), transaction():
        event = events.record("email.held", actor=None, email_id=email_id)
        db.session.flush()
        inbox.tell_held(db.session.get(EmailMessage, email_id), event.id)
    text = agent.get("/notifications").text
    assert f"Mail of {STRANGER} is held" in text and "Gone &lt;fishing&gt;" in text
    with app.app_context():
        own = (Notification.email_id == email_id, Notification.user_id == desk["agent"])
        told = db.session.scalars(select(Notification.id).where(*own)).one()
    assert send(agent, f"/notifications/{told}/open").location == f"/mail/{email_id}"


def test_a_ticket_says_whom_mail_does_not_reach_until_somebody_tries_again(app, desk, agent):
    with app.app_context(), transaction():
        unreachable.note(CUSTOMER, status="5.1.1", words="550 <no> such user", email_id=None)
    path = f"/tickets/{desk['ticket']}"
    text = agent.get(path).text
    assert f"Mail to {CUSTOMER} does not arrive" in text and "550 &lt;no&gt; such user" in text
    action = re.search(rf'action="({path}/people/\d+/reach)"', text)[1]
    send(agent, action)
    assert "does not arrive" not in agent.get(path).text


def test_a_vacation_answer_is_folded_on_its_ticket(app, desk, agent):
    with app.app_context(), transaction():
        ticket = queries.by_number(desk["ticket"])
        words = Words("Gone fishing", is_automatic=True, is_from_email=True)
        comments.add_incoming(ticket, words, address=ticket.requester_address, actor=None)
    text = " ".join(agent.get(f"/tickets/{desk['ticket']}").text.split())
    assert "<summary>An automatic answer</summary><div" in text and "Gone fishing" in text


# spam, as a ticket's page and the list have it


def disposition(app, desk):
    with app.app_context():
        return queries.by_number(desk["ticket"]).disposition


def test_a_ticket_goes_into_spam_and_comes_back(app, desk, agent):
    path = f"/tickets/{desk['ticket']}"
    assert send(agent, f"{path}/spam").location == "/tickets"
    assert disposition(app, desk) is Disposition.SPAM
    listed = agent.get("/tickets")
    assert f'action="{path}/restore"' in listed.text  # the way back
    assert f'href="{path}"' not in listed.text and path in agent.get("/tickets?view=spam").text
    text = agent.get(path).text
    assert "This ticket is spam" in text and "marked it as spam" in text
    assert browser(app, desk["customer"]).get(f"/my{path}").status_code == 404
    send(agent, f"{path}/restore")
    assert disposition(app, desk) is Disposition.NORMAL


def test_ticked_tickets_become_spam_and_are_restored_from_there(app, desk, agent):
    send(agent, "/tickets/bulk", ticket=[desk["ticket"]], disposition="spam")
    assert disposition(app, desk) is Disposition.SPAM
    send(agent, "/tickets/bulk?view=spam", ticket=[desk["ticket"]], disposition="normal")
    assert disposition(app, desk) is Disposition.NORMAL
    send(agent, "/tickets/bulk", ticket=[desk["ticket"]], disposition="merged")
    assert disposition(app, desk) is Disposition.NORMAL


def test_blocking_on_a_ticket_lists_its_sender(app, desk, agent):
    send(agent, f"/tickets/{desk['ticket']}/block")
    assert disposition(app, desk) is Disposition.SPAM
    assert CUSTOMER in agent.get("/mail/senders").text
    with app.app_context():
        assert db.session.scalars(select(Ticket.id).where(Ticket.disposition == Disposition.SPAM)).all()
