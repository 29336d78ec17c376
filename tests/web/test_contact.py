"""The public form: a ticket from anybody, worth nothing to whoever wants to flood, to spy or to send mail by us."""

import io
import re
import threading
import time
from datetime import timedelta
from email import message_from_bytes, policy

import itsdangerous.timed
import pytest
from sqlalchemy import update

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Comment, Counter, EmailMessage, Event, Participant, Ticket, User, UserAddress
from helpdesk.policy.contact import Haste, haste, is_read_by_nobody, one_line
from helpdesk.services import contact, settings
from helpdesk.services.outbox import letters
from tests import factories
from tests.factories import AGENT, CUSTOMER, STRANGER, SUPPORT
from tests.web.conftest import browser, csrf_of

KEY = "c" * 24
CANARY = "Pharaoh-pills"


@pytest.fixture
def visitor(app, desk):
    return app.test_client()


@pytest.fixture
def stamp(app, monkeypatch):
    """A stamp as of some time ago."""

    def issue(key=KEY, ago_s=60):
        now = itsdangerous.timed.time.time()
        with monkeypatch.context() as patch, app.app_context():
            patch.setattr(itsdangerous.timed.time, "time", lambda: now - ago_s)
            return contact.issue_stamp(key)

    return issue


@pytest.fixture
def post(app, desk, stamp):
    """Send the form from a fresh browser, as somebody whose stamp is a minute old."""
    count = iter(range(10_000))

    def send(ip="198.51.100.7", files=(), client=None, **fields):
        client = client or app.test_client()
        client.environ_base["REMOTE_ADDR"] = ip
        if "stamp" not in fields:
            fields["stamp"] = stamp(f"{next(count):024}")
        data = {"name": "Sam", "email": STRANGER, "subject": "No sound", "category": "Bug", "text": "It is silent.",
                "csrf_token": csrf_of(client), "attachments": list(files)} | fields  # fmt: skip
        return client.post("/contact", data=data)

    return send


def tickets(app):
    """What the form has opened."""
    with app.app_context():
        opened = db.session.query(Event).filter_by(type="ticket.opened").order_by(Event.id)
        ids = [event.ticket_id for event in opened if event.data["via"] == "form"]
        return [db.session.get(Ticket, one).number for one in ids]


def mails_of_forms(app):
    with app.app_context():
        numbers = set(tickets(app))
        rows = db.session.query(EmailMessage).filter_by(purpose="ticket_created").order_by(EmailMessage.id)
        return [row.id for row in rows if db.session.get(Ticket, row.ticket_id).number in numbers]


def test_it_works(app, desk, visitor, post):
    page = visitor.get("/contact")
    assert page.status_code == 200 and "Write to us" in page.text
    assert "/contact" in visitor.get("/sign-in").text
    response = post(files=[(io.BytesIO(b"\x89PNG"), "a.png"), (io.BytesIO(b"b"), "b.txt")])
    assert (response.status_code, response.location) == (303, "/contact/thanks")
    (number,) = tickets(app)
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=number).one()
        comment = ticket.comments[0]
        assert (ticket.subject, ticket.category, ticket.requester_address.email) == (
            "No sound",
            "Bug",
            STRANGER,
        )
        assert (comment.text, comment.author_id, comment.author_name) == ("It is silent.", None, "Sam")
        assert comment.is_unverified and comment.is_released
        assert [f.filename for f in comment.attachments] == ["a.png", "b.txt"]
    text = browser(app, desk["agent"]).get(f"/tickets/{number}").text
    assert "The sender could not be verified." in text and "public contact form" in text
    row = re.search(
        rf'data-ticket-row="[^"]*{number:05d}".*?</li>',
        browser(app, desk["agent"]).get("/tickets").text,
        re.DOTALL,
    )
    assert row and "The sender could not be verified." in row[0]


