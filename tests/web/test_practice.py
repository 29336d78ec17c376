"""The practice mailbox: who may use it, and a mail written there going the whole way in and out."""

import re

import pytest

from helpdesk.database import db, transaction
from helpdesk.models import EmailAccount, User
from helpdesk.services import accounts, fetch, practice, replies
from helpdesk.services.ingest import process
from helpdesk.services.outbox import deliver
from helpdesk.transports.maildir import deposit
from tests import factories
from tests.web.conftest import browser, csrf_of

AWAY = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture
def desk(app):
    """A practice mailbox with the people of the four roles; ids by name."""
    with app.app_context():
        admin = factories.make_admin()
        with transaction():
            account_id = practice.start(actor=db.session.get(User, admin.id)).id
        account = db.session.get(EmailAccount, account_id)
        people = {
            "admin": admin.id,
            "agent": factories.make_agent(accounts=[account]).id,
            "customer": factories.make_customer(password=factories.PASSWORD).id,
        }
        return people | {"account": account_id}


def write(client, desk, **fields):
    data = {
        "name": "Jonas Berg", "email": "jonas@customer.example", "account": desk["account"],
        "subject": "Printer", "text": "It does not print.", "csrf_token": csrf_of(client, "/practice"),
    }  # fmt: skip
    return client.post("/practice", data=data | fields)


def work(app, desk):
    """What the workers do, once."""
    with app.app_context():
        assert not fetch.fetch_account(desk["account"], force=True).error
        process.drain()
        deliver.drain(desk["account"])


def keys_of(client):
    return list(dict.fromkeys(re.findall(r"mail=(\d+-\d+)[^#\"]*#mail", client.get("/practice").text)))


def test_a_mail_written_here_becomes_a_ticket_and_its_answer_a_comment(app, desk):
    client = browser(app, desk["admin"])
    wrote = write(client, desk)
    assert wrote.status_code == 303
    page = client.get(wrote.location).text
    assert "On its way" in page
    again = re.search(r'href="([^"]+)">Look again', page)[1]
    assert "#" not in again  # a browser that is there already would only scroll, and ask for nothing
    work(app, desk)
    page = client.get(wrote.location).text
    number = int(re.search(r"/tickets/(\d+)", page)[1])
    assert "It became ticket" in page
    with app.app_context():
        word = wrote.location.partition("wrote=")[2].partition("#")[0]
        ticket = practice.fate(word).ticket
        agent = db.session.get(User, desk["agent"])
        prepared = replies.prepare(ticket, "Please try the other tray.", [], actor=agent)
        with transaction():
            replies.send(practice.fate(word).ticket, prepared, actor=db.session.get(User, desk["agent"]))
    work(app, desk)
    keys = keys_of(client)
    assert len(keys) == 2  # the acknowledgement and the answer
    answer = client.get(f"/practice?answer={keys[0]}").text
    assert "Re: " in answer
    assert "&gt; Please try the other" in answer
    again = write(client, desk, answer_to=keys[0], subject="Re: whatever", text="Thank you, it prints.")
    work(app, desk)
    page = client.get(again.location).text
    assert "It was added to ticket" in page
    assert f"/tickets/{number}" in page
    assert "Thank you, it prints." in client.get(f"/tickets/{number}").text


def test_an_open_mail_shows_its_words_its_headers_and_its_files(app, desk):
    client = browser(app, desk["admin"])
    with app.app_context():
        raw = factories.make_mail(
            sender="desk@desk.example", to="jonas@customer.example", subject="A <b>file</b>", text="Here it is.",
            html='<div style="display:none;max-height:0">Only in lists.</div><p>Here <script>alert(1)</script>it is.</p>',
            files=[("a.html", "text/html", b"<script>x</script>")],
        )  # fmt: skip
        deposit(accounts.practice_path(accounts.get(desk["account"])) / "out", raw)
    key = keys_of(client)[0]
    page = client.get(f"/practice?mail={key}").text
    assert "A &lt;b&gt;file&lt;/b&gt;" in page
    assert "Message-ID: " in page
    frame = client.get(f"/practice/mails/{key}/html", headers={"Sec-Fetch-Dest": "iframe"})
    assert "script" not in frame.text
    assert "Only in lists." not in frame.text
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert (
        client.get(f"/practice/mails/{key}/html", headers={"Sec-Fetch-Dest": "document"}).status_code == 404
    )
    file = client.get(f"/practice/mails/{key}/files/0")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.mimetype == "application/octet-stream"
    assert client.get(f"/practice/mails/{key}/source").data == raw


def test_mail_that_is_written_into_files_is_read_here_too(app, desk, tmp_path):
    app.config.update(EMAIL_BACKEND="file", EMAIL_FILE_PATH=str(tmp_path / "drop"))
    client = browser(app, desk["admin"])
    write(client, desk)
    work(app, desk)
    (file,) = (tmp_path / "drop" / "support@practice.example").glob("*.eml")
    (key,) = keys_of(client)
    assert client.get(f"/practice/mails/{key}/source").data == file.read_bytes()
    assert "Printer" in client.get(f"/practice?mail={key}").text
    again = write(client, desk, answer_to=key, subject="Re: Printer", text="One thing more.")
    work(app, desk)
    assert "It was added to ticket" in client.get(again.location).text


def test_beside_a_real_account_its_files_are_for_admins_alone(app, desk, tmp_path):
    with app.app_context():
        real = factories.make_account(outgoing_protocol="file")
        with transaction():
            practice.remove(desk["account"], actor=db.session.get(User, desk["admin"]))
        app.config["EMAIL_FILE_PATH"] = str(tmp_path)
        accounts.sender_of(real).send("", ["x@y.example"], factories.make_mail(subject="A link to sign in"))
    assert "A link to sign in" in browser(app, desk["admin"]).get("/practice").text
    assert browser(app, desk["agent"]).get("/practice").status_code == 403
    app.config["EMAIL_BACKEND"] = "smtp"
    assert browser(app, desk["admin"]).get("/practice").status_code == 404


