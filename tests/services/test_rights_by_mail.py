"""Who may do what by mail: what this desk issued, times who writes, times what the account's own server says of him."""

import base64

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction
from helpdesk.mail import parse, thread
from helpdesk.models import Comment, EmailAccount, EmailMessage, Ticket
from helpdesk.services import access, account_ways, keys, people
from helpdesk.services.ingest.trace import reason_of
from helpdesk.services.outbox import deliver, queue
from helpdesk.services.tickets import comments
from tests.factories import AGENT, CUSTOMER, OTHER_AGENT, OTHER_CUSTOMER, STRANGER, SUPPORT, make_mail
from tests.fakes import FakeSender
from tests.services.test_routing import FIRST_ID, Desk

TRUSTED = "mx.desk.example"
VERDICTS = {
    "unknown": {},
    "none": {"Authentication_Results": f"{TRUSTED}; dmarc=none"},
    "fail": {"Authentication_Results": f"{TRUSTED}; dmarc=fail"},
    "pass": {"Authentication_Results": f"{TRUSTED}; spf=pass; dmarc=pass"},
    "forged pass": {"Authentication_Results": "mx.evil.example; dmarc=pass"},
}
NOTHING_ISSUED, SHARED, PERSONAL, BROKEN = (
    "nothing",
    "a mail to the customer",
    "a mail to him alone",
    "a broken token",
)
UNSURE = ("unknown", "none", "fail", "forged pass")
# (what was issued, who writes) -> what becomes of it without and with DMARC's word
RIGHTS = {
    (NOTHING_ISSUED, AGENT): ("new", "new"),
    (SHARED, AGENT): ("unreleased", "reply"),
    (PERSONAL, AGENT): ("note", "note"),
    (BROKEN, AGENT): ("new", "new"),
    ("number", AGENT): ("unreleased", "note"),
    ("known id", AGENT): ("new", "note"),
    (SHARED, OTHER_AGENT): ("unreleased", "held"),
    (PERSONAL, OTHER_AGENT): ("unreleased", "held"),
    ("number", OTHER_AGENT): ("new", "new"),
    (SHARED, CUSTOMER): ("incoming", "incoming"),
    (PERSONAL, CUSTOMER): ("incoming", "incoming"),
    ("number", CUSTOMER): ("incoming", "incoming"),
    (SHARED, STRANGER): ("unreleased", "unreleased"),
    (PERSONAL, STRANGER): ("unreleased", "unreleased"),
    ("number", STRANGER): ("new", "new"),
}


def word_of(row):
    if row.state.value != "appended":
        return {"opened": "new"}.get(row.state.value, row.state.value)
    comment = db.session.get(Comment, row.comment_id)
    return comment.kind.value if comment.is_released else "unreleased"


@pytest.fixture
def guarded(context):
    desk = Desk()
    with transaction() as session:
        account = session.get(EmailAccount, desk.account.id)
        account.trusted_authserv_id, account.takes_plus_addresses = TRUSTED, True
    desk.shared_id = desk.sent(CUSTOMER, AGENT, nonce="sharedsharedshar", purpose="reply")
    desk.alone_id = desk.sent(AGENT, nonce="alonealonealonea")
    return desk


def reply_address(desk, nonce):
    key = keys.current_key("message-id")
    token = thread.issue_reply_token(desk.ticket_id, nonce=nonce, key=key, instance=desk.instance)
    return thread.with_token(SUPPORT, token)


def headers_for(desk, issued, by):
    if issued in (SHARED, PERSONAL):
        nonce, cited = (
            ("sharedsharedshar", desk.shared_id) if issued == SHARED else ("alonealonealonea", desk.alone_id)
        )
        return {"to": reply_address(desk, nonce)} if by == "address" else {"In_Reply_To": f"<{cited}>"}
    return {
        NOTHING_ISSUED: {},
        BROKEN: {"to": reply_address(desk, "sharedsharedshar").replace("+t", "+s")},
        "number": {"subject": f"Re: [TICKET-{desk.ticket.number}] Printer"},
        "known id": {"In_Reply_To": f"<{FIRST_ID}>"},
    }[issued]


def forget_sender(email_id):
    """So many new tickets of one sender would be a flood."""
    with transaction() as session:
        session.get(EmailMessage, email_id).from_address = ""


@pytest.mark.parametrize("by", ["address", "id"])
def test_rights_by_mail_are_what_was_issued_times_what_our_server_says(guarded, by):
    for (issued, sender), (unsure, sure) in RIGHTS.items():
        for verdict, results in VERDICTS.items():
            headers = headers_for(guarded, issued, by) | results
            raw = make_mail(sender=sender, text=f"Words {issued} {verdict}", **headers)
            row = guarded.receive(raw)
            expected = sure if verdict == "pass" else unsure
            if (issued, verdict) == ("number", "fail"):
                expected = "new"
            assert word_of(row) == expected, (issued, sender, verdict)
            assert row.dmarc == ("unknown" if verdict == "forged pass" else verdict)
            forget_sender(row.id)
    assert guarded.ticket.requester_address.email == CUSTOMER
    assert {p.address.email for p in guarded.ticket.participants} == {CUSTOMER, OTHER_CUSTOMER}


