"""The mail log: every mail found again, explained, and never a one-time link shown."""

import pytest

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailMessage
from helpdesk.models.mail import Direction, EmailState
from helpdesk.models.trays import Tray
from helpdesk.policy.status import Role
from helpdesk.services import members
from helpdesk.services.outbox import queue
from tests.factories import CUSTOMER
from tests.web.conftest import browser, send

LINK = b"To: x@y.example\r\n\r\nhttps://desk.example/sign-in/link/very-secret-token"


@pytest.fixture
def admin(app, desk):
    return browser(app, desk["admin"])


@pytest.fixture
def add(app, desk):
    """Store a mail and return its id; outgoing unless said otherwise."""

    def add_one(raw=b"Subject: x\r\n\r\nwords", **values):
        defaults = {"direction": Direction.OUT, "state": EmailState.SENT, "purpose": "reply", "subject": "Your printer",
                    "recipients": {"to": [CUSTOMER]}, "account_id": desk["account"], "created_at": utcnow()}  # fmt: skip
        with app.app_context(), transaction() as session:
            mail = EmailMessage(**(defaults | {"raw_sha256": storage.keep(storage.stage(raw))} | values))
            session.add(mail)
            session.flush()
            return mail.id

    return add_one


def listed(client, **args):
    return client.get("/admin/mail", query_string=args).text


def test_filters_find_a_mail_and_leave_out_the_others(app, desk, admin, add):
    add(subject="About invoices", recipients={"to": ["anna@nord.example"]})
    add(direction=Direction.IN, state=EmailState.IGNORED, purpose="", subject="Out of office", recipients={},
        from_address="bot@auto.example", transport_key="k1")  # fmt: skip
    for args in (
        {"q": "INVOICES"},
        {"q": "anna@nord"},
        {"direction": "out", "q": "about invoices"},
        {"state": "sent"},
    ):
        text = listed(admin, **args)
        assert "About invoices" in text and "Out of office" not in text, args
    for args in ({"q": "bot@auto"}, {"direction": "in", "state": "ignored"}):
        text = listed(admin, **args)
        assert "Out of office" in text and "About invoices" not in text, args
    assert "It was odd." in listed(admin, state="waiting")
    assert "About invoices" not in listed(admin, account="9999")
    assert "About invoices" in listed(admin, direction="sideways", state="x", account="x", before="x")
    assert "No mail like that" in listed(admin, q="100%_")


def test_pages_follow_each_other_without_gap_or_double(app, desk, admin, add):
    ids = [add(subject=f"Mail number {i:03d} end") for i in range(60)]
    first = listed(admin, q="number")
    second = listed(admin, q="number", before=str(ids[10]))
    assert f"before={ids[10]}" in first
    for i in range(60):
        assert (f"number {i:03d} end" in first, f"number {i:03d} end" in second) == (i >= 10, i < 10)


def test_a_mail_tells_what_became_of_it_and_why(app, desk, admin, add):
    trace = [
        {"step": "sender", "text": "Written by <b>jonas</b>."},
        {"step": "ticket", "text": "A new ticket."},
    ]
    mail_id = add(direction=Direction.IN, state=EmailState.OPENED, purpose="", recipients={}, transport_key="k2",
                  trace=trace, from_address=CUSTOMER)  # fmt: skip
    text = admin.get(f"/admin/mail/{mail_id}").text
    assert "It opened a ticket." in text and "A new ticket." in text
    assert "Written by &lt;b&gt;jonas" in text
    assert admin.get(f"/admin/mail/{mail_id}/raw").data == b"Subject: x\r\n\r\nwords"


def test_a_failed_mail_shows_the_servers_words_and_its_history(app, desk, admin, add):
    mail_id = add(
        state=EmailState.FAILED, reason="Not delivered.", detail="550 5.1.1 <script>User</script> unknown"
    )
    with app.app_context(), transaction():
        queue.record_event("email.failed", db.session.get(EmailMessage, mail_id))
    text = admin.get(f"/admin/mail/{mail_id}").text
    assert "550 5.1.1 &lt;script&gt;User" in text and "Given up" in text
    send(admin, f"/admin/mail/{mail_id}/retry")
    text = admin.get(f"/admin/mail/{mail_id}").text
    assert "queued" in text and "Tried again" in text and "Ada Lovelace" in text


@pytest.mark.parametrize("purpose", ["sign_in_link", "invitation", "password_link", "something_new"])
def test_one_time_links_are_neither_shown_nor_downloaded(app, desk, admin, add, purpose):
    mail_id = add(LINK, purpose=purpose, ticket_id=None, subject="Your link")
    text = admin.get(f"/admin/mail/{mail_id}").text
    assert "very-secret-token" not in text and "Download the source" not in text
    assert "nobody but its recipient" in text
    assert admin.get(f"/admin/mail/{mail_id}/raw").status_code == 404


def test_what_we_wrote_on_a_ticket_can_be_downloaded(app, desk, admin, add):
    with app.app_context():
        ticket_id = db.session.scalar(
            db.select(EmailMessage.ticket_id).where(EmailMessage.ticket_id.is_not(None))
        )
    mail_id = add(ticket_id=ticket_id)
    assert admin.get(f"/admin/mail/{mail_id}/raw").status_code == 200


def test_an_invitation_that_was_really_mailed_is_never_shown(app, desk, admin):
    with app.app_context(), transaction():
        actor = members.get(desk["admin"])
        members.invite("new@desk.example", Role.AGENT, name="New", account_ids=[], actor=actor)
    with app.app_context():
        mail = db.session.scalars(db.select(EmailMessage).where(EmailMessage.purpose == "invitation")).one()
        raw, mail_id = storage.read(mail.raw_sha256).decode(), mail.id
    assert "/invitation/" in raw
    assert "/invitation/" not in admin.get(f"/admin/mail/{mail_id}").text
    assert admin.get(f"/admin/mail/{mail_id}/raw").status_code == 404


def test_a_held_mail_becomes_a_ticket_when_a_person_says_so(app, desk, admin, add):
    mail_id = add(direction=Direction.IN, state=EmailState.HELD, purpose="", recipients={}, transport_key="k3", tray=Tray.HELD,
                  reason="Too many mails.")  # fmt: skip
    assert "Make it a ticket" in admin.get(f"/admin/mail/{mail_id}").text
    send(admin, f"/admin/mail/{mail_id}/retry")
    with app.app_context():
        assert db.session.get(EmailMessage, mail_id).payload["is_forced"] is True


def test_health_says_what_is_wrong_and_what_to_do(app, desk, admin):
    text = admin.get("/admin/health").text
    assert "It gives no sign of life." in text and "python worker.py" in text
    assert "1 mail could not be handled." in text
    assert "Something is in trouble." in text
    assert app.config["SECRET_KEY"] not in text


def test_the_monitors_page_tells_no_secrets(app, desk):
    response = app.test_client().get("/health")
    assert response.status_code == 200
    assert set(response.json) == {"status", "database", "redis", "worker", "scheduler"}


def test_a_mail_that_waits_for_the_release_says_so(app, desk, admin, add):
    mail_id = add(state=EmailState.QUEUED, due_at=utcnow())
    assert "It waits for its turn." in admin.get(f"/admin/mail/{mail_id}").text
    send(admin, "/admin/settings/hold")
    assert "It waits: sending is on hold." in admin.get(f"/admin/mail/{mail_id}").text
