"""Every rule x method x person, generated from the application's own map, on real clients."""

import pytest

from tests.web.conftest import browser, csrf_of
from tests.web.routes import ROUTES

PERSONS = ["anonymous", "customer", "other_customer", "other_agent", "agent", "admin"]
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def routes_of(app):
    return {
        f"{method} {rule.rule}": rule
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def address(app, rule, desk):
    """The rule's address with the desk's objects in it."""
    values = {
        "filename": "css/app.css", "version": "0" * 12, "token": desk["file"], "name": "log.txt", "act": "invite_again",
        "session_id": 1, "number": desk["ticket"], "comment_id": desk["comment"], "account_id": desk["account"],
        "user_id": desk["agent"], "email_id": desk["email"], "field": "status", "reply_id": desk["reply"],
        "colour": "0b6e69", "digest": "0" * 16, "key": "1-1", "position": 0,
        "participant_id": desk["participant"], "notification_id": desk["notification"],
        "what": "sending", "text": "ticket_created",
        "address_id": 0, "failure_id": 0, "tag_id": desk["tag"], "tray": "failed", "rule_id": desk["rule"],
    }  # fmt: skip
    if "/settings/" in rule.rule or "what" in rule.arguments:
        values["act"] = "release" if "/settings/" in rule.rule else "pause"
    values["act"] = {"trays.act_on": "discard", "tickets.set_aside": "restore"}.get(
        rule.endpoint, values["act"]
    )
    if rule.rule.endswith("/delete"):
        values["tag_id"] = desk["spare_tag"]  # the other one is still needed
    if "/files/" not in rule.rule:
        values["token"] = "nobody-was-given-this-token"
    return app.url_map.bind("localhost").build(rule.endpoint, {name: values[name] for name in rule.arguments})


def word(response):
    if response.status_code == 401 or (response.location or "").startswith("/sign-in?"):
        return "in"
    return "ok" if response.status_code in {200, 303, 422} else str(response.status_code)


def test_every_route_has_a_row_and_every_row_a_route(app):
    assert set(routes_of(app)) == set(ROUTES)


@pytest.mark.parametrize("person", PERSONS)
def test_each_person_may_do_exactly_what_the_table_says(app, desk, person):
    column = PERSONS.index(person)
    found = {}
    for name, rule in sorted(routes_of(app).items()):
        client = browser(app, desk.get(person))
        path, method = address(app, rule, desk), name.split()[0]
        data = {"csrf_token": csrf_of(client, "/profile")} if method in UNSAFE else None
        found[name] = word(client.open(path, method=method, data=data))
    assert found == {name: row[column] for name, row in ROUTES.items()}


def test_no_unsafe_method_works_without_its_token(app, desk):
    client = browser(app, desk["admin"])
    refused = {
        name: client.open(address(app, rule, desk), method=name.split()[0]).status_code
        for name, rule in routes_of(app).items()
        if name.split()[0] in UNSAFE
    }
    assert set(refused.values()) == {400}, refused


@pytest.mark.parametrize("person", PERSONS)
def test_get_changes_nothing(app, desk, person):
    client = browser(app, desk.get(person))
    before = desk.rows()
    for name, rule in routes_of(app).items():
        if name.startswith("GET "):
            client.get(address(app, rule, desk))
    assert desk.rows() == before


def test_unknown_and_foreign_tickets_answer_the_same_bytes(app, desk):
    client = browser(app, desk["customer"])
    foreign = client.get(f"/my/tickets/{desk['other_ticket']}")
    unknown = client.get("/my/tickets/999999")
    assert (foreign.status_code, foreign.data) == (unknown.status_code, unknown.data)
    assert client.get("/my/tickets/99999999999999999999").status_code == 404