def test_form_a_person_got_can_be_sent_once_he_has_written(app, desk, visitor, stamp):
    page = visitor.get("/contact").text
    page_stamp = re.search(r'name="stamp"[^>]*value="([^"]+)"', page)[1]
    data = {"email": STRANGER, "subject": "Hi", "category": "Support", "text": "Words of mine", "stamp": page_stamp,
            "csrf_token": csrf_of(visitor, "/contact")}  # fmt: skip
    hasty = visitor.post("/contact", data=data)
    assert hasty.status_code == 422 and "Words of mine" in hasty.text
    again = re.search(r'name="stamp"[^>]*value="([^"]+)"', hasty.text)[1]
    with app.app_context():
        key, _ = contact.read_stamp(again)
        assert key == contact.read_stamp(page_stamp)[0]
    assert visitor.post("/contact", data=data | {"stamp": stamp(key)}).status_code == 303


def test_switched_off_there_is_no_form(app, desk, visitor, post):
    with app.app_context(), transaction():
        settings.put("contact_form", False)
    assert visitor.get("/contact").status_code == 404
    assert visitor.get("/contact/thanks").status_code == 404
    assert "/contact" not in visitor.get("/sign-in").text
    assert post().status_code == 404
    assert tickets(app) == []


def test_admin_switches_it_on_and_off(app, desk, visitor):
    admin = browser(app, desk["admin"])
    page = admin.get("/admin/settings").text
    fields = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', page)) | {"desk_name": "Desk", "timezone": "UTC",
              "language": "en", "customer_passwords": "y"}  # fmt: skip
    fields |= {"auto_close_days": "0", "undo_seconds": "15", "accent": ""}
    for switched, status in (({}, 404), ({"contact_form": "y"}, 200)):
        kept = {name: value for name, value in fields.items() if name not in {"contact_form", "do"}}
        response = admin.post(
            "/admin/settings", data=kept | switched | {"csrf_token": csrf_of(admin, "/profile")}
        )
        assert response.status_code == 303
        assert visitor.get("/contact").status_code == status


def test_environment_switches_it_on(app, team, visitor):
    assert visitor.get("/contact").status_code == 200  # the desk of these tests has it on
    with app.app_context(), transaction():
        settings.put("contact_form", False)
    app.config["CONTACT_FORM"] = True
    assert visitor.get("/contact").status_code == 200


@pytest.mark.parametrize("person, page", [("customer", "/my/tickets/new"), ("agent", "/tickets/new")])
def test_signed_in_people_have_a_better_page(app, desk, person, page):
    assert browser(app, desk[person]).get("/contact").location == page


def test_same_form_opens_one_ticket(app, desk, post, stamp):
    same = stamp()
    assert [post(stamp=same).status_code for _ in range(3)] == [303] * 3
    assert len(tickets(app)) == 1


# the answer is the same whoever is known


def test_known_and_unknown_people_get_the_same_answer(app, desk, post):
    answers = [post(email=email) for email in (CUSTOMER, STRANGER, AGENT)]
    assert len({(a.status_code, a.location) for a in answers}) == 1
    pages = [app.test_client().get(a.location).text for a in answers]
    assert len({re.sub(r"/assets/\w+", "", page) for page in pages}) == 1


def test_address_of_a_customer_opens_nothing_of_his(app, desk, post):
    client = app.test_client()
    response = post(
        client=client,
        email=CUSTOMER.upper(),
        subject=f"Re: [TKT-2026-0000{desk['ticket']}] hello",
        name="Nora",
    )
    assert response.status_code == 303
    assert client.get(f"/my/tickets/{desk['ticket']}").status_code == 303  # to the sign-in page
    (number,) = tickets(app)
    assert number != desk["ticket"]
    with app.app_context():
        customer = db.session.get(User, desk["customer"])
        assert (customer.name, customer.addresses[0].verified_at) == ("Jonas Berg", None)
        before = db.session.query(Ticket).filter_by(number=desk["ticket"]).one()
        assert len(before.comments) == 2 and before.status == "new"
        rows = db.session.query(Participant).join(Ticket).filter(Ticket.number == number)
        assert [row.address.user_id for row in rows] == [desk["customer"]]
        opened = db.session.query(Event).filter_by(type="ticket.opened").order_by(Event.id.desc()).first()
        assert opened.actor_id is None


