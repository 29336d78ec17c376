"""Tags on the ticket's page and in the list, and kept in order by admins."""

import pytest

from tests.factories import AGENT
from tests.web.conftest import browser, send, sign_in


@pytest.fixture
def agent(client, team):
    sign_in(client, AGENT)
    return client


def test_tags_are_added_shown_filtered_and_taken_off(agent, team):
    path = f"/tickets/{team['ticket']}/tags"
    assert send(agent, path, tag="refund, <b>Very important</b>").status_code == 303
    page = agent.get(f"/tickets/{team['ticket']}").text
    assert "Nora Keller added the tag “refund”" in page
    assert "&lt;b&gt;Very important" in page
    assert '<option value="refund">' in page
    listed = agent.get("/tickets?tag=REFUND").text
    assert "Printer shows error 49" in listed
    assert "Invoice twice" not in listed
    assert "No ticket fits" in agent.get("/tickets?tag=other").text
    send(agent, path, remove="1")
    page = agent.get(f"/tickets/{team['ticket']}").text
    assert "Nora Keller took the tag “refund” off" in page
    assert 'name="remove" value="1"' not in page


@pytest.mark.parametrize(
    "fields", [{"tag": "x" * 50}, {"tag": "ok, ---"}, {"remove": "9" * 30}, {"remove": "x"}, {"tag": ""}]
)
def test_what_is_no_tag_changes_nothing(agent, team, fields):
    assert send(agent, f"/tickets/{team['ticket']}/tags", **fields).status_code == 303
    assert 'class="chip"' not in agent.get("/tickets").text


@pytest.fixture
def admin(app, desk):
    return browser(app, desk["admin"])


def test_an_admin_renames_a_tag_everywhere_and_the_change_is_on_record(admin, desk):
    path = f"/admin/tags/{desk['tag']}"
    assert ">Printing</a>" in admin.get("/admin/tags").text
    assert send(admin, path, tag=" Printers & scanners ").status_code == 303
    assert "Printers &amp; scanners" in admin.get(f"/tickets/{desk['ticket']}").text
    record = admin.get("/admin/audit").text
    assert "Renamed a tag" in record and "Printing → Printers &amp; scanners" in record


def test_a_name_that_is_taken_or_none_is_refused_and_kept_in_the_form(app, admin, desk):
    for name, status, says in (("scanning", 409, "Merge the two instead"), (" ", 422, "Please enter a name."), ("a,b", 422, "no comma")):  # fmt: skip
        response = send(admin, f"/admin/tags/{desk['tag']}", tag=name)
        assert response.status_code == status
        assert says in response.text and f'value="{name.strip()}"' in response.text


def test_an_admin_merges_a_tag_into_another_and_chooses_which(admin, desk):
    send(admin, f"/tickets/{desk['other_ticket']}/tags", tag="Scanning")
    path = f"/admin/tags/{desk['tag']}"
    for into in ("0", str(desk["tag"]), "99", "x", ""):
        assert send(admin, f"{path}/merge", into=into).status_code == 422, into
    assert send(admin, f"{path}/merge", into=str(desk["spare_tag"])).status_code == 303
    listed = admin.get("/admin/tags").text
    assert "“Printing” is now part of “Scanning”." in listed and "2 tickets with the tag Scanning" in listed
    assert admin.get(path).status_code == 404
    assert "Printing → Scanning" in admin.get("/admin/audit").text


def test_a_tag_is_deleted_after_a_question_that_names_what_follows(admin, desk):
    path = f"/admin/tags/{desk['tag']}/delete"
    assert "It disappears from 1 ticket, which stays." in admin.get(path).text
    assert send(admin, path).status_code == 303
    listed = admin.get("/admin/tags").text
    assert (
        "The tag “Printing” is deleted." in listed
        and ">Printing</a>" not in listed
        and ">Scanning</a>" in listed
    )
    assert "Printing" in admin.get("/admin/audit").text
    assert admin.get(f"/tickets/{desk['ticket']}").status_code == 200