def test_the_server_that_judges_nearly_every_mail_is_named(guarded):
    assert account_ways.server_seen(guarded.account) == ""
    for number in range(8):
        guarded.receive(make_mail(subject=f"Mail {number}", text=str(number), **VERDICTS["pass"]))
    assert account_ways.server_seen(guarded.account) == ""  # of nine mails one was judged by nobody
    guarded.receive(make_mail(subject="One more", **VERDICTS["none"]))
    assert account_ways.server_seen(guarded.account) == TRUSTED


def test_an_agents_answer_reaches_the_customer_without_what_it_quotes(guarded):
    quoted = (
        "On Sat, 21 Nov 2026 at 10:00, Helpdesk <support@desk.example> wrote:\n> SECRET of the team\n> [{}]\n"
    )
    marker = thread.issue_marker(
        guarded.ticket_id,
        nonce="sharedsharedshar",
        key=keys.current_key("message-id"),
        instance=guarded.instance,
    )
    row = guarded.receive(
        make_mail(
            sender=AGENT, to=reply_address(guarded, "sharedsharedshar"), Cc="tim@other.example",
            text=f"It is repaired.\n\n{quoted.format(marker)}", html=f"<p>It is repaired.</p><p>SECRET {marker}</p>",
            files=[("bill.pdf", "application/pdf", b"PDF")], **VERDICTS["pass"],
        )
    )  # fmt: skip
    said = db.session.get(Comment, row.comment_id)
    assert (said.kind, said.text, said.full_text, said.html) == (
        "reply",
        "It is repaired.",
        "It is repaired.",
        "",
    )
    assert (said.author.email, said.is_from_email, guarded.ticket.status) == (AGENT, True, "pending")
    sender = FakeSender()
    deliver.drain(guarded.account.id, sender=sender)
    (sent,) = [mail for mail in sender.sent if b"repaired" in mail.raw]
    assert set(sent.recipients) == {CUSTOMER, OTHER_CUSTOMER, "tim@other.example"}
    assert b"SECRET" not in sent.raw and b"bill.pdf" in sent.raw


def test_words_that_cannot_be_told_from_a_notification_stay_with_the_team(guarded):
    marker = thread.issue_marker(
        guarded.ticket_id, nonce="x", key=keys.current_key("message-id"), instance=guarded.instance
    )
    text = f"It is repaired. [{marker}] SECRET"
    row = guarded.receive(
        make_mail(sender=AGENT, In_Reply_To=f"<{guarded.shared_id}>", text=text, **VERDICTS["pass"])
    )
    assert word_of(row) == "note"
    row = guarded.receive(
        make_mail(
            sender=AGENT,
            In_Reply_To=f"<{guarded.shared_id}>",
            text=f"> SECRET\n> [{marker}]\n",
            **VERDICTS["pass"],
        )
    )
    assert word_of(row) in ("held", "note")


def test_what_an_agent_forwards_to_the_desk_reaches_no_customer(guarded):
    """A forward is shown whole; whatever removed our marks, its words are not the agent's."""
    text = "See below.\n\nOn Sat, 21 Nov 2026 at 10:00, Helpdesk <support@desk.example> wrote:\n> SECRET of the team\n"
    row = guarded.receive(
        make_mail(
            sender=AGENT,
            subject="FW: Printer",
            In_Reply_To=f"<{guarded.shared_id}>",
            text=text,
            **VERDICTS["pass"],
        )
    )
    assert word_of(row) == "note"


def test_an_agents_vacation_answer_is_told_to_nobody(guarded):
    for cited in (guarded.shared_id, guarded.alone_id):
        row = guarded.receive(
            make_mail(
                sender=AGENT, In_Reply_To=f"<{cited}>", Auto_Submitted="auto-replied", **VERDICTS["pass"]
            )
        )
        assert row.state == "ignored"


@pytest.mark.parametrize("cited", ["shared_id", "alone_id"])
def test_what_a_server_marks_as_automatic_reaches_no_customer_but_is_not_lost(guarded, cited):
    headers = {"In_Reply_To": f"<{getattr(guarded, cited)}>", "X_Auto_Response_Suppress": "All"}
    assert word_of(guarded.receive(make_mail(sender=AGENT, **headers, **VERDICTS["pass"]))) == "note"


