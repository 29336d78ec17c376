"""Every state a signed id can be in, times everybody a mail can claim to be from, through the real pipeline.

The words of each mail are a canary: whoever is not heard reaches no customer's page, no mail, and no recipient list.
"""

import pytest
from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.mail.thread import issue_marker, issue_reply_token
from helpdesk.models import Comment, EmailMessage, Ticket
from helpdesk.models.mail import Direction
from helpdesk.policy.status import CommentKind
from helpdesk.services import access, keys, people
from helpdesk.services.outbox import deliver
from tests import factories
from tests.factories import AGENT, CUSTOMER, OTHER_AGENT, OTHER_CUSTOMER, STRANGER, SUPPORT, make_mail
from tests.fakes import FakeSender
from tests.services.test_routing import UNVERIFIED, Desk

SALES = "sales@desk.example"
OLD_KEY, LOST_KEY = "an-older-key-that-still-counts-0123456789", "a-key-nobody-has-any-more-0123456789abcdef"
SENDERS = {
    "requester": CUSTOMER,
    "copied in": OTHER_CUSTOMER,
    "agent": AGENT,
    "agent without access": OTHER_AGENT,
    "stranger": STRANGER,
    "unverified": UNVERIFIED,
    "our own address": SUPPORT,
    "our other address": f"Sales <{SALES}>",
    "our address with a tag": "support+t1@desk.example",
}
LOOP = {name: "ignored" for name in SENDERS if name.startswith("our")}
HEARD = {"requester": "appended", "copied in": "appended"}


def everybody(word, **exceptions):
    return dict.fromkeys(SENDERS, word) | {name.replace("_", " "): w for name, w in exceptions.items()} | LOOP


# state of the id -> what becomes of each sender's mail
TABLE = {
    "none": everybody("new"),
    "valid": everybody("unreleased") | HEARD,
    "upper-cased": everybody("unreleased") | HEARD,
    "another domain": everybody("unreleased") | HEARD,
    "in References only": everybody("unreleased") | HEARD,
    "signed with an older key": everybody("unreleased") | HEARD,
    "signed with a lost key": everybody("new"),
    "one letter changed": everybody("new"),
    "another ticket's number in it": everybody("new"),
    "of another desk": everybody("new"),
    "of a mail to him alone": everybody("unreleased", agent="note") | HEARD,
    "of another ticket": everybody("unreleased elsewhere", stranger="appended elsewhere"),
    "of another account": everybody("unreleased elsewhere", stranger="appended elsewhere"),
    "as an address in Cc": everybody("new"),
    "a reply address in Cc": everybody("unreleased") | HEARD,
    "a reply address, one letter changed": everybody("new"),
    "a reply address of a mail to him alone": everybody("unreleased", agent="note") | HEARD,
    "in the subject": everybody("new"),
    "in the quoted text only": everybody("new"),
    "a marker in the text": everybody("unreleased") | HEARD,
    "a marker of another ticket in the text": everybody(
        "unreleased elsewhere", stranger="appended elsewhere"
    ),
    "a marker of a mail to him alone": everybody("unreleased") | HEARD,
    "in a header of ours": everybody("new"),
    "number in the subject": everybody("new with hint", agent="unreleased") | HEARD,
    "id of the customer's own mail": everybody("new with hint") | HEARD,
}


@pytest.fixture
def desk(context):
    context.config["SECRET_KEY_FALLBACKS"] = [OLD_KEY]
    desk = Desk()
    desk.elsewhere_id = factories.make_ticket(desk.account, STRANGER, subject="Sam's own").id
    desk.sales_id = factories.make_ticket(desk.other_account, STRANGER, subject="Sam's order").id
    return desk


def headers_of(desk, state):
    real = desk.signed_id(nonce="nonce1")
    number = desk.ticket.number

    def marker(ticket_id, nonce="n"):
        return issue_marker(
            ticket_id, nonce=nonce, key=keys.current_key("message-id"), instance=desk.instance
        )

    def token(nonce):
        return issue_reply_token(
            desk.ticket_id, nonce=nonce, key=keys.current_key("message-id"), instance=desk.instance
        )

    cited = {
        "valid": real,
        "upper-cased": real.upper(),
        "another domain": real.partition("@")[0] + "@mx.rewritten.example",
        "signed with an older key": desk.signed_id(key=keys.derive(OLD_KEY, "message-id")),
        "signed with a lost key": desk.signed_id(key=keys.derive(LOST_KEY, "message-id")),
        "one letter changed": real.replace(".nonce1.", ".nonce2."),
        "another ticket's number in it": real.replace(f"hd.{desk.ticket_id}.", f"hd.{desk.elsewhere_id}."),
        "of another desk": desk.signed_id(instance="0123456789abcdef"),
        "of a mail to him alone": desk.alone_id,
        "of another ticket": desk.signed_id(ticket_id=desk.elsewhere_id),
        "of another account": desk.signed_id(ticket_id=desk.sales_id),
        "id of the customer's own mail": "first@customer.example",
    }
    if state in cited:
        return {"In_Reply_To": f"<{cited[state]}>"}
    return {
        "none": {},
        "in References only": {"References": f"<a@b.example> <{real}> <c@d.example>"},
        "as an address in Cc": {"Cc": real},
        "a reply address in Cc": {"Cc": f"support+{token('nonce1')}@desk.example"},
        "a reply address, one letter changed": {"Cc": f"support+{changed(token('nonce1'))}@desk.example"},
        "a reply address of a mail to him alone": {"Delivered_To": f"support+{token('alone1')}@desk.example"},
        "in the subject": {"subject": f"Re: {real}"},
        "in the quoted text only": {"text": f"Canary words\n\n> <{real}>\n> [TICKET-{number}]\n"},
        "a marker in the text": {"text": f"Canary words\n\n> {marker(desk.ticket_id)}\n"},
        "a marker of another ticket in the text": {
            "text": f"Canary words\n\n> {marker(desk.elsewhere_id)}\n"
        },
        "a marker of a mail to him alone": {
            "text": f"Canary words\n\n> {marker(desk.ticket_id, 'alone1')}\n"
        },
        "in a header of ours": {"X_Helpdesk_Ticket": f"TKT-2026-{number:05d}", "X_Helpdesk_Instance": "x"},
        "number in the subject": {"subject": f"Re: [TKT-2026-{number:05d}] Printer"},
    }[state]


