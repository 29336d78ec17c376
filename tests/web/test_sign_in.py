"""Signing in and out: sessions are rows, the cookie is nobody's to keep, strangers learn nothing."""

import pytest
from argon2 import PasswordHasher

from helpdesk.database import db, transaction
from helpdesk.models import User, UserSession
from helpdesk.services import links, profiles, sessions
from helpdesk.services.links import Purpose
from tests.factories import ADMIN, AGENT, CUSTOMER, PASSWORD, STRANGER
from tests.web.conftest import browser, csrf_of, send, sign_in

EVIL = ["//evil.example", "/\\evil.example", "///evil.example", "\\\\evil.example", "https://evil.example",
        "javascript:alert(1)", "/ok\r\nX: y", "/\tevil", " /evil", "evil.example", "/" + "a" * 600, ""]  # fmt: skip


def cookies(response):
    return {c.split("=", 1)[0]: c for c in response.headers.getlist("Set-Cookie")}


def test_it_works(app, client, team):
    assert sign_in(client, AGENT).location == "/tickets"
    assert "Nora Keller" in client.get("/profile").text


def test_customer_with_password_lands_on_own_tickets(client, team):
    assert sign_in(client, CUSTOMER).location == "/my/tickets"


@pytest.mark.parametrize(
    "email, password", [(AGENT, "wrong horse battery"), (STRANGER, PASSWORD), (AGENT, "x" * 100_000)]
)
def test_wrong_pair_says_the_same_for_everybody(client, team, email, password):
    response = sign_in(client, email, password)
    assert response.status_code == 422
    assert "Address and password do not belong together." in response.text
    assert password not in response.text
    assert client.get("/profile").status_code == 303


def test_unknown_people_cost_the_same_work_as_known_ones(client, team, monkeypatch):
    """A password is checked for everybody, even when there is none to check."""
    checked = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *args: checked.append(args[1]) or verify(*args))
    for email in (AGENT, STRANGER):
        sign_in(client, email, "wrong horse battery")
    assert len(checked) == 2
    parameters = [stored.split("$")[:4] for stored in checked]
    assert parameters[0] == parameters[1]


def test_hash_of_earlier_costs_is_made_anew_and_nobody_is_signed_out(app, client, team):
    def stored():
        with app.app_context():
            return db.session.get(User, team["agent"]).password_hash

    elsewhere = browser(app, team["agent"])
    before = stored()
    app.config["ARGON2"] = app.config["ARGON2"] | {"time_cost": 2}
    sign_in(client, AGENT, "wrong horse battery")
    assert stored() == before
    assert sign_in(client, AGENT).status_code == 303
    after = stored()
    assert "t=1" in before and "t=2" in after
    assert sign_in(app.test_client(), AGENT).status_code == 303
    assert stored() == after  # once is enough
    assert elsewhere.get("/profile").status_code == 200


def test_cookie_is_new_at_sign_in_and_hidden_from_scripts(client, team):
    name = client.application.config["SESSION_COOKIE_NAME"]
    client.get("/sign-in")
    before = client.get_cookie(name).value
    response = sign_in(client, AGENT)
    cookie = cookies(response)[name]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert client.get_cookie(name).value != before
    assert set(cookies(response)) == {name}  # no remember cookie


def test_what_was_in_the_cookie_before_does_not_survive(client, team):
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    sign_in(client, AGENT)
    with client.session_transaction() as session:
        assert "planted" not in session


def test_sign_out_ends_the_session_on_the_server(app, client, team):
    sign_in(client, AGENT)
    name = app.config["SESSION_COOKIE_NAME"]
    stolen = client.get_cookie(name).value
    assert send(client, "/sign-out").status_code == 303
    thief = app.test_client()
    thief.set_cookie(name, stolen)
    assert thief.get("/profile").status_code == 303
    with app.app_context():
        assert db.session.query(UserSession).count() == 0


def test_deactivation_ends_it_at_once(app, client, team):
    sign_in(client, AGENT)
    with app.app_context(), transaction():
        db.session.get(User, team["agent"]).is_active = False
    assert client.get("/profile").status_code == 303


def test_new_password_ends_all_other_sessions(app, team):
    here, there = app.test_client(), app.test_client()
    sign_in(here, AGENT), sign_in(there, AGENT)
    response = send(here, "/profile/password", current=PASSWORD, password="a quite different sentence")
    assert response.status_code == 303
    assert here.get("/profile").status_code == 200
    assert there.get("/profile").status_code == 303
    assert sign_in(there, AGENT).status_code == 422
    assert sign_in(there, AGENT, "a quite different sentence").status_code == 303


