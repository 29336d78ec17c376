"""What every response carries and every request must meet."""

import re

import pytest

from helpdesk.database import db, transaction
from helpdesk.models import UserSession
from helpdesk.web.access import require
from helpdesk.web.security import PAGE_POLICY, cookie_name, safe_next
from tests.conftest import make_app
from tests.factories import AGENT
from tests.web.conftest import csrf_of, send, sign_in

ALWAYS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
PAGES = ["/", "/sign-in", "/nothing/here", "/profile", "/health", "/static/css/app.css", "/sign-in/link/none"]


@pytest.mark.parametrize("path", PAGES)
def test_every_response_carries_the_headers(client, path):
    response = client.get(path)
    assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "Strict-Transport-Security" not in response.headers
    if not path.startswith("/static"):
        assert response.headers["Cache-Control"] == "no-store"


def test_style_sheets_are_public_and_kept(client):
    address = re.search(r'href="(/assets/[^"]+app.css)"', client.get("/sign-in").text)[1]
    response = client.get(address)
    assert response.status_code == 200
    assert "immutable" in response.headers["Cache-Control"]
    assert client.get("/assets/none/css/app.css").headers["Cache-Control"] == "no-store"


def test_refused_hosts_and_methods_and_large_bodies_carry_them_too(app, client):
    app.config["MAX_CONTENT_LENGTH"] = 1000
    for response, status in [
        (client.get("/", headers={"Host": "evil.example"}), 400),
        (client.delete("/health"), 405),
        (client.post("/sign-in", data={"email": "x" * 5000}), 413),
        (client.post("/sign-in"), 400),
    ]:
        assert response.status_code == status
        assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8000", "a b", "localhost@evil.example"]
)
def test_foreign_host_is_refused_and_never_echoed(client, host):
    response = client.get("/sign-in", headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.text.replace("SITE_URL", "")


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:9"])
def test_own_names_are_answered(client, host):
    assert client.get("/sign-in", headers={"Host": host}).status_code == 200


def test_site_url_and_trusted_hosts_are_answered(tmp_path, sqlite_template):
    app = make_app(
        tmp_path,
        f"sqlite:///{sqlite_template}",
        SITE_URL="https://desk.example",
        TRUSTED_HOSTS=["other.example"],
    )
    client = app.test_client()
    for host in ("desk.example", "other.example"):
        response = client.get("/sign-in", headers={"Host": host})
        assert response.status_code == 200
        assert response.headers["Strict-Transport-Security"].startswith("max-age=")
    assert client.get("/sign-in", headers={"Host": "third.example"}).status_code == 400


def test_cookie_over_https_is_bound_to_the_host(tmp_path, sqlite_template):
    app = make_app(tmp_path, f"sqlite:///{sqlite_template}", SITE_URL="https://desk.example")
    response = app.test_client().get("/sign-in", base_url="https://desk.example")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-helpdesk_")
    assert "Secure" in cookie and "Domain" not in cookie


def test_two_desks_on_one_machine_have_two_cookies(tmp_path):
    first, second = (make_app(tmp_path / name, f"sqlite:///{tmp_path}/{name}.db") for name in "ab")
    assert cookie_name(first) != cookie_name(second)


def test_forwarded_headers_count_only_behind_a_configured_proxy(tmp_path, sqlite_template):
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "198.51.100.7"}
    url = f"sqlite:///{sqlite_template}"
    plain = make_app(tmp_path / "a", url).test_client()
    assert plain.get("/sign-in", headers=forwarded).status_code == 200
    behind = make_app(tmp_path / "b", url, TRUSTED_PROXIES=1).test_client()
    assert behind.get("/sign-in", headers=forwarded).status_code == 400