def changed(token):
    return token[:-1] + ("a" if token[-1] != "a" else "b")


def what_became_of(desk, row):
    if row.state.value != "appended":
        hint = db.session.get(Ticket, row.ticket_id).may_belong_to_id if row.ticket_id else None
        return {"opened": "new"}.get(row.state.value, row.state.value) + (" with hint" if hint else "")
    comment = db.session.get(Comment, row.comment_id)
    word = "appended" if comment.is_released else "unreleased"
    if comment.kind is CommentKind.NOTE:
        word = "note"
    return word + ("" if row.ticket_id == desk.ticket_id else " elsewhere")


def reached(desk):
    """Who takes part in each of the tickets that were there before."""
    db.session.rollback()
    tickets = [db.session.get(Ticket, id_) for id_ in (desk.ticket_id, desk.elsewhere_id, desk.sales_id)]
    return [sorted(p.address.email for p in ticket.participants) for ticket in tickets]


@pytest.mark.parametrize("state", TABLE)
def test_who_is_heard_is_decided_by_the_signed_id_and_the_sender_together(desk, state):
    desk.alone_id = desk.sent(AGENT, nonce="alone1")
    before = reached(desk)
    found, silent = {}, []
    for name, sender in SENDERS.items():
        headers = {"subject": "Printer", "text": "Canary words\n"} | headers_of(desk, state)
        row = desk.receive(make_mail(sender=sender, **headers))
        found[name] = what_became_of(desk, row)
        assert row.trace and (row.reason or found[name] != "ignored")
        if found[name].partition(" ")[0] in ("unreleased", "note"):
            silent.append(row.comment_id)
    assert found == TABLE[state]
    assert reached(desk) == before, "nobody joined a ticket by writing to it"
    check_silence(desk, silent)


def check_silence(desk, silent):
    """What waits to be released, and every note, is on no customer's page and in no mail."""
    for email in (CUSTOMER, OTHER_CUSTOMER, STRANGER):
        user = people.find_user(email)
        for ticket_id in (desk.ticket_id, desk.elsewhere_id, desk.sales_id):
            ticket = db.session.get(Ticket, ticket_id)
            shown = [c.id for c in access.visible_comments(ticket, user)] if user else []
            assert not set(shown) & set(silent)
    db.session.rollback()
    sender = FakeSender()
    for account_id in (desk.account.id, desk.other_account.id):
        deliver.drain(account_id, sender=sender)
    assert not [mail for mail in sender.sent if b"Canary" in mail.raw]
    assert not [mail for mail in sender.sent if {SUPPORT, SALES} & set(mail.recipients)]
    raws = [
        storage.read(digest)
        for digest in db.session.scalars(
            select(EmailMessage.raw_sha256).where(
                EmailMessage.direction == Direction.OUT, EmailMessage.raw_sha256.is_not(None)
            )
        )
    ]
    assert not [raw for raw in raws if b"Canary" in raw]


def test_the_next_answer_goes_to_nobody_who_was_not_asked(desk):
    for sender in (STRANGER, AGENT, UNVERIFIED):
        desk.receive(
            make_mail(
                sender=sender,
                Cc="evil@x.example",
                Reply_To="evil@x.example",
                text="x",
                **headers_of_valid(desk),
            )
        )
    people_there = {p.address.email for p in desk.ticket.participants}
    assert people_there == {CUSTOMER, OTHER_CUSTOMER}
    assert desk.ticket.requester_address.email == CUSTOMER


def headers_of_valid(desk):
    return {"In_Reply_To": f"<{desk.signed_id()}>"}


def test_a_changed_key_makes_old_ids_worthless_once_it_is_forgotten(desk, context):
    cited = f"<{desk.signed_id(key=keys.derive(OLD_KEY, 'message-id'))}>"
    context.config["SECRET_KEY_FALLBACKS"] = []
    row = desk.receive(make_mail(sender=STRANGER, In_Reply_To=cited))
    assert (row.state, db.session.get(Ticket, row.ticket_id).may_belong_to_id) == ("opened", None)
    with transaction():
        assert people.find_user(STRANGER) is not None