def test_name_of_a_stranger_becomes_nobodys_name(app, desk, post):
    """It would stand in every mail to whoever owns the address."""
    post(email="victim@elsewhere.example", name=CANARY)
    with app.app_context():
        address = db.session.query(UserAddress).filter_by(address="victim@elsewhere.example").one()
        assert (address.user.name, address.user.role, address.user.password_hash) == ("", "customer", None)


def test_owner_of_the_address_sees_it_marked_without_links_or_the_name(app, desk, post):
    post(email=CUSTOMER, name="Fjord Support Team", text="Log in at https://evil.example/now")
    (number,) = tickets(app)
    text = browser(app, desk["customer"]).get(f"/my/tickets/{number}").text
    assert "This came through our contact form with your address" in text
    assert "Fjord Support Team" not in text
    assert "https://evil.example/now" in text and 'href="https://evil' not in text
    assert browser(app, desk["other_customer"]).get(f"/my/tickets/{number}").status_code == 404


# never a relay


def test_acknowledgement_holds_nothing_that_was_typed(app, desk, post):
    post(email="victim@elsewhere.example", name=f"{CANARY} name", subject=f"{CANARY} subject", text=f"{CANARY} text",
         files=[(io.BytesIO(b"x"), f"{CANARY}.txt")])  # fmt: skip
    (mail_id,) = mails_of_forms(app)
    with app.app_context(), transaction():
        mail = db.session.get(EmailMessage, mail_id)
        assert mail.recipients["to"] == ["victim@elsewhere.example"]
        parsed = message_from_bytes(letters.LETTERS["ticket_created"](mail).raw, policy=policy.default)
    assert "Your message to us" in parsed["Subject"]
    seen = "".join(f"{name}: {value}\n" for name, value in parsed.items())
    seen += "".join(part.get_content() for part in parsed.walk() if not part.is_multipart())
    assert CANARY not in seen
    assert [value.addr_spec for value in parsed["To"].addresses] == ["victim@elsewhere.example"]


@pytest.mark.parametrize("field", ["name", "subject", "email"])
@pytest.mark.parametrize("attack", ["x\r\nBcc: spy@evil.example", "x\nBcc: spy@evil.example", "x\x0bBcc:spy@evil.example",
                                    "x\u2028Bcc: spy@evil.example", "\u202eevil"])  # fmt: skip
def test_header_injection_adds_nobody(app, desk, post, field, attack):
    value = f"{STRANGER}{attack}" if field == "email" else attack
    response = post(**{field: value})
    if field == "email":
        assert response.status_code == 422 and tickets(app) == []
        return
    (number,) = tickets(app)
    with app.app_context(), transaction():
        ticket = db.session.query(Ticket).filter_by(number=number).one()
        assert all(c.isprintable() for c in ticket.subject + ticket.comments[0].author_name)
        (mail,) = db.session.query(EmailMessage).filter_by(ticket_id=ticket.id)
        assert mail.recipients == {"to": [STRANGER], "cc": []} or mail.recipients["to"] == [STRANGER]
        raw = letters.LETTERS["ticket_created"](mail).raw
    assert b"spy@evil.example" not in raw and message_from_bytes(raw)["Bcc"] is None


@pytest.mark.parametrize("email", [SUPPORT, "Support+x@Desk.example", "postmaster@desk.example", "abuse@desk.example",
                                   "noreply@shop.example", "no-reply@desk.example", "mailer-daemon@isp.example"])  # fmt: skip
