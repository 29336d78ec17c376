"""Tags on the ticket's page and in the list."""

import pytest

from tests.factories import AGENT
from tests.web.conftest import send, sign_in


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
