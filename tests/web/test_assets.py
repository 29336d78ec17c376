"""Style sheets and scripts are kept by browsers for good, and replaced the moment they change."""

import pytest
from flask import Flask

from helpdesk.web import assets


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "app.css").write_text('@import url("base.css");')
    (tmp_path / "secret.txt").write_text("x")
    return tmp_path


@pytest.fixture
def desk(folder):
    app = Flask("helpdesk", static_folder=folder)
    assets.init_app(app)
    return app


def test_an_asset_is_kept_for_a_year(desk):
    address = desk.jinja_env.globals["asset"]("css/app.css")
    answer = desk.test_client().get(address)
    assert answer.text.startswith("@import")
    assert answer.cache_control.immutable and answer.cache_control.max_age == assets.YEAR_S


def test_any_change_gives_every_asset_a_new_address(folder):
    before = assets.fingerprint(folder)
    (folder / "css" / "app.css").write_text("a {}")
    assert assets.fingerprint(folder) != before


def test_a_page_open_over_an_upgrade_gets_what_there_is_but_not_for_good(desk):
    answer = desk.test_client().get("/assets/000000000000/css/app.css")
    assert answer.status_code == 200
    assert not answer.cache_control.immutable and not answer.cache_control.max_age


@pytest.mark.parametrize(
    "path", ["000000000000/../app.py", "000000000000/%2e%2e/app.py", "x/css/app.css", "000000000000/no.css"]
)
def test_nothing_else_is_served(desk, path):
    assert desk.test_client().get(f"/assets/{path}").status_code == 404
