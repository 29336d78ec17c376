"""Styles of foreign HTML, cut down to what neither fetches, nor covers, nor leaves its place.

What comes out is put together from pieces that were each looked at: a property of the list with a value of harmless
letters, a selector, a condition on the width of the screen. How a browser would have read the rest plays no part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

MAX_SHEET = 200_000
MAX_RULES = 2000
MAX_DECLARATION = 2000
MAX_PRELUDE = 2000
_NAMES = (
    "background background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width "
    "border-collapse border-color border-left border-left-color border-left-style border-left-width border-radius "
    "border-right border-right-color border-right-style border-right-width border-spacing border-style border-top "
    "border-top-color border-top-style border-top-width border-width box-sizing caption-side clear color direction "
    "display empty-cells float font font-family font-size font-style font-variant font-weight height hyphens "
    "letter-spacing line-height list-style list-style-position list-style-type margin margin-bottom margin-left "
    "margin-right margin-top max-height max-width min-height min-width opacity overflow overflow-wrap padding "
    "padding-bottom padding-left padding-right padding-top table-layout text-align text-decoration text-indent "
    "text-transform vertical-align visibility white-space width word-break word-spacing word-wrap"
)
PROPERTIES = frozenset(_NAMES.split())
COLOURS = {"background", "color"} | {name for name in PROPERTIES if name.endswith("-color")}
_WIDTH = re.compile(r"\d{0,4}(?:\.\d{0,8})?(?:px|pt|pc|em|rem|in|cm|mm|%)?|auto|none|initial", re.IGNORECASE)
_LENGTH = r"(?:\d{0,3}(?:\.\d{0,8})?(?:px|pt|pc|em|rem|ex|ch|in|cm|mm|%)?|auto|inherit|initial|none|normal)"
_SPACE = re.compile(rf"{_LENGTH}(?:\s+{_LENGTH}){{0,3}}", re.IGNORECASE)
_HEIGHT = re.compile(r"\d{0,3}(?:\.\d{0,8})?(?:px|pt|pc|em|rem|in|cm|mm)?|auto|none|initial", re.IGNORECASE)
_SHIFT = re.compile(r"-?\d{0,2}(?:\.\d{0,8})?(?:px|pt|pc|em|rem|in|cm|mm|%)?|normal|inherit", re.IGNORECASE)
_WORDS = re.compile(r"[a-z-]+(?:\s+[a-z-]+){0,2}", re.IGNORECASE)
_COLOUR = r"#[0-9a-f]{3,8}|[a-z]+|(?:rgb|hsl)a?\([\d.,%/\s]+(?:deg)?[\d.,%/\s]*\)"
# Properties that may only say something plain: a shorthand could name a picture, a layout could hide or cover words.
_PLAIN_VALUES = {
    "background": re.compile(_COLOUR, re.IGNORECASE),
    "background-color": re.compile(_COLOUR, re.IGNORECASE),
    "display": re.compile(
        r"none|block|inline|inline-block|list-item|table|inline-table|table-(?:cell|row|row-group)",
        re.IGNORECASE,
    ),
    "overflow": re.compile(r"hidden|visible", re.IGNORECASE),
    "float": re.compile(r"left|right|none", re.IGNORECASE),
    "list-style": _WORDS,
    "list-style-type": _WORDS,
    "text-indent": _SHIFT,
    "letter-spacing": _SHIFT,
    "word-spacing": _SHIFT,
    "height": _HEIGHT,
    "min-height": _HEIGHT,
    "max-height": _HEIGHT,
    "line-height": _SPACE,
    "border-radius": _SPACE,
    "width": _WIDTH,
    "min-width": _WIDTH,
    "max-width": _WIDTH,
} | dict.fromkeys((name for name in PROPERTIES if name.startswith(("margin", "padding"))), _SPACE)
_HARMLESS = re.compile(r"[\w\s.,#%'\"+()/-]{1,500}")
_FUNCTION = re.compile(r"([\w-]*)\s*\(")
_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla"}
_OF_THE_WINDOW = re.compile(r"\d[sld]?v(?:w|h|min|max|i|b)\b", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_IMPORTANT = re.compile(r"\s*!\s*important\s*\Z", re.IGNORECASE)
_PICTURED = re.compile(r"url\s*\(", re.IGNORECASE)
_ANY_COLOUR = re.compile(r"(?:\A|\s)(#[0-9a-f]{3,8}|rgba?\([\d.,%\s]+\))(?=\s|\Z)", re.IGNORECASE)
_SELECTOR = re.compile(r"[\w\s.#>+~*:()\[\]=\"'-]{1,300}")
_STATE = re.compile(r":+([\w-]*)")
_STATES = {"link", "visited", "hover", "active", "first-child", "last-child", "nth-child", "not"}
_MEDIA = re.compile(
    r"@media\s+(?:only\s+)?(?:screen|all)?(?:\s*(?:and\s*)?\(\s*(?:max|min)-(?:device-)?width\s*:\s*\d{1,5}px\s*\)){0,2}",
    re.IGNORECASE,
)
_MARK = re.compile(r"[{};]")


def plain_style(style: str, *, drops_colours: bool = False) -> str:
    """The declarations that may stay, "" for none. Without colours where the desk's own are to be seen."""
    kept = []
    for declaration in _COMMENT.sub("", style).split(";"):
        if len(declaration) > MAX_DECLARATION:
            continue
        name, value = _read(declaration)
        if name in PROPERTIES and _is_plain(name, value) and not (drops_colours and name in COLOURS):
            important = "!important" if _IMPORTANT.search(declaration) else ""
            kept.append(f"{name}:{value}{important}")
    return ";".join(kept)