def test_an_agent_without_access_is_told_that_his_mail_is_held(guarded):
    with transaction():
        people.set_grants(people.find_user(AGENT), [], actor=None)
    for _ in range(2):
        row = guarded.receive(
            make_mail(sender=AGENT, subject="My answer", In_Reply_To=f"<{guarded.alone_id}>")
        )
        assert row.state == "held"
    sender = FakeSender()
    deliver.drain(guarded.account.id, sender=sender)
    told = [mail for mail in sender.sent if mail.recipients == (AGENT,) and b"held mails" in mail.raw]
    assert len(told) == 1
    assert b"no access" in told[0].raw and b"Printer" not in told[0].raw
    assert b"Auto-Submitted: auto-replied" in told[0].raw


def test_a_deactivated_agent_answering_his_own_notification_is_refused(guarded):
    before = guarded.counts()
    with transaction():
        people.find_user(AGENT).is_active = False
    row = guarded.receive(make_mail(sender=AGENT, In_Reply_To=f"<{guarded.alone_id}>"))
    assert (row.state, guarded.counts()) == ("held", before)
    assert "deactivated" in str(reason_of(row))
    row = guarded.receive(make_mail(sender=AGENT, In_Reply_To=f"<{guarded.shared_id}>", **VERDICTS["pass"]))
    assert word_of(row) == "unreleased"


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_mail_its_own_domain_disowns_brings_nobody_along(guarded, verdict):
    row = guarded.receive(make_mail(subject="New", Cc="tim@other.example", **VERDICTS[verdict]))
    new = db.session.get(Ticket, row.ticket_id)
    assert len(new.participants) == (1 if verdict == "fail" else 2)
    guarded.receive(
        make_mail(subject=f"[TICKET-{new.number}] x", Cc="ann@other.example", **VERDICTS[verdict])
    )
    joined = {p.address.email for p in guarded.ticket_of(new.id).participants}
    assert ("ann@other.example" in joined) == (verdict == "pass")


def test_our_mails_carry_an_address_and_a_mark_their_answer_finds_the_ticket_by(guarded):
    with transaction():
        ticket = db.session.get(Ticket, guarded.ticket_id)
        comment = comments.add_reply(ticket, comments.Words("Please try again."), actor=guarded.nora)
        queue.add(guarded.account, purpose="reply", to=[CUSTOMER], ticket=ticket, comment=comment)
    sender = FakeSender()
    deliver.drain(guarded.account.id, sender=sender)
    sent = parse.parse(next(mail.raw for mail in sender.sent if b"try again" in mail.raw))
    (address,) = sent.reply_to
    assert address.email.startswith("support+t") and address.email.endswith("@desk.example")
    for mail in (
        make_mail(sender=STRANGER, to=address.email, text="By its address"),
        make_mail(sender=STRANGER, text=f"By its mark\n\n> {sent.text.replace(chr(10), chr(10) + '> ')}"),
    ):
        row = guarded.receive(mail)
        assert (row.ticket_id, word_of(row)) == (guarded.ticket_id, "unreleased")
    assert len(sent.text) - len(thread.without_markers(sent.text)) > 30


def test_a_conversation_exchange_names_is_found_for_who_takes_part(guarded):
    index = base64.b64encode(bytes(range(22))).decode()
    longer = base64.b64encode(bytes(range(27))).decode()
    row = guarded.receive(make_mail(subject="Printer again", Thread_Index=index))
    for sender, word in ((CUSTOMER, "incoming"), (STRANGER, "new")):
        found = guarded.receive(make_mail(sender=sender, subject="AW: Printer again", Thread_Index=longer))
        assert word_of(found) == word
        assert (found.ticket_id == row.ticket_id) == (sender == CUSTOMER)


def test_a_known_id_leads_to_another_account_only_where_the_same_people_work(guarded):
    sales = make_mail(to="sales@desk.example", In_Reply_To=f"<{FIRST_ID}>", text="one")
    assert word_of(guarded.receive(sales, account=guarded.other_account)) == "new"
    with transaction():
        both = [guarded.account.id]
        people.set_grants(people.find_user(OTHER_AGENT), both, actor=None)
        people.set_grants(people.find_user(AGENT), [*both, guarded.other_account.id], actor=None)
        people.set_grants(people.find_user(OTHER_AGENT), [*both, guarded.other_account.id], actor=None)
    sales = make_mail(to="sales@desk.example", In_Reply_To=f"<{FIRST_ID}>", text="two")
    row = guarded.receive(sales, account=guarded.other_account)
    assert (word_of(row), row.ticket_id) == ("incoming", guarded.ticket_id)


# forwards

FORWARD = """Please look, he is angry.

---------- Forwarded message ---------
From: Paul Weber <paul@weber.example>
Date: Sat, 21 Nov 2026 at 10:00
Subject: No heating
To: <nora@desk.example>

The heating is cold.
"""


