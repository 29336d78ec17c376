"""One colour chosen by an admin, made fit for both themes: readable on every surface, and readable on itself.

Source: WCAG 2.2, contrast (minimum) 1.4.3 and relative luminance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Rgb = tuple[float, float, float]

CONTRAST = 4.6  # a little more than 4.5, so that rounding never falls below it
WHITE, INK = "#ffffff", "#06201f"
_HEX = re.compile(r"#[0-9a-f]{6}\Z")
STEPS = 60


@dataclass(frozen=True, slots=True)
class Theme:
    """The surface an accent stands on that is nearest to it, and how its soft shade is mixed."""

    back: str
    base: str
    share: float


LIGHT, DARK = Theme("#e6f1f0", WHITE, 0.87), Theme("#2c3036", "#1d1f23", 0.8)


@dataclass(frozen=True, slots=True)
class Palette:
    """The shades of one accent: (in the light theme, in the dark theme). `is_adapted`: not exactly what was asked."""

    accent: tuple[str, str]
    strong: tuple[str, str]
    soft: tuple[str, str]
    on_accent: tuple[str, str]
    is_adapted: bool


def check(text: str) -> str:
    """`#0B6E69` as `#0b6e69`. Raises ValueError."""
    colour = text.strip().lower()
    if not _HEX.match(colour):
        raise ValueError("use six digits after a #, for example #0b6e69")
    return colour


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black and white)."""
    lighter, darker = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palette(colour: str) -> Palette:
    """Darken the colour for the light theme and lighten it for the dark one until words in it can be read."""
    light = _until_readable(colour, LIGHT, "#000000")
    dark = _until_readable(colour, DARK, WHITE)
    return Palette(
        accent=(light, dark),
        strong=(_mix(light, "#000000", 0.2), _mix(dark, WHITE, 0.25)),
        soft=(_soft(light, LIGHT), _soft(dark, DARK)),
        on_accent=(_ink_on(light), _ink_on(dark)),
        is_adapted=light != colour,
    )


def _until_readable(colour: str, theme: Theme, towards: str) -> str:
    for step in range(STEPS + 1):
        mixed = _mix(colour, towards, step / STEPS)
        if min(contrast(mixed, theme.back), contrast(mixed, _soft(mixed, theme))) >= CONTRAST:
            return mixed
    return towards


def _soft(colour: str, theme: Theme) -> str:
    return _mix(colour, theme.base, theme.share)


def _ink_on(colour: str) -> str:
    return max(WHITE, INK, key=lambda ink: contrast(ink, colour))


def _rgb(colour: str) -> Rgb:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(colour: str, other: str, share: float) -> str:
    """`share` of the other colour in this one."""
    pairs = zip(_rgb(colour), _rgb(other), strict=True)
    return "#" + "".join(f"{round((a + (b - a) * share) * 255):02x}" for a, b in pairs)