@pytest.mark.parametrize("current, new, words", [
    ("wrong horse battery", "a quite different sentence", "not your current password"),
    (PASSWORD, "short", "at least 12"),
    (PASSWORD, "passwordpassword", "too easy"),
    ("", "a quite different sentence", "enter your password"),
])  # fmt: skip
def test_password_change_is_refused_with_the_reason(app, client, team, current, new, words):
    sign_in(client, AGENT)
    response = send(client, "/profile/password", current=current, password=new)
    assert response.status_code == 422
    assert words in response.text
    assert sign_in(app.test_client(), AGENT).status_code == 303


def test_own_sessions_are_listed_and_ended_one_by_one(app, team):
    here, there = app.test_client(), app.test_client()
    sign_in(here, AGENT), sign_in(there, AGENT)
    with app.app_context():
        other = max(s.id for s in sessions.of_user(db.session.get(User, team["agent"])))
    assert here.get("/profile").text.count("Sign out there") == 1
    send(here, f"/profile/sessions/{other}/end")
    assert there.get("/profile").status_code == 303
    assert here.get("/profile").status_code == 200


def test_nobody_ends_the_session_of_somebody_else(app, team):
    agent, admin = app.test_client(), app.test_client()
    sign_in(agent, AGENT), sign_in(admin, ADMIN)
    with app.app_context():
        foreign = sessions.of_user(db.session.get(User, team["admin"]))[0].id
    send(agent, f"/profile/sessions/{foreign}/end")
    assert admin.get("/profile").status_code == 200


def test_idle_session_ends(app, client, team):
    sign_in(client, AGENT)
    with app.app_context(), transaction():
        for row in db.session.query(UserSession):
            row.last_seen_at = row.last_seen_at.replace(year=2020)
    assert client.get("/profile").status_code == 303


@pytest.mark.parametrize("target", EVIL)
def test_next_never_leads_away(client, team, target):
    token = csrf_of(client)
    data = {"email": AGENT, "password": PASSWORD, "csrf_token": token}
    assert client.post("/sign-in", query_string={"next": target}, data=data).location == "/tickets"


def test_next_leads_back_to_the_page_asked_for(client, team):
    response = client.get("/profile?tab=1")
    assert response.location == "/sign-in?next=/profile?tab%3D1"
    token = csrf_of(client)
    data = {"email": AGENT, "password": PASSWORD, "csrf_token": token}
    assert client.post(response.location, data=data).location == "/profile?tab=1"


def test_tries_are_limited_per_address_without_redis(app, client, team):
    token = csrf_of(client)
    data = {"email": AGENT, "password": "wrong horse battery", "csrf_token": token}
    answers = [client.post("/sign-in", data=data).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
    refused = client.post("/sign-in", data=data | {"password": PASSWORD})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert client.get("/sign-in").status_code == 200
    assert client.post("/sign-in", data=data | {"email": ADMIN, "password": PASSWORD}).status_code == 303


def test_tries_are_limited_per_machine(client, team):
    token = csrf_of(client)
    answers = [
        client.post(
            "/sign-in", data={"email": f"a{n}@b.example", "password": "x", "csrf_token": token}
        ).status_code
        for n in range(31)
    ]
    assert answers == [422] * 30 + [429]


def test_extra_fields_of_the_profile_change_nothing(app, client, team):
    sign_in(client, AGENT)
    send(client, "/profile", name="Nora", language="de", timezone="Europe/Berlin", role="admin", is_active="0",
         password_hash="x", id="1")  # fmt: skip
    with app.app_context():
        user = db.session.get(User, team["agent"])
        assert (user.name, user.language, user.timezone) == ("Nora", "de", "Europe/Berlin")
        assert (user.role, user.is_active) == ("agent", True)
        assert user.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize("field, value", [("timezone", "Mars/Base"), ("language", "xx"), ("name", "n" * 300)])
def test_profile_refuses_what_is_none(app, client, team, field, value):
    sign_in(client, AGENT)
    fields = {"name": "Nora", "language": "", "timezone": ""} | {field: value}
    assert send(client, "/profile", **fields).status_code == 422


def test_password_change_ends_open_links(app, team):
    with app.app_context():
        with transaction():
            user = db.session.get(User, team["agent"])
            token = links.issue(Purpose.SIGN_IN, user, user.addresses[0])
        with transaction():
            profiles.set_password(db.session.get(User, team["agent"]), "hash", actor=user)
        assert links.find(token, Purpose.SIGN_IN) is None


def test_neighbours_in_one_ipv6_network_share_their_tries(app, team):
    client = app.test_client()
    token = csrf_of(client, "/sign-in")
    found = [
        client.post(
            "/sign-in", data={"email": f"v{n}@e.example", "password": "wrong", "csrf_token": token},
            environ_base={"REMOTE_ADDR": f"2001:db8:1:2::{n:x}"},
        ).status_code
        for n in range(1, 33)
    ]  # fmt: skip
    assert found[-1] == 429
