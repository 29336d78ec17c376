"""The link under each notification: one click switches off, opening it changes nothing, and nobody can make one."""

import re

import pytest

from helpdesk.database import db, transaction
from helpdesk.models import User, UserAddress
from helpdesk.policy.audience import CUSTOMERS_KINDS, TEAMS_KINDS, Channel, Kind
from helpdesk.policy.audience_table import OFF_UNASKED
from helpdesk.services import mail_choices, preferences
from helpdesk.services.preferences import OFFERED
from tests.factories import CUSTOMER
from tests.services.outbox.told_mails import of_person, send_gathered, text_of
from tests.web.conftest import browser, csrf_of

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
MAILED_KINDS = tuple(kind for kind in TEAMS_KINDS if kind in OFFERED[Channel.MAIL])


def path_for(app, user_id, kind):
    with app.app_context(), transaction():  # a first link makes the desk's own id
        address = db.session.get(User, user_id).addresses[0]
        return mail_choices.url(address, kind).removeprefix(app.config["SITE_URL"])


def on(app, user_id):
    with app.app_context():
        return {kind for kind, is_on in preferences.wanted(db.session.get(User, user_id)).items() if is_on}


def language(app, user_id):
    with app.app_context():
        return db.session.get(User, user_id).language


def test_a_mail_programs_button_switches_this_kind_off_and_no_other(app, client, team):
    """Google and Yahoo send this from their own machines: no cookie, no form token, in either encoding."""
    path = path_for(app, team["customer"], Kind.CLOSED)
    others = set(CUSTOMERS_KINDS) - {Kind.CLOSED}
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        response = client.post(path, data=ONE_CLICK, content_type=kind)
        assert response.status_code == 200 and "no more of these mails" in response.text
        assert on(app, team["customer"]) == others


def test_whoever_opens_the_link_changes_nothing(app, team):
    path = path_for(app, team["customer"], Kind.RESOLVED)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert app.test_client().open(path, method=method).status_code == 200
    assert app.test_client().get(f"{path}?List-Unsubscribe=One-Click").status_code == 200
    assert app.test_client().post(path, data={"anything": "else"}).status_code == 400
    assert on(app, team["customer"]) == set(CUSTOMERS_KINDS)


@pytest.mark.parametrize(("who", "kinds"), [("customer", CUSTOMERS_KINDS), ("agent", MAILED_KINDS)])
def test_the_page_holds_all_switches_of_the_person_and_saves_them(app, client, team, who, kinds):
    path = path_for(app, team[who], kinds[0])
    page = client.get(path)
    unasked = [kind for kind in kinds if kind not in OFF_UNASKED[Channel.MAIL]]
    assert (page.text.count("check__box"), page.text.count(" checked")) == (len(kinds), len(unasked))
    assert "cannot be switched off" in page.text
    saved = client.post(
        f"{path}/choices", data={kinds[1].value: "y", "language": "de", "csrf_token": csrf_of(client, path)}
    )
    assert (saved.status_code, saved.location) == (303, path)
    assert (on(app, team[who]), language(app, team[who])) == ({kinds[1]}, "de")
    again = client.get(path).text
    assert 'lang="de"' in again and "Gespeichert." in again


def test_the_link_of_a_digest_switches_everything_off(app, client, team):
    path = path_for(app, team["agent"], None)
    assert "gathers mails of several kinds" in client.get(path).text and on(app, team["agent"])
    assert "no more of these mails" in client.post(path, data=ONE_CLICK).text
    assert on(app, team["agent"]) == set()


def test_a_form_of_another_site_saves_nothing(app, client, team):
    path = path_for(app, team["customer"], Kind.CLOSED)
    assert client.post(f"{path}/choices", data={}).status_code == 400
    assert on(app, team["customer"]) == set(CUSTOMERS_KINDS)


def test_dead_links_answer_the_same_bytes_whatever_is_wrong_with_them(app, client, team):
    good = path_for(app, team["customer"], Kind.CLOSED)
    number, kind, signature = good.rpartition("/")[2].split(".")
    foreign = path_for(app, team["agent"], Kind.NOTE).rpartition(".")[2]
    other = "a" if signature[0] != "a" else "b"
    tokens = [
        "x", "1", "..", f"{number}.{kind}.", f"{number}.{kind}.{other}{signature[1:]}", f"{number}.{kind}.{foreign}",
        f"{number}.ticket_created.{signature}", f"999.{kind}.{signature}", f"9999999999.{kind}.{signature}",
        f"{number}.digest.{signature}", f"{number}.every.{signature}", f"{number}.{kind}.{signature}a", f"{number}.{kind}.{signature}\u0131", f" {number}.{kind}.{signature}",
    ]  # fmt: skip
    answers = {client.get(f"/your-mails/{token}").data for token in tokens}
    answers |= {client.post(f"/your-mails/{token}", data=ONE_CLICK).data for token in tokens}
    with app.app_context(), transaction():
        db.session.get(User, team["customer"]).is_active = False
    for response in (client.get(good), client.post(good, data=ONE_CLICK)):
        assert response.status_code == 404
        answers.add(response.data)
    assert len(answers) == 1 and "no longer valid" in answers.pop().decode()
    assert on(app, team["customer"]) == set(CUSTOMERS_KINDS)


def test_a_link_ends_with_its_address_and_lives_through_a_new_key(app, team):
    path = path_for(app, team["customer"], Kind.CLOSED)
    secret = app.config["SECRET_KEY"]
    app.config["SECRET_KEY"], app.config["SECRET_KEY_FALLBACKS"] = (
        "another-key-0123456789-0123456789",
        [secret],
    )
    assert app.test_client().get(path).status_code == 200
    app.config["SECRET_KEY_FALLBACKS"] = []
    assert app.test_client().get(path).status_code == 404
    app.config["SECRET_KEY"] = secret
    with app.app_context(), transaction():
        db.session.query(UserAddress).filter_by(address=CUSTOMER).update({"address": "new@customer.example"})
    assert app.test_client().get(path).status_code == 404


def test_one_link_is_not_pressed_for_ever(app, client, team):
    path = path_for(app, team["customer"], Kind.CLOSED)
    found = [client.post(path, data=ONE_CLICK).status_code for _ in range(21)]
    assert set(found[:20]) == {200} and found[20] == 429


def test_every_notification_bears_its_link_and_a_persons_answer_none(app, team):
    with app.app_context():
        mails = send_gathered(team["account"])
        mail = of_person([m for m in mails if "Printer" in m["Subject"]], CUSTOMER)
        link = mail["List-Unsubscribe"].strip("<>")
        assert link in text_of(mail) and link in text_of(mail, "html")
        assert mail["List-Unsubscribe-Post"] is None  # the desk of the tests has no TLS
    client = browser(app)
    path = re.sub(r"https?://[^/]+", "", link)
    assert "Your message has arrived" in client.get(path).text
