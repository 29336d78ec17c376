"""The settings of the desk: what is typed is checked, what the environment says stays, and it shows where it should."""

import io
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from helpdesk.database import as_of, db, transaction
from helpdesk.models import EmailAccount, Event, Setting, User
from helpdesk.policy.audience import Kind
from helpdesk.services import preferences, settings, templates
from helpdesk.web.admin import words
from tests.web.conftest import browser, csrf_of, send

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
VALUES = {
    "desk_name": "Fjord Office", "accent": "#8a2be2", "timezone": "Europe/Berlin", "language": "de",
    "number_format": "HD-{number}", "session_idle_hours": "24", "session_max_days": "7", "retention_days": "90",
    "auto_close_days": "7", "undo_seconds": "15", "mailed": [kind.value for kind in Kind if kind is not Kind.HELD],
}  # fmt: skip


@pytest.fixture
def admin(app, desk):
    return browser(app, desk["admin"])


def stored(app):
    with app.app_context():
        return {row.name: row.value for row in db.session.scalars(select(Setting))}


def test_what_was_saved_shows_on_every_page(app, desk, admin):
    assert send(admin, "/admin/settings", **VALUES).status_code == 303
    page = admin.get("/tickets").text
    assert "Fjord Office" in page and f"HD-{desk['ticket']}" in page
    assert '<link rel="stylesheet" href="/look/8a2be2.css">' in page
    style = app.test_client().get("/look/8a2be2.css")
    assert style.mimetype == "text/css" and "immutable" in style.headers["Cache-Control"]
    assert re.search(r"--accent: light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\);", style.text)
    assert app.test_client().get("/look/0b6e69.css").status_code == 404
    with app.app_context():
        mail = templates.render("test", language="en", desk_name="", account_email="", url="/")
        assert settings.palette().accent[0] in mail.html and "#0b6e69" not in mail.html


def test_business_hours_are_saved_in_one_form_and_a_wrong_line_is_told_where_it_stands(app, desk, admin):
    week = {
        "business_hours-mon": "9-17",
        "business_hours-sat": "10am-2pm",
        "business_hours-holidays": "12-25",
    }
    assert send(admin, "/admin/settings", **VALUES, **week).status_code == 303
    kept = stored(app)["business_hours"]
    assert (kept["mon"], kept["tue"], kept["sat"], kept["holidays"]) == (
        "09:00-17:00",
        "",
        "10:00-14:00",
        ["12-25"],
    )
    assert "mon 09:00-17:00, sat 10:00-14:00, holidays 12-25" in admin.get("/admin/audit").text
    with as_of(datetime(2026, 11, 21, 10, tzinfo=UTC)):  # a Saturday, 11:00 in Berlin
        assert "Helpdesk geöffnet" in admin.get("/admin/settings").text
    with as_of(datetime(2026, 11, 21, 14, tzinfo=UTC)):
        assert "geschlossen, bis Montag, 09:00 Uhr" in admin.get("/admin/settings").text
    wrong = send(admin, "/admin/settings", **VALUES, **(week | {"business_hours-tue": "9 to noon"}))
    assert wrong.status_code == 422
    assert '<a href="#business_hours-tue">' in wrong.text and 'value="10am-2pm"' in wrong.text
    assert stored(app)["business_hours"] == kept


def test_every_change_is_an_event_with_its_values(app, desk, admin):
    send(admin, "/admin/settings", **VALUES)
    with app.app_context():
        rows = select(Event).where(Event.type == "settings.changed")
        changes = {event.data["name"]: event for event in db.session.scalars(rows)}
        assert changes["retention_days"].data == {"name": "retention_days", "before": 365, "after": 90}
        assert {event.actor_id for event in changes.values()} == {desk["admin"]}
    assert set(settings.RULES) <= set(words.SETTINGS)  # every setting is called there what its page calls it
    text = admin.get("/admin/audit").text
    assert "Mails im Original aufbewahren" in text and "retention_days" not in text  # German was just chosen
    assert "365 → 90" in text


def test_an_old_number_format_is_still_understood(app, admin):
    send(admin, "/admin/settings", **(VALUES | {"number_format": "Q{number}Z"}))
    send(admin, "/admin/settings", **VALUES)
    with app.app_context():
        assert settings.number_formats() == ["HD-{number}", "Q{number}Z", "TKT-{year}-{number:05d}"]


@pytest.mark.parametrize("field, value, words", [
    ("desk_name", "", "enter a name"), ("desk_name", "x" * 81, "1 to 80"), ("accent", "red", "six digits"),
    ("accent", "#0b6e69;} body{", "cannot be used"), ("timezone", "Mars/Olympus", "valid choice"), ("language", "tlh", "valid choice"),
    ("number_format", "TKT", "{number}"), ("number_format", "{number:0999999999d}", "{number}"), ("session_idle_hours", "0", "from 1 to"),
    ("retention_days", "-1", "from 1 to"), ("retention_days", "many", "valid integer"), ("session_max_days", "", "enter a number"),
])  # fmt: skip
def test_bad_values_are_refused_and_nothing_is_stored(app, admin, field, value, words):
    before = stored(app)
    response = send(admin, "/admin/settings", **(VALUES | {field: value}))
    assert response.status_code == 422
    assert words in response.text
    assert "Fjord Office" in response.text or field == "desk_name"
    assert stored(app) == before