def forward(**headers):
    values = {"sender": f"Nora Keller <{AGENT}>", "subject": "Fwd: No heating", "text": FORWARD}
    return make_mail(**(values | VERDICTS["pass"] | headers))


def test_what_a_proven_agent_forwards_is_the_customers_ticket(guarded):
    row = guarded.receive(forward(files=[("photo.jpg", "image/jpeg", b"JPEG")]))
    ticket = db.session.get(Ticket, row.ticket_id)
    assert (ticket.requester_address.email, ticket.requester.name) == ("paul@weber.example", "Paul Weber")
    assert (ticket.subject, ticket.needs_requester) == ("No heating", False)
    words, note = ticket.comments
    assert (words.kind, words.text, words.html, words.author_email) == (
        "incoming", "The heating is cold.", "", "paul@weber.example",
    )  # fmt: skip
    assert [file.filename for file in words.attachments] == ["photo.jpg"]
    assert (note.kind, note.text, note.author.email) == ("note", "Please look, he is angry.", AGENT)
    assert {p.address.email for p in ticket.participants} == {"paul@weber.example"}
    assert "he is angry" not in str([c.full_text for c in access.visible_comments(ticket, ticket.requester)])


@pytest.mark.parametrize("verdict", ["unknown", "fail", "none", "forged pass"])
def test_a_forward_nothing_proves_is_ordinary_mail(guarded, verdict):
    headers = {"Authentication_Results": "", **VERDICTS[verdict]}
    row = guarded.receive(forward(**headers))
    ticket = db.session.get(Ticket, row.ticket_id)
    assert (ticket.requester_address.email, len(ticket.comments)) == (AGENT, 1)
    assert not ticket.needs_requester


def test_a_customers_forward_is_ordinary_mail(guarded):
    row = guarded.receive(forward(sender=CUSTOMER))
    assert db.session.get(Ticket, row.ticket_id).requester_address.email == CUSTOMER


@pytest.mark.parametrize("text", ["See below, it is cut.", FORWARD.replace("paul@weber.example", SUPPORT)])
def test_an_unreadable_forward_asks_whose_it_is(guarded, text):
    row = guarded.receive(forward(text=text))
    ticket = db.session.get(Ticket, row.ticket_id)
    assert (ticket.requester_address.email, ticket.needs_requester) == (AGENT, True)


def test_an_agent_who_quotes_what_only_the_team_got_writes_a_note(guarded):
    """His server rewrote the ids, and the notification held the customer's mail with the mark of our answer in it."""
    marks = [
        thread.issue_marker(
            guarded.ticket_id, nonce=nonce, key=keys.current_key("message-id"), instance=guarded.instance
        )
        for nonce in ("sharedsharedshar", "alonealonealonea")
    ]
    quoted = "On Sat, 21 Nov 2026 at 10:00, Helpdesk <support@desk.example> wrote:\n> Note by Tom\n> [{}]\n> [{}]\n"
    row = guarded.receive(
        make_mail(sender=AGENT, text=f"Give him a refund.\n\n{quoted.format(*marks)}", **VERDICTS["pass"])
    )
    assert word_of(row) == "note"


def test_an_agent_in_blind_copy_answers_to_the_team_alone(guarded):
    """Nobody else knows that he reads along."""
    guarded.hidden_id = guarded.sent(CUSTOMER, nonce="hiddenhiddenhidd", purpose="reply")
    with transaction():
        email = db.session.scalars(select(EmailMessage).filter_by(message_id=guarded.hidden_id)).one()
        email.recipients = email.recipients | {"bcc": [AGENT.upper()]}
    row = guarded.receive(
        make_mail(
            sender=AGENT, text="He is wrong.\n", In_Reply_To=f"<{guarded.hidden_id}>", **VERDICTS["pass"]
        )
    )
    assert word_of(row) == "note"


def test_what_answers_from_an_agents_second_address_by_itself_starts_no_circle(guarded):
    guarded.change(assignee_id=guarded.nora.id)
    for number, marks in enumerate(({"Precedence": "bulk"}, {"Auto_Submitted": "auto-generated"}, {})):
        away = make_mail(
            sender="nora.keller@other.example",
            text=f"Away {number}",
            In_Reply_To=f"<{guarded.alone_id}>",
            **marks,
        )
        row = guarded.receive(away)
        assert word_of(row) == "unreleased"
        told = select(EmailMessage).where(EmailMessage.purpose == queue.NOTIFICATION)
        assert len(db.session.scalars(told).all()) == (0 if marks else 1)


def test_an_agents_quotation_without_a_word_of_his_own_goes_to_no_customer(guarded):
    quoted = make_mail(
        sender=AGENT,
        to=reply_address(guarded, "sharedsharedshar"),
        text="> SECRET\n>\n> more\n",
        **VERDICTS["pass"],
    )
    assert word_of(guarded.receive(quoted)) == "note"