def test_addresses_nobody_answers_from_are_refused_and_the_words_stay(app, desk, post, email):
    response = post(email=email, text="A long <story> of mine")
    assert response.status_code == 422
    assert "A long &lt;story&gt; of mine" in response.text
    assert tickets(app) == []


def test_role_of_another_domain_may_write(app, desk, post):
    assert post(email="admin@customer.example").status_code == 303


# never a bomb


def test_hundred_posts_of_one_machine_open_five_tickets(app, desk, post):
    client = app.test_client()
    found = [post(client=client, email=f"v{n}@elsewhere.example").status_code for n in range(100)]
    assert (found.count(303), found.count(429)) == (5, 95)
    assert len(tickets(app)) == 5 and len(mails_of_forms(app)) == 5


def test_of_a_burst_no_more_get_through_than_one_after_the_other(app, desk, post, stamp):
    """All of them come before the first is stored: somebody holds the row that numbers tickets."""
    clients, found = [app.test_client() for _ in range(9)], []
    stamps = [stamp(f"{n:024}") for n in range(9)]  # the clock they are made with is everybody's

    def one(n):
        form = {"email": f"v{n}@elsewhere.example", "stamp": stamps[n]}
        found.append(post(client=clients[n], **form).status_code)

    threads = [threading.Thread(target=one, args=[n]) for n in range(9)]
    with app.app_context(), transaction() as session:
        session.execute(update(Counter).values(value=Counter.value))
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 5
        while len(found) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
    for thread in threads:
        thread.join(30)
    assert sorted(found) == [303] * 5 + [429] * 4
    assert len(tickets(app)) == 5


def test_neighbours_in_one_ipv6_network_are_one_machine(app, desk, post):
    found = [post(ip=f"2001:db8:1:2::{n:x}", email=f"v{n}@e.example").status_code for n in range(1, 9)]
    assert found.count(303) == 5
    assert post(ip="2001:db8:1:3::1", email="w@e.example").status_code == 303


def test_one_victim_from_many_machines_gets_three_mails_at_most(app, desk, post):
    victims = ["victim@elsewhere.example", "VICTIM@elsewhere.example", "victim+a@elsewhere.example"]
    victims += ["\uff56ictim+b@elsewhere.example", "victim+c@\uff45lsewhere.example"]
    found = [post(ip=f"203.0.113.{n}", email=victims[n % 5]).status_code for n in range(30)]
    assert found.count(303) == 3 and found.count(429) == 27
    assert len(mails_of_forms(app)) <= 3


def test_one_address_is_acknowledged_twice_an_hour_at_most(app, desk, post):
    for n in range(3):
        post(ip=f"203.0.113.{n}", email=CUSTOMER)
    assert len(tickets(app)) == 3
    with app.app_context():
        rows = db.session.query(EmailMessage).filter_by(purpose="ticket_created")
        assert sum(row.recipients["to"] == [CUSTOMER] for row in rows) <= 2


def test_limit_gives_the_words_back(app, desk, post):
    for n in range(3):
        post(ip=f"203.0.113.{n}")
    response = post(ip="203.0.113.9", text="Words I chose <with> care", subject="My & subject")
    assert response.status_code == 429
    assert "Words I chose &lt;with&gt; care" in response.text and "My &amp; subject" in response.text


def test_mistakes_cost_nobody_his_turn(app, desk, post):
    client = app.test_client()
    for _ in range(8):
        assert post(client=client, subject="").status_code == 422
    assert post(client=client).status_code == 303


def test_whole_desk_takes_a_hundred_an_hour(app, desk, post):
    found = [post(ip=f"203.0.{n}.1", email=f"v{n}@e{n}.example").status_code for n in range(103)]
    assert found.count(303) == 100 and found[-3:] == [429] * 3


def test_trap_is_thanked_and_forgotten(app, desk, post):
    response = post(website="https://buy.example")
    assert (response.status_code, response.location) == (303, "/contact/thanks")
    assert tickets(app) == []