def test_what_the_environment_says_cannot_be_changed_here(app, desk, admin):
    app.config["TIMEZONE"] = "Asia/Tokyo"
    page = admin.get("/admin/settings").text
    assert "Set by TIMEZONE in the environment" in page
    assert send(admin, "/admin/settings", **VALUES).status_code == 303
    with app.app_context():
        assert settings.zone_name() == "Asia/Tokyo"
    assert "timezone" not in stored(app)


def test_a_preview_shows_the_number_and_saves_nothing(app, admin):
    before = stored(app)
    text = send(admin, "/admin/settings", **(VALUES | {"do": "preview"})).text
    assert "HD-7" in text and "HD-1234" in text
    assert stored(app) == before


def test_a_kind_of_mail_is_switched_off_for_everybody(app, desk, admin):
    agent = browser(app, desk["agent"])
    assert 'name="ticket_overdue"' in agent.get("/profile").text
    mailed = [kind.value for kind in Kind if kind not in (Kind.OVERDUE, Kind.HELD)]
    assert send(admin, "/admin/settings", **(VALUES | {"mailed": mailed})).status_code == 303
    assert stored(app)["silenced"] == ["ticket_overdue"]
    assert (
        'name="ticket_overdue"' not in agent.get("/profile").text
    )  # a switch would promise what never comes
    send(agent, "/profile/notifications", ticket_assigned="y")
    with app.app_context():
        user = db.session.get(User, desk["agent"])
        assert preferences.is_muted(user, Kind.OVERDUE) and not preferences.is_muted(user, Kind.ASSIGNED)
    send(admin, "/admin/settings", **VALUES)
    with app.app_context():  # his own choice was never asked about it
        assert not preferences.is_muted(db.session.get(User, desk["agent"]), Kind.OVERDUE)
    assert send(admin, "/admin/settings", **(VALUES | {"mailed": ["everything"]})).status_code == 422
    assert "– → ticket_overdue" in admin.get("/admin/audit").text


def upload(client, data):
    form = {"csrf_token": csrf_of(client, "/profile"), "logo": (io.BytesIO(data), "logo.png")}
    return client.post("/admin/settings/logo", data=form, follow_redirects=True)


def test_a_logo_is_served_as_the_picture_it_is(app, admin):
    assert "logo was changed" in upload(admin, PNG).text
    address = re.search(r'src="(/look/logo/[0-9a-f]{16})"', admin.get("/tickets").text)[1]
    response = app.test_client().get(address)
    assert (response.data, response.content_type) == (PNG, "image/png")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("sandbox")
    send(admin, "/admin/settings/logo/remove")
    assert app.test_client().get(address).status_code == 404


@pytest.mark.parametrize(
    "data", [b"", b"<svg onload=alert(1)>", b"GIF89a", b"RIFFxxxxAVI ", PNG + b"\0" * 250_000]
)
def test_what_is_no_small_picture_is_no_logo(app, admin, data):
    text = upload(admin, data).text
    assert any(words in text for words in ("choose a picture", "PNG, JPEG or WebP", "too large"))
    assert "/look/logo/" not in admin.get("/tickets").text


def test_holding_is_said_on_every_page_of_the_team_and_only_admins_release(app, desk, admin):
    agent, customer = browser(app, desk["agent"]), browser(app, desk["customer"])
    send(admin, "/admin/settings/hold")
    for client, sees_button in ((admin, True), (agent, False)):
        text = client.get("/tickets").text
        assert "Sending is on hold" in text
        assert ("/admin/settings/release" in text) is sees_button
    assert "on hold" not in customer.get("/my/tickets").text
    assert send(agent, "/admin/settings/release").status_code == 403
    assert send(admin, "/admin/settings/release", next="/tickets").location == "/tickets"
    assert "Sending is on hold" not in admin.get("/tickets").text


@pytest.mark.parametrize("backend", ["console", "file", "dummy"])
def test_admins_are_told_on_every_page_that_no_mail_leaves(app, desk, admin, backend):
    app.config["EMAIL_BACKEND"] = backend
    words = f"No mail leaves the desk: EMAIL_BACKEND={backend}"
    assert words in admin.get("/tickets").text
    assert admin.get("/admin/health").text.count(words) == 2  # above the page, and as a part with what to do
    assert words not in browser(app, desk["agent"]).get("/tickets").text


def test_an_account_that_fails_is_said_to_those_who_work_on_it(app, desk):
    with app.app_context(), transaction() as session:
        account = session.get(EmailAccount, desk["account"])
        account.consecutive_failures, account.last_error = 3, "The server refused the login."
    assert "refused the login" in browser(app, desk["agent"]).get("/tickets").text
    assert "refused the login" not in browser(app, desk["other_agent"]).get("/tickets").text


def test_a_setting_taken_back_with_a_savepoint_counts_no_more(app):
    with app.app_context(), transaction() as session:
        savepoint = session.begin_nested()
        settings.put("desk_name", "Fjord Office")
        assert settings.desk_name() == "Fjord Office"
        savepoint.rollback()
        assert settings.desk_name() == "Helpdesk"