def declarations(style: str) -> list[tuple[str, str]]:
    """Names and values of what may stay."""
    pairs = (_read(declaration) for declaration in plain_style(style).split(";"))
    return [(name, value) for name, value in pairs if name]


def _read(declaration: str) -> tuple[str, str]:
    name, _colon, value = declaration.partition(":")
    name, value = name.strip().lower(), _IMPORTANT.sub("", value).strip()
    if name == "background" and _PICTURED.search(value):  # the picture is not shown, its ground is
        colour = _ANY_COLOUR.search(value)
        return ("background-color", colour[1]) if colour else ("", "")
    return name, value


def _is_plain(name: str, value: str) -> bool:
    wanted = _PLAIN_VALUES.get(name)
    functions = {function.lower() for function in _FUNCTION.findall(value)}
    return (
        _HARMLESS.fullmatch(value) is not None
        and (wanted is None or wanted.fullmatch(value) is not None)
        and functions <= _FUNCTIONS
        and value.count("(") == value.count(")")
        and value.count('"') % 2 == value.count("'") % 2 == 0
        and not _OF_THE_WINDOW.search(value)
    )


def plain_sheet(css: str, *, drops_colours: bool = False) -> str:
    """The rules of a style sheet that may stay; nothing in it ends a `style` element."""
    return "\n".join(_rules(_COMMENT.sub("", css[:MAX_SHEET]), drops_colours=drops_colours))


def _rules(css: str, *, drops_colours: bool, is_inner: bool = False) -> Iterator[str]:
    for prelude, block in islice(_blocks(css), MAX_RULES):
        if len(prelude) > MAX_PRELUDE:
            continue
        if prelude.startswith("@"):
            if not is_inner and _MEDIA.fullmatch(prelude):
                inner = _rules(block, drops_colours=drops_colours, is_inner=True)
                yield f"{prelude}{{{' '.join(inner)}}}"
            continue
        selectors = ",".join(one.strip() for one in prelude.split(",") if _is_selector(one))
        kept = plain_style(block, drops_colours=drops_colours)
        if selectors and kept:
            yield f"{selectors}{{{kept}}}"


def _is_selector(text: str) -> bool:
    states = {state.lower() for state in _STATE.findall(text)}
    quotes = text.count('"') % 2 == text.count("'") % 2 == 0
    pairs = text.count("(") == text.count(")") and text.count("[") == text.count("]")
    return (
        bool(text.strip())
        and _SELECTOR.fullmatch(text) is not None
        and states <= _STATES
        and quotes
        and pairs
    )


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """What stands before and between the outermost braces."""
    start = opened = depth = 0
    prelude = ""
    for mark in _MARK.finditer(css):
        if mark[0] == "{":
            if depth == 0:
                prelude, opened = css[start : mark.start()].strip(), mark.end()
            depth += 1
        elif mark[0] == "}":
            depth = max(0, depth - 1)
            if depth == 0:
                if prelude:
                    yield prelude, css[opened : mark.start()]
                prelude, start = "", mark.end()
        elif depth == 0:
            start = mark.end()


_RGB = re.compile(
    r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*[\d.]{1,8}%?\s*)?\)", re.IGNORECASE
)
_HEX = re.compile(
    r"#(?:([0-9a-f])([0-9a-f])([0-9a-f])f?|([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})(?:ff)?)", re.IGNORECASE
)
_CLEAR = re.compile(r"rgba\([^,]+,[^,]+,[^,]+,\s*0(?:\.0*)?\s*\)", re.IGNORECASE)
_INK = {
    "black",
    "windowtext",
    "auto",
    "inherit",
    "initial",
    "currentcolor",
    "unset",
    "gray",
    "grey",
    "dimgray",
}
_PAPER = {"white", "window", "transparent", "inherit", "initial", "none", "unset"}
GREY = 0x14  # so far apart red, green and blue may be
LIGHTEST_INK = 0xB0
DARKEST_PAPER = 0xF4


def is_ink(colour: str) -> bool:
    """Whether it is what letters are anyhow: black or some grey, no choice of a designer."""
    rgb = _rgb(colour)
    if rgb is None:
        return colour.strip().lower() in _INK
    return max(rgb) - min(rgb) <= GREY and max(rgb) <= LIGHTEST_INK


def is_paper(colour: str) -> bool:
    """Whether it is what a sheet is anyhow."""
    rgb = _rgb(colour)
    if rgb is None:
        return colour.strip().lower() in _PAPER
    return min(rgb) >= DARKEST_PAPER or _CLEAR.search(colour) is not None


def _rgb(colour: str) -> tuple[int, ...] | None:
    if found := _RGB.fullmatch(colour.strip()):
        return tuple(int(part) for part in found.groups())
    if found := _HEX.fullmatch(colour.strip()):
        short, long = found.groups()[:3], found.groups()[3:]
        return (
            tuple(int(part * 2, 16) for part in short) if short[0] else tuple(int(part, 16) for part in long)
        )
    return None
