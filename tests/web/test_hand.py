"""The hand of the pages: raw colours in one place, nothing inline, no shouting in style sheets."""

import re
from pathlib import Path

import helpdesk

ROOT = Path(helpdesk.__file__).parent
SHEETS = sorted((ROOT / "static" / "css").rglob("*.css"))
PAGES = [path for path in sorted((ROOT / "templates").rglob("*.html")) if "emails" not in path.parts]
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?|oklch)\(")


def test_only_the_tokens_hold_raw_colours():
    assert not [path.name for path in SHEETS if path.name != "tokens.css" and COLOUR.search(path.read_text())]


def test_style_sheets_need_neither_ids_nor_important():
    for path in SHEETS:
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert "!important" not in text, path.name
        assert not re.search(r"(?m)^\s*#[a-z]", text), path.name


def test_what_moves_moves_by_a_token():
    """So that one rule in the tokens stills all of it for those who asked for less motion."""
    for path in SHEETS:
        for value in re.findall(r"(?:transition|animation)[a-z-]*:([^;]+);", path.read_text()):
            assert re.fullmatch(r"(?:\s*[a-z-]*\s?var\(--[a-z]+\),?)+", value), (path.name, value)


def test_every_style_sheet_is_part_of_the_whole():
    listed = re.findall(r'url\("([^"]+)"\)', (ROOT / "static" / "css" / "app.css").read_text())
    there = [
        path.relative_to(ROOT / "static" / "css").as_posix() for path in SHEETS if path.name != "app.css"
    ]
    assert sorted(listed) == sorted(there)


def test_every_icon_that_is_asked_for_is_drawn():
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static" / "icons.svg").read_text()))
    asked = {
        name for path in PAGES for name in re.findall(r'(?:icon\(|icon_name=)"([a-z-]+)"', path.read_text())
    }
    assert asked
    assert asked <= drawn


def test_pages_carry_no_script_and_no_style_inside():
    for path in PAGES:
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:", text), path.name
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path.name
