"""The pages of documentation: their links lead somewhere, and what they tell people to type exists."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from config import SETTINGS
from tests.conftest import make_app

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / "README.md", PROJECT / "SECURITY.md", *sorted((PROJECT / "docs").glob("*.md"))]
KNOWN = {name for setting in SETTINGS for name in (setting.name, *setting.aliases)}
OTHERS = {"EX_TEMPFAIL", "POSTGRES_PASSWORD"}


def anchor(heading):
    """As hosting sites make it: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def anchors(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, part = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), target
        assert not part or part in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text)) | set(
        re.findall(r"^([A-Z]+(?:_[A-Z]+)+)=", text, re.M)
    )
    assert named - KNOWN - OTHERS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_of_the_settings_that_is_named_exists(page):
    """`*Settings, Mail log*`, and in German as the German pages say it."""
    catalogue = PROJECT / "helpdesk" / "translations" / "de" / "LC_MESSAGES" / "messages.po"
    with catalogue.open("rb") as file:
        said = {message.id: message.string for message in read_po(file, locale="de")}
    text = " ".join(page.read_text(encoding="utf-8").split())
    english = [name for path in re.findall(r"\*Settings, ([^*]+)\*", text) for name in path.split(", ")]
    german = [name for path in re.findall(r"\*Einstellungen, ([^*]+)\*", text) for name in path.split(", ")]
    assert [name for name in english if name not in said] == []
    assert [name for name in german if name not in said.values()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(tmp_path, page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/])flask ([a-z][a-z-]+)", text)) - {"alone"}
    assert named - set(make_app(tmp_path, "sqlite://").cli.commands) - {"db", "shell"} == set()
