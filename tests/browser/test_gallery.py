"""Every component and page in a real browser: no complaint of the policy, nothing too wide, nothing too pale."""

import os
from pathlib import Path

import pytest

from tests.browser.gallery.app import ERRORS, PAGES

pytestmark = pytest.mark.browser

EVERY_PAGE = [*PAGES, *(f"error-{code}" for code in ERRORS)]
PICTURES = os.environ.get("HELPDESK_PICTURES")

# The pairs of ink and surface that stand upon each other, and what WCAG wants of them.
TEXT_PAIRS = [
    (ink, surface)
    for surface in ("bg", "surface", "surface-2", "surface-hover", "surface-selected", "surface-float")
    for ink in ("ink", "ink-2", "ink-3")
] + [
    *[(tone, "surface") for tone in ("accent", "danger", "warn", "good", "info", "violet")],
    *[(tone, f"{tone}-soft") for tone in ("danger", "warn", "good", "info", "violet")],
    *[("ink", f"{tone}-soft") for tone in ("accent", "danger", "warn", "good", "info")],
    *[(tone, "surface-selected") for tone in ("accent", "danger", "warn", "good", "info", "violet")],
    *[(tone, "surface-hover") for tone in ("accent", "danger", "warn", "violet")],
    *[(ink, ground) for ground in ("note-bg", "reply-bg") for ink in ("ink", "ink-2", "ink-3", "accent", "warn", "good")],
    *[("danger", ground) for ground in ("note-bg", "reply-bg")],
    ("accent-strong", "accent-soft"), ("accent-strong", "reply-bg"), ("ink-2", "danger-soft"), ("ink-2", "warn-soft"),
    ("ink-on-accent", "accent"), ("ink-on-accent", "accent-strong"),
    ("ink-on-danger", "danger"), ("ink-on-danger", "danger-strong"), ("surface", "warn"),
]  # fmt: skip
LINE_PAIRS = [
    ("line-control", "surface"),
    ("line-control", "surface-2"),
    ("accent", "surface"),
    ("accent", "bg"),
    ("note-edge", "note-bg"),
]

RESOLVE = """names => {
  const probe = document.body.appendChild(document.createElement('i'));
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const found = names.map(name => {
    probe.style.color = `var(--${name})`;
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  });
  probe.remove();
  return found;
}"""


def luminance(colour):
    parts = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_meaningful_lines_have_contrast(open_page, scheme):
    page = open_page("components", color_scheme=scheme)
    names = sorted({name for pair in TEXT_PAIRS + LINE_PAIRS for name in pair})
    colours = dict(zip(names, page.evaluate(RESOLVE, names), strict=True))
    pale = [
        f"{ink} on {surface}: {contrast(colours[ink], colours[surface]):.2f}"
        for pairs, wanted in ((TEXT_PAIRS, 4.5), (LINE_PAIRS, 3.0))
        for ink, surface in pairs
        if contrast(colours[ink], colours[surface]) < wanted
    ]
    assert not pale


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_page_fits_desktop_tablet_and_phone_without_complaint(open_page, name):
    page = open_page(name)
    for width, height in ((1440, 900), (1024, 768), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("main#main").count() == 1
    assert page.locator("h1").count() == 1
    assert page.complaints == []


if PICTURES:  # a folder to keep them in: for looking, not for judging

    @pytest.mark.parametrize("name", EVERY_PAGE)
    def test_pictures(open_page, name):
        for label, options in (
            ("desktop-light", {}),
            ("desktop-dark", {"color_scheme": "dark"}),
            ("phone-light", {"width": 390, "height": 844}),
            ("phone-dark", {"width": 390, "height": 844, "color_scheme": "dark"}),
        ):
            open_page(name, **options).screenshot(path=Path(PICTURES) / f"{name}-{label}.png")