@pytest.mark.parametrize("bad", ["", "nonsense", "a.b.c"])
def test_stamp_that_is_not_ours_is_refused_with_the_words(app, desk, post, bad):
    response = post(stamp=bad, text="My words")
    assert response.status_code == 422 and "My words" in response.text
    assert tickets(app) == []


@pytest.mark.parametrize("ago_s, words", [(0.5, "faster than anybody"), (3 * 24 * 3600, "open for too long")])
def test_stamp_out_of_time_asks_once_more(app, desk, post, stamp, ago_s, words):
    response = post(stamp=stamp(ago_s=ago_s), text="My words")
    assert response.status_code == 422
    assert words in response.text and "My words" in response.text
    assert tickets(app) == []


def test_a_megabyte_of_text_is_refused_and_not_lost(app, desk, post):
    response = post(text="word " * 210_000)
    assert response.status_code == 422
    assert "too long" in response.text and response.text.count("word word word") > 1000
    assert tickets(app) == []


def test_too_many_or_too_large_files_are_refused(app, desk, post):
    many = [(io.BytesIO(b"x"), f"{n}.txt") for n in range(11)]
    assert "at most 10 files" in post(files=many).text
    large = [(io.BytesIO(b"x" * 6 * 1024 * 1024), f"{n}.bin") for n in range(2)]
    assert "may have 10 MB" in post(files=large).text
    assert tickets(app) == []
    with app.app_context():
        assert db.session.query(Comment).filter_by(is_unverified=True).count() == 0


@pytest.mark.parametrize(
    "fields",
    [{"email": "nobody"}, {"email": "a@b@c.example"}, {"email": ""}, {"subject": " "}, {"text": ""}, {"text": " \n "},
     {"category": "x"}, {"subject": "x" * 300}, {"name": "x" * 200}, {"email": "a" * 300 + "@b.example"}],
)  # fmt: skip
def test_bad_input_is_said_and_kept(app, desk, post, fields):
    response = post(**({"text": "Words I chose"} | fields))
    assert response.status_code == 422
    assert "text" in fields or "Words I chose" in response.text
    assert tickets(app) == []


def test_extra_fields_change_nothing(app, desk, post):
    post(status="closed", priority="urgent", assignee=str(desk["agent"]), role="admin", cc="x@evil.example",
         requester=str(desk["admin"]), form_key="x" * 24, account="999")  # fmt: skip
    (number,) = tickets(app)
    with app.app_context():
        ticket = db.session.query(Ticket).filter_by(number=number).one()
        assert (ticket.status, ticket.priority, ticket.assignee_id) == ("new", "medium", None)
        assert len(ticket.participants) == 1 and ticket.account_id == desk["account"]


def test_accounts_not_offered_take_nothing(app, desk, post):
    with app.app_context():
        factories.make_account("billing@desk.example", from_name="Billing")
        hidden = factories.make_account("alarms@desk.example", is_offered=False).id
    assert post(account=hidden).status_code == 422
    assert post(account=desk["account"]).status_code == 303


# the rules by themselves


def test_time_between_showing_and_sending():
    now = utcnow()
    found = [haste(now - ago, now=now) for ago in (timedelta(0), timedelta(seconds=3), timedelta(days=3))]
    assert found == [Haste.TOO_FAST, Haste.FINE, Haste.TOO_OLD]


def test_words_of_a_stranger_fit_one_line():
    assert one_line(" a\r\n\tb\u202e\u2028c\x00 ", 100) == "a b c"
    assert one_line("x" * 300, 100) == "x" * 100


def test_roles_count_on_own_domains_only():
    assert is_read_by_nobody("webmaster+a@desk.example", {"desk.example"})
    assert not is_read_by_nobody("webmaster@customer.example", {"desk.example"})
    assert is_read_by_nobody("do-not-reply@customer.example", {"desk.example"})
