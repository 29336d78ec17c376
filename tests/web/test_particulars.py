"""What a mail holds besides words is said on both pages, in the reader's language and by the reader's clock."""

import re

import pytest
from flask_babel import force_locale, refresh

from helpdesk.database import db, transaction
from helpdesk.models import Comment, EmailAccount, User
from helpdesk.services.ingest import process, store
from helpdesk.web.particulars import shown
from tests import factories
from tests.mail import contents
from tests.mail.test_mime import PLAIN, multipart
from tests.web.conftest import browser

EVENT = {
    "kind": "event", "method": "request", "summary": "Review", "start": "2026-07-02T08:00:00+00:00",
    "end": "2026-07-02T09:30:00+00:00", "place": "Room 4", "organizer": "Eva", "repeats": "weekly", "every": "2",
    "until": "2026-12-31", "file": "invitation.ics",
}  # fmt: skip
FILES = [{"name": "invitation.ics", "url": "/files/1/invitation.ics"}]


@pytest.fixture
def page(app):
    with app.test_request_context("/"), force_locale("en"):
        refresh()
        yield


def words(plain):
    found = shown([plain], FILES)[0]
    return found.title, *found.facts


def test_an_invitation_in_words(page):
    assert words(EVENT) == (
        "Invitation: Review", "Thu 2 Jul 2026, 08:00–09:30", "Room 4", "every 2 weeks until Thu 31 Dec 2026", "by Eva",
    )  # fmt: skip
    assert shown([EVENT], FILES)[0].file_url == FILES[0]["url"]


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({"start": "2026-07-02"}, "Thu 2 Jul 2026, all day"),
        ({"start": "2026-07-02", "end": "2026-07-04"}, "Thu 2 Jul 2026 – Sat 4 Jul 2026, all day"),
        ({"start": "2026-07-02T10:00:00", "zone": "Mars"}, "Thu 2 Jul 2026, 10:00 (time zone: Mars)"),
        ({"start": "2026-07-02T22:00:00+00:00", "end": "2026-07-03T01:00:00+00:00"}, "Thu 2 Jul 2026, 22:00 – Fri 3 Jul 2026, 01:00"),
        ({"start": "9999-12-31T23:59:00+00:00"}, "Fri 31 Dec 9999, 23:59"),
        ({"repeats": "daily", "times": "5"}, "every day, 5 times"),
        ({"repeats": "otherwise"}, "repeats"),
    ],
)  # fmt: skip
def test_times_in_words(page, plain, said):
    assert words({"kind": "event", **plain})[1] == said


@pytest.mark.parametrize(
    ("plain", "title"),
    [
        ({"kind": "event", "method": "cancel", "summary": "Review"}, "Cancelled: Review"),
        (
            {"kind": "event", "method": "reply", "answer": "declined", "attendee": "Jo"},
            "Jo declines: (no title)",
        ),
        ({"kind": "signed", "way": "smime", "by": "Eva"}, "Signed as “Eva” with S/MIME."),
        ({"kind": "signed", "way": "pgp"}, "Signed with PGP."),
        ({"kind": "encrypted", "way": "pgp"}, "Encrypted with PGP."),
    ],
)
def test_what_it_is_stands_first(page, plain, title):
    assert words(plain)[0] == title


def test_what_an_older_desk_wrote_down_is_left_out(page):
    assert shown([{"kind": "unheard of"}, {}], []) == []


def test_an_invitation_by_mail_is_said_to_agents_and_to_the_customer(app, desk):
    ics = contents.calendar("SUMMARY:Look <b>here</b>", "DTSTART;TZID=Europe/Berlin:20260702T100000")
    head = f"From: {factories.CUSTOMER}\nTo: {factories.SUPPORT}\nSubject: Printer\nMessage-ID: <e@customer.example>\n"
    raw = multipart(
        f"{PLAIN}See the invitation", contents.in_base64("text/calendar", ics.encode()), head=head
    )
    with app.app_context():
        store.store_raw(db.session.query(EmailAccount).first(), raw)
        process.drain()
        comment = db.session.query(Comment).order_by(Comment.id.desc()).first()
        number, customer_id = comment.ticket.number, comment.author_id
        with transaction():
            db.session.get(User, desk["admin"]).timezone = "Europe/Berlin"
    for user_id, clock in ((desk["admin"], "10:00"), (customer_id, "08:00")):
        found = browser(app, user_id).get(f"/tickets/{number}", follow_redirects=True).text
        assert "Invitation: Look &lt;b&gt;here&lt;/b&gt;" in found
        assert f"2026, {clock}" in found
        assert re.search(r'particular__file" href="/files/[0-9a-f]{32}/invitation.ics"', found)