@pytest.mark.parametrize("target", ["/", "/tickets/4?x=1#c", "/my/tickets", "/ä"])
def test_safe_next_takes_own_paths(target):
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target", [None, "", "//x", "/\\x", "\\\\x", "http://x", "/a\x00", "/a\nb", "/a\x85", "a", "/x\\y"]
)
def test_safe_next_takes_nothing_else(target):
    assert safe_next(target) is None


def test_lost_token_gives_the_typed_text_back_but_no_password(client, team):
    sign_in(client, AGENT)
    text = "Dear Jonas,\nthe printer wants <b>paper</b> & patience."
    response = client.post("/profile", data={"name": text, "password": "a secret sentence here"})
    assert response.status_code == 400
    assert "the printer wants &lt;b&gt;paper&lt;/b&gt; &amp; patience." in response.text
    assert "a secret sentence here" not in response.text


def test_ended_session_gives_the_typed_text_back(app, client, team):
    sign_in(client, AGENT)
    token = csrf_of(client, "/profile")
    text = "An answer that took half an hour to write."
    with app.app_context(), transaction():
        db.session.query(UserSession).delete()
    response = client.post("/profile", data={"name": text, "csrf_token": token})
    assert response.status_code == 401
    assert text in response.text
    assert "/sign-in" in response.text


def test_token_of_another_session_is_refused(app, team):
    victim, attacker = app.test_client(), app.test_client()
    sign_in(victim, AGENT)
    response = victim.post("/profile", data={"name": "x", "csrf_token": csrf_of(attacker)})
    assert response.status_code == 400


def test_body_beyond_the_largest_mail_is_refused_before_it_is_read(client):
    kind = "application/x-www-form-urlencoded"
    for megabytes, status in ((41, 413), (39, 400)):
        announced = {"CONTENT_LENGTH": str(megabytes * 1024 * 1024)}
        response = client.post("/sign-in", content_type=kind, environ_overrides=announced)
        assert response.status_code == status


def test_defect_shows_a_number_and_no_detail(app, client, caplog):
    @require("anyone")
    def broken():
        raise RuntimeError("a secret detail")

    app.add_url_rule("/broken", view_func=broken)
    response = client.get("/broken")
    assert response.status_code == 500
    assert "a secret detail" not in response.text
    assert "RuntimeError" not in response.text
    incident = next(r.getMessage() for r in caplog.records if "incident=" in r.getMessage())
    assert incident.split("incident=")[1].split()[0] in response.text


def test_view_that_declares_nobody_is_refused_to_everybody(app, client, team):
    app.add_url_rule("/forgotten", view_func=lambda: "open")
    assert client.get("/forgotten").status_code == 404
    sign_in(client, "ada@desk.example")
    assert client.get("/forgotten").status_code == 404


def test_health_says_what_runs(client):
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json == {
        "status": "degraded",
        "database": True,
        "redis": False,
        "worker": False,
        "scheduler": False,
    }


def test_health_is_503_without_its_database(tmp_path, sqlite_template):
    path = tmp_path / "desk.sqlite3"
    path.mkdir()  # a folder is no database
    response = make_app(tmp_path / "instance", f"sqlite:///{path}").test_client().get("/health")
    assert response.status_code == 503
    assert response.json["status"] == "down"


def test_theme_is_a_cookie_and_changes_nothing_else(client):
    response = client.post("/theme", data={"theme": "dark", "next": "//evil", "csrf_token": csrf_of(client)})
    assert response.location == "/"
    assert 'data-theme="dark"' in client.get("/sign-in").text
    send(client, "/theme", "/sign-in", theme="purple")
    assert 'data-theme="dark"' in client.get("/sign-in").text


def test_nul_is_refused_wherever_it_comes_in(client, team):
    for path in ("/files/%00/x", "/sign-in?next=%00", "/invitation/a%00b"):
        assert client.get(path).status_code == 404
    sign_in(client, AGENT)
    response = send(client, "/profile", name="Nora \x00 Keller and more words", language="", timezone="")
    assert response.status_code == 422
    assert "cannot be stored" in response.text