@pytest.mark.parametrize(
    "key", ["1-999", "1-", "1-x", "1-../../secret", "1-²", "99-1", "../1", "1-" + "9" * 40, ""]
)
def test_keys_that_name_no_mail_are_not_found(app, desk, key):
    client = browser(app, desk["admin"])
    assert client.get(f"/practice/mails/{key}/source").status_code == 404


def test_files_with_hostile_names_are_only_ever_numbers(app, desk):
    client = browser(app, desk["admin"])
    with app.app_context():
        out = accounts.practice_path(accounts.get(desk["account"])) / "out"
        deposit(out, factories.make_mail(subject="Good"))
        (out / "new" / "1.\n<img src=x onerror=alert(1)>:2,S").write_bytes(factories.make_mail(subject="Odd"))
        (out / "new" / "2.-rf --").write_bytes(b"\xff\xfe not a mail at all")
        (out / "new" / "3.folder").mkdir()
        (out / "cur" / "4.link").symlink_to("/etc/passwd")
    page = client.get("/practice").text
    assert "onerror" not in page
    assert "Good" in page and "Odd" in page
    assert "root:" not in "".join(
        str(client.get(f"/practice/mails/{k}/source").data) for k in keys_of(client)
    )


def test_whoever_sits_at_the_machine_may_practise_signed_in_or_not(app, desk):
    for person in (None, "agent", "customer", "admin"):
        client = browser(app, desk.get(person))
        assert client.get("/practice").status_code == 200
        assert write(client, desk).status_code == 303


def test_from_elsewhere_only_admins_may_practise(app, desk):
    assert browser(app, desk["admin"]).get("/practice", environ_base=AWAY).status_code == 200
    assert browser(app, desk["agent"]).get("/practice", environ_base=AWAY).status_code == 403
    assert browser(app, desk["customer"]).get("/practice", environ_base=AWAY).status_code == 403
    assert browser(app).get("/practice", environ_base=AWAY).location.startswith("/sign-in?")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": ""}, {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"}, {"Via": "1.1 proxy"},
    ],
)  # fmt: skip
def test_a_request_that_was_passed_on_is_not_from_this_machine(app, desk, headers):
    client = browser(app, desk["agent"])
    assert client.get("/practice", headers=headers).status_code == 403
    assert client.get("/practice", headers=headers, environ_base=AWAY).status_code == 403
    assert client.get("/practice/mails/1-1/source", headers=headers).status_code == 404


def test_a_desk_that_others_reach_lets_only_admins_practise(app, desk):
    for setting, value in (("BIND", "0.0.0.0"), ("TRUSTED_PROXIES", 1)):
        before = app.config[setting]
        app.config[setting] = value
        assert browser(app, desk["agent"]).get("/practice").status_code == 403
        assert browser(app, desk["admin"]).get("/practice").status_code == 200
        app.config[setting] = before


def test_a_foreign_name_that_leads_here_is_not_this_machine(app, desk):
    app.config["TRUSTED_HOSTS"] = [*app.config["TRUSTED_HOSTS"], "desk.evil.example"]
    client = browser(app)
    assert client.get("/practice", base_url="http://desk.evil.example").location.startswith("/sign-in?")


def test_it_steps_aside_for_a_real_account_and_its_tickets_stay(app, desk):
    client = browser(app, desk["admin"])
    write(client, desk)
    work(app, desk)
    assert "/practice" in client.get("/tickets").text
    with app.app_context():
        factories.make_account()
    assert client.get("/practice").status_code == 404
    page = client.get("/tickets").text
    assert "/practice" not in page
    assert "Printer" in page


def test_an_admin_puts_it_away_and_takes_it_up_again(app, desk):
    client = browser(app, desk["admin"])
    write(client, desk)
    work(app, desk)
    token = csrf_of(client, "/practice")
    assert client.post(f"/practice/{desk['account']}/remove", data={"csrf_token": token}).status_code == 303
    with app.app_context():
        assert not accounts.practice_path(accounts.get(desk["account"])).exists()
    assert "Start the practice mailbox" in client.get("/practice").text
    assert "Printer" in client.get("/tickets").text
    client.post("/practice/start", data={"csrf_token": token})
    assert write(client, desk, subject="Again").status_code == 303
    work(app, desk)
    assert "Again" in client.get("/tickets").text


@pytest.mark.parametrize(
    "fields",
    [{"email": "nobody"}, {"email": "a@b.example\r\nBcc: x@y.example"}, {"text": ""}, {"account": 99}],
)
def test_what_cannot_be_sent_keeps_what_was_typed(app, desk, fields):
    client = browser(app, desk["admin"])
    answer = write(client, desk, **({"text": "Many words", "subject": "Typed"} | fields))
    assert answer.status_code == 422
    assert "Typed" in answer.text
    with app.app_context():
        folder = accounts.practice_path(accounts.get(desk["account"])) / "in" / "new"
        assert not list(folder.glob("*"))


def test_links_go_through_a_real_account_once_there_is_one(app, desk):
    with app.app_context():
        real = factories.make_account().id
        from helpdesk.services import sign_in_links
        from helpdesk.services.links import Purpose

        with transaction():
            sign_in_links.send(Purpose.SIGN_IN, factories.CUSTOMER)
        sent = db.session.execute(db.text("SELECT account_id FROM email_message WHERE direction = 'out'"))
        assert [row.account_id for row in sent] == [real]
