"""What Word and Outlook write in fonts that only they have: the dots of lists, smileys, arrows, as letters of any font."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml.html import HtmlElement

_FAMILY = re.compile(r"font(?:-family)?\s{0,5}:[^;]{0,200}?\b(wingdings|symbol)\b", re.IGNORECASE)
_BULLET = re.compile(r"mso-list\s*:\s*ignore", re.IGNORECASE)
_WINGDINGS = str.maketrans("JKLàßáâüûv§Øqlnu", "🙂😐🙁→←↑↓✓✗❖▪➢❑●■◆")
_SYMBOL = str.maketrans("·®¬", "•→←")
_DOTS = str.maketrans("o", "◦")
MAX_STYLE = 2000
MAX_LETTERS = 3  # more than these are words, whatever font they were put into


def name_symbols(tree: HtmlElement) -> None:
    """Replace letters that mean something else in their font."""
    for element in tree.iter("span", "font", "p", "i", "b"):
        style = (element.get("style") or "")[:MAX_STYLE]
        found = _FAMILY.search(style) or _FAMILY.search(f"font:{element.get('face') or ''}")
        if found:
            letters = _WINGDINGS if found[1].lower() == "wingdings" else _SYMBOL
            for part in (element, *element):
                _translate(part, letters)
        if _BULLET.search(style):
            _translate(element, _DOTS)


def _translate(element: HtmlElement, letters: Mapping[int, int]) -> None:
    text = element.text
    if text and 0 < len(text.strip()) <= MAX_LETTERS:
        element.text = text.translate(letters)
