"""The answer a new ticket gets by itself: a mail comes in, and out goes one mail or none; when, and in which words."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from helpdesk import storage
from helpdesk.database import as_of, db, transaction
from helpdesk.mail.parse import parse
from helpdesk.models import EmailAccount
from helpdesk.models.mail import EmailState
from helpdesk.models.senders import Cause
from helpdesk.policy import hours
from helpdesk.policy.acknowledge import When
from helpdesk.policy.mail_texts import MailText
from helpdesk.policy.senders import Verdict
from helpdesk.services import mail_texts, people, senders, settings, suppression
from helpdesk.services.outbox import deliver, unreachable
from tests import factories
from tests.factories import CUSTOMER, make_mail
from tests.services.arrivals import receive
from tests.services.outbox.mails import outgoing

OFFICE = {"mon": "09:00-12:00, 13:00-17:00", "fri": "09:00-17:00"}
FRIDAY_NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
FRIDAY_NIGHT = datetime(2026, 11, 20, 21, tzinfo=UTC)
PERSON, MACHINE = f"Jonas Berg <{CUSTOMER}>", "Reports <reports@machine.example>"


@pytest.fixture
def account(context):
    return factories.make_account(outgoing_protocol="dummy")


def change(account, **values):
    with transaction() as session:
        session.execute(update(EmailAccount).where(EmailAccount.id == account.id).values(**values))


def acknowledged(account):
    """Who gets one, once the desk has sent all it will, and the state of the mail that came last."""
    db.session.rollback()
    deliver.drain(account.id)
    return [
        email
        for mail in outgoing(purpose="ticket_created", state=EmailState.SENT)
        for email in mail.recipients["to"]
    ]


def words_of(account):
    """The text of the one acknowledgement."""
    acknowledged(account)
    (mail,) = outgoing(purpose="ticket_created")
    return parse(storage.read(mail.raw_sha256)).text


MAILS = {  # what comes in -> how many mails go out
    "a person": (1, [{}]),
    "an answer to a vacation note": (0, [{"Auto_Submitted": "auto-replied"}]),
    "an alarm": (0, [{"sender": MACHINE, "Auto_Submitted": "auto-generated"}]),
    "bulk mail": (0, [{"Precedence": "bulk"}]),
    "a newsletter": (0, [{"List_Unsubscribe": "<mailto:off@machine.example>"}]),
    "a list": (0, [{"List_Id": "<talk.machine.example>"}]),
    "who asks for no answer": (0, [{"X_Auto_Response_Suppress": "All"}]),
    "no-reply": (0, [{"sender": "Shop <no-reply@shop.example>"}]),
    "a null sender": (0, [{"Return_Path": "<>"}]),
    "the desk itself": (0, [{"sender": factories.SUPPORT}]),
    "spam": (0, [{"X_Spam_Flag": "YES"}]),
    "two an hour": (2, [{"text": f"About the {thing}."} for thing in ("roof", "door", "lamp", "desk")]),
    "the same again": (1, [{"subject": f"Disk {n}", "text": f"Disk {n} is full."} for n in (1, 2)]),
    "two people": (2, [{}, {"sender": "Maria <maria@other.example>"}]),
}


@pytest.mark.parametrize("case", MAILS)
def test_a_mail_in_gives_or_gives_no_mail_out(account, case):
    expected, mails = MAILS[case]
    receive(account, *(make_mail(**({"sender": PERSON} | mail)) for mail in mails))
    assert len(acknowledged(account)) == expected


@pytest.mark.parametrize("listed", [CUSTOMER, "customer.example"])
def test_a_blocked_sender_is_not_answered(account, listed):
    admin = factories.make_admin()
    with transaction():
        senders.add(listed, Verdict.BLOCK, account_id=None, actor=admin)
    receive(account, make_mail(sender=PERSON))
    assert acknowledged(account) == []


def test_who_complained_or_was_listed_by_hand_is_not_answered(account):
    admin = factories.make_admin()
    with transaction():
        suppression.add(CUSTOMER, actor=admin)
        unreachable.leave_alone("maria@other.example", Cause.COMPLAINT, words="spam")
    receive(
        account,
        make_mail(sender=PERSON),
        make_mail(sender="Maria <maria@other.example>", text="About lamps."),
    )
    assert acknowledged(account) == []


def test_who_could_not_be_reached_is_answered_when_he_writes_himself(account):
    with transaction():
        unreachable.note(CUSTOMER, status="5.1.1", words="550 unknown", email_id=None)
    receive(account, make_mail(sender=PERSON))
    assert acknowledged(account) == [CUSTOMER]


def test_an_answer_to_the_confirmation_is_not_confirmed(account):
    receive(account, make_mail(sender=PERSON))
    acknowledged(account)
    (mail,) = outgoing(purpose="ticket_created")
    answer = make_mail(
        sender=PERSON, subject=f"Re: {mail.subject}", In_Reply_To=f"<{mail.message_id}>", text="Thanks!"
    )
    (row,) = receive(account, answer)
    assert row.state is EmailState.APPENDED
    assert len(acknowledged(account)) == 1


@pytest.mark.parametrize(
    "when, at_noon, at_night", [(When.ALWAYS, 1, 1), (When.OPEN, 1, 0), (When.CLOSED, 0, 1)]
)
def test_an_account_answers_at_the_times_it_chose(account, when, at_noon, at_night):
    change(account, acknowledges_when=when)
    for moment, expected in ((FRIDAY_NOON, at_noon), (FRIDAY_NIGHT, at_night)):
        with as_of(moment):
            before = len(outgoing(purpose="ticket_created"))
            receive(account, make_mail(sender=f"{expected}-{moment:%H}@customer.example"))
            assert len(outgoing(purpose="ticket_created")) - before == expected


def test_an_account_may_keep_hours_of_its_own(account):
    change(account, acknowledges_when=When.CLOSED, business_hours=hours.tidy({"fri": "20-24"}))
    with as_of(FRIDAY_NIGHT):
        receive(account, make_mail())
        assert outgoing() == []


def test_the_desks_clock_decides_not_the_servers(account):
    change(account, acknowledges_when=When.OPEN)
    with transaction():
        settings.put("timezone", "America/Los_Angeles")
    with as_of(FRIDAY_NIGHT):  # 13:00 there
        receive(account, make_mail())
        assert len(outgoing()) == 1


@pytest.mark.parametrize("language, moment, holidays, said", [
    ("en", FRIDAY_NIGHT, [], "Back on Monday, 09:00, Jonas Berg."), ("de", FRIDAY_NIGHT, [], "Back on Montag, 09:00 Uhr, Jonas Berg."),
    ("en", FRIDAY_NIGHT, ["2026-11-23"], "Back on Friday, 27 November, 09:00, Jonas Berg."),
    ("en", datetime(2026, 11, 23, 11, 30, tzinfo=UTC), [], "Back on Monday, 13:00, Jonas Berg."),
    ("en", FRIDAY_NOON, [], "We are here."),
])  # fmt: skip
def test_other_words_while_nobody_is_there_say_when_somebody_will_be(
    account, language, moment, holidays, said
):
    with transaction():
        settings.put("business_hours", hours.tidy(OFFICE | {"holidays": holidays}))
        settings.put("timezone", "Europe/Berlin")
        settings.put("language", language)
    change(
        account, acknowledgement_text="We are here.", closed_text="Back on {{opens_at}}, {{customer_name}}."
    )
    with as_of(moment):
        receive(account, make_mail(sender=PERSON))
    with as_of(moment + timedelta(days=4)):  # made later: it says what was so when the mail came
        assert said in words_of(account)


def test_the_time_is_written_in_the_language_of_the_words_around_it(account):
    with transaction():
        people.address_for(CUSTOMER).user.language = "de"
    change(account, closed_text="Back on {{opens_at}}.")
    with as_of(FRIDAY_NIGHT):
        receive(account, make_mail(sender=PERSON))
    assert "Back on Monday, 09:00." in words_of(account)


def test_a_desk_that_never_opens_says_so(account):
    change(
        account, closed_text="Closed until {{opens_at}}.", business_hours=hours.tidy({"holidays": ["01-01"]})
    )
    receive(account, make_mail())
    assert "Closed until further notice." in words_of(account)


def test_without_words_for_it_the_ordinary_ones_are_said_at_night_too(account):
    change(account, acknowledgement_text="We have your mail.")
    with as_of(FRIDAY_NIGHT):
        receive(account, make_mail())
    assert "We have your mail." in words_of(account)


def test_words_while_nobody_is_there_stand_above_the_whole_mail_an_admin_wrote(account):
    admin = factories.make_admin()
    with transaction():
        place = mail_texts.Place(MailText.CREATED, "en", account)
        mail_texts.save(place, "We have it", "Hello, {{ticket_number}} it is.", seen=0, actor=admin)
    change(account, closed_text="Closed until {{opens_at}}.")
    for moment, sender in ((FRIDAY_NOON, PERSON), (FRIDAY_NIGHT, "Maria <maria@other.example>")):
        with as_of(moment):
            receive(account, make_mail(sender=sender, text=f"It is {moment:%H} o'clock."))
    acknowledged(account)
    by_day, by_night = (
        parse(storage.read(mail.raw_sha256)).text for mail in outgoing(purpose="ticket_created")
    )
    assert "it is." in by_day and "Closed until" not in by_day
    assert "Closed until Monday, 09:00." in by_night and "it is." not in by_night
