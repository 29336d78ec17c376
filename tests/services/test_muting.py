"""Who is mailed of what is said, by his relation to the ticket, and what a mute leaves of it."""

import pytest

from helpdesk.database import db, transaction
from helpdesk.models import User
from helpdesk.policy.audience_table import Channel, Kind
from helpdesk.policy.status import Priority
from helpdesk.services import following, inbox, muting, preferences
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.outbox.mails import outgoing
from tests.services.outbox.told_mails import of_person, send_gathered, text_of, to_whom


@pytest.fixture
def ticket(account, nora, tom):
    """Nora's ticket, which Tom follows."""
    factories.make_customer()
    ticket = factories.make_ticket(account)
    with transaction():
        changing.assign(ticket, nora, actor=nora)
        following.follow(ticket, actor=tom)
    assert not outgoing()
    return ticket


def customer_writes(ticket, text="Hello?"):
    with transaction():
        address = ticket.requester_address
        comments.add_incoming(ticket, Words(text), address=address, actor=address.user)


def add_note(ticket, actor, text):
    with transaction():
        comments.add_note(db.session.merge(ticket), Words(text), actor=db.session.merge(actor))


def only(user, *kinds, channel=Channel.MAIL):
    with transaction():
        preferences.choose(db.session.get(User, user.id), kinds, channel)


def lines(user):
    db.session.expire_all()
    return [item.kind.value for item in inbox.page(user)[0]]


def test_a_follower_is_mailed_and_told_why(account, ticket, tom):
    customer_writes(ticket)
    mails = send_gathered(account.id)
    assert sorted(map(to_whom, mails)) == [factories.AGENT, factories.OTHER_AGENT]
    assert "because you follow this ticket" in text_of(of_person(mails, factories.OTHER_AGENT))
    only(tom, Kind.NOTE, Kind.MENTION)
    customer_writes(ticket)
    assert [to_whom(mail) for mail in send_gathered(account.id)] == [factories.AGENT]


def test_who_switched_notes_off_still_hears_when_he_is_mentioned_and_the_other_way_round(
    account, ticket, nora, tom
):
    only(tom, Kind.MENTION)
    add_note(ticket, nora, "Nothing for him.")
    assert send_gathered(account.id) == []
    add_note(ticket, nora, "@Tom this is.")
    mail = of_person(send_gathered(account.id), factories.OTHER_AGENT)
    for words in ("Nora Keller mentioned you in an internal note:", "because you were mentioned"):
        assert words in text_of(mail) and words in text_of(mail, "html")
    only(tom, Kind.NOTE)
    add_note(ticket, nora, "@Tom and again.")
    assert "because you work on this account" in text_of(
        of_person(send_gathered(account.id), factories.OTHER_AGENT)
    )


def test_a_mention_and_what_else_happens_within_a_minute_are_one_mail(account, ticket, nora, tom):
    customer_writes(ticket, "First.")
    add_note(ticket, nora, "Second.")
    add_note(ticket, nora, "@Tom third.")
    text = text_of(of_person(send_gathered(account.id), factories.OTHER_AGENT))
    assert text.index("First.") < text.index("Second.") < text.index("third.")
    assert "because you were mentioned" in text


@pytest.mark.parametrize("what", ["ticket", "account"])
def test_a_mute_leaves_assignments_mentions_and_what_did_not_arrive(account, ticket, nora, tom, what):
    with transaction():
        if what == "ticket":
            muting.mute(ticket, actor=nora)
        else:
            muting.mute_accounts(nora, [account.id])
    before = lines(nora)
    customer_writes(ticket)
    add_note(ticket, tom, "Only a note.")
    with transaction():
        changing.set_priority(db.session.merge(ticket), Priority.HIGH, actor=tom)
    assert [to_whom(mail) for mail in send_gathered(account.id)] == [factories.OTHER_AGENT]
    assert lines(nora) == before
    add_note(ticket, tom, "@Nora look")
    with transaction():
        changing.assign(db.session.merge(ticket), None, actor=tom)
        changing.assign(db.session.merge(ticket), nora, actor=tom)
    text = text_of(of_person(send_gathered(account.id), factories.AGENT))
    assert "@Nora look" in text and "Only a note." not in text
    assert lines(nora)[:2] == ["assigned", "mention"]


def test_what_is_muted_while_the_mail_waits_is_not_told(account, ticket, nora, tom):
    with transaction():
        following.unfollow(ticket, actor=tom)
    customer_writes(ticket)
    with transaction():
        muting.mute(db.session.merge(ticket), actor=nora)
    assert send_gathered(account.id) == []


def test_lines_are_switched_off_by_kind_and_some_come_only_when_asked_for(ticket, nora, tom):
    only(nora, Kind.STATUS, Kind.UPDATED, channel=Channel.INBOX)
    customer_writes(ticket)
    assert lines(nora) == []
    with transaction():
        changing.set_priority(db.session.merge(ticket), Priority.HIGH, actor=tom)
    assert lines(nora) == ["changed"]


def test_of_every_new_ticket_hears_who_asked_for_it(account, ticket, nora, tom):
    factories.make_ticket(account, subject="Nobody's")
    assert (send_gathered(account.id), lines(tom)) == ([], [])
    for channel in Channel:
        only(tom, Kind.NEW, channel=channel)
    factories.make_ticket(account, subject="Another")
    mail = of_person(send_gathered(account.id), factories.OTHER_AGENT)
    assert "A new ticket." in text_of(mail) and "It does not print." in text_of(mail)
    assert lines(tom) == ["new"]
