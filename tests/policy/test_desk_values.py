"""What admins type, judged by pure rules: number formats, the desk's colour, placeholders."""

import re

import pytest

from helpdesk.mail.thread import subject_tag
from helpdesk.policy import colour, numbering, placeholders


@pytest.mark.parametrize(
    "text", ["TKT-{year}-{number:05d}", "{number}", "HD#{number}", "CASE.{year}/{number:3d}"]
)
def test_good_formats_are_found_again_in_a_subject(text):
    shown = numbering.show(numbering.check_format(text), year=2026, number=1234)
    assert subject_tag(f"Re: [{shown}] Printer", [text]) == 1234


@pytest.mark.parametrize("text", [
    "", "TKT", "{year}", "{number", "{number.__class__}", "{number:0999999999d}", "{number!r}", "{}", "{0}", "{number} x",
    "[{number}]", "{number}\nBcc: x", "é{number}", "{{number}}", "x" * 60 + "{number}",
])  # fmt: skip
def test_formats_that_lose_the_number_or_more_are_refused(text):
    with pytest.raises(ValueError):
        numbering.check_format(text)


SURFACES = {"light": ["#ffffff", "#f4f3f0", "#faf9f7"], "dark": ["#16171a", "#1d1f23", "#222429", "#26292f"]}


@pytest.mark.parametrize(
    "chosen", ["#000000", "#ffffff", "#ffff00", "#0b6e69", "#ff0000", "#123456", "#7f7f7f", "#c0ffee"]
)
def test_any_colour_can_be_read_in_both_themes(chosen):
    made = colour.palette(chosen)
    for shades in (made.accent, made.strong):
        for shade, theme in zip(shades, ("light", "dark"), strict=True):
            assert all(colour.contrast(shade, surface) >= 4.5 for surface in SURFACES[theme])
    for i in (0, 1):
        assert colour.contrast(made.on_accent[i], made.accent[i]) >= 4.5
        assert colour.contrast(made.strong[i], made.soft[i]) >= 4.5
        assert colour.contrast(made.accent[i], made.soft[i]) >= 4.5


def test_a_readable_colour_stays_as_it_is_and_a_pale_one_is_said_to_be_changed():
    assert colour.palette("#0b6e69").accent[0] == "#0b6e69"
    assert not colour.palette("#0b6e69").is_adapted
    assert colour.palette("#ffff00").is_adapted


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345g", "#0b6e69;}", "url(x)", "#0b6e69\n"])
def test_what_is_no_colour_never_reaches_a_style_sheet(text):
    if text.strip() == "#0b6e69":
        assert colour.check(text) == "#0b6e69"
        return
    with pytest.raises(ValueError):
        colour.check(text)


def test_every_shade_is_six_digits():
    made = colour.palette("#c0ffee")
    shades = [*made.accent, *made.strong, *made.soft, *made.on_accent]
    assert all(re.fullmatch("#[0-9a-f]{6}", shade) for shade in shades)


@pytest.mark.parametrize("text, wrong", [
    ("Dear {{customer_name}}, {{ ticket_number }}: {{subject}}", []), ("{{name}} {{name}}", ["{{name}}"]),
    ("{{customer_name}", ["{{"]), ("customer_name}}", ["}}"]), ("{one} brace", []), ("{{}}", ["{{", "}}"]),
    ("{{config.SECRET_KEY}}", ["{{", "}}"]),
])  # fmt: skip
def test_unknown_placeholders_are_named(text, wrong):
    assert placeholders.unknown(text, placeholders.ACKNOWLEDGEMENT) == wrong


def test_values_are_never_filled_in_turn():
    values = {"subject": "{{customer_name}}", "customer_name": "Eve"}
    assert placeholders.fill("{{subject}} / {{customer_name}}", values) == "{{customer_name}} / Eve"
