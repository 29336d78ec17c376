"""What the sender newly wrote, apart from the history below it. Linear in the input; nothing is thrown away.

1. HTML with the marks mail programs put around what they quote becomes text with `>` before every quoted line.
2. Rules for lines find the header above a quoted mail (`On ... wrote:`, `From: / Sent: / To:`, separators).
3. A quoted block that the sender answered piece by piece stays with his answers; a forwarded mail stays.
4. When nothing would remain, everything is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from helpdesk.mail.html import html_to_text
from helpdesk.mail.quote_headers import (
    MARKS,
    REPLY_ABOVE,
    bare,
    history_header,
    introduces_quote,
    is_introduction,
    is_quoted,
)
from helpdesk.mail.quote_html import marked_text
from helpdesk.mail.quote_words import FORWARD, FORWARD_SUBJECT, INLINE, MOBILE, PRODUCT, SHARED_WITH_QUOTE
from helpdesk.mail.types import SplitText

__all__ = ["REPLY_ABOVE", "split_reply"]

MAX_SHARED = 500
MAX_LINES = 2_000
MAX_CHARS = 64_000
MAX_SIGNATURE_LINES = 15
MAX_DISCLAIMER_LINES = 60

_RULE = re.compile(r"[-_*=~#+–—ᐧ]{1,200}\Z")
_TAIL = re.compile(r"(?:--|—|–|_{2,200})\Z")  # a signature's or a mailing list's first line
_LIST_RULE = re.compile(r"_{30,200}\s*\Z")
_OPEN_LINK = re.compile(r"[(<]https?:[^)>\s]{0,400}\Z")
_LINK_LINE = re.compile(r"\s*[(<]https?:\S{1,400}\s?>?\s*\Z")
_LINK_REST = re.compile(r"\S{1,400}[)>]\s*\Z")
_LINK = re.compile(r"\s?[<(\[]\s?https?:[^\s<>]{1,400}?\s?[)>\]]")
_BARE_LINK = re.compile(r"[<(]?https?:\S{1,400}\Z")
_DRAWN = re.compile(r"[-=_*]{3,200}\s?\S.{1,40}?\s?[-=_*]{3,200}\Z|(?:[-=_*]\s){3,100}[-=_*]?\Z")


def split_reply(text: str, html: str = "", *, subject: str = "") -> SplitText:
    """Split a body at its quoted history. When nothing would stay, everything is shown.

    Forwarded blocks stay, answers between quotes keep what they answer. `html` decides when it carries a mail
    program's own marks; the line breaks of `text` are kept when both say the same. What `subject` calls a forward is
    shown whole: there the history is the point.
    """
    if is_forward(subject):
        return SplitText(text if text.strip() else html_to_text(html))
    plain = _split_lines(text if text.strip() else html_to_text(html))
    marked, is_certain = marked_text(html) if html else ("", False)
    if not marked or (plain.quoted and not is_certain):
        return plain
    from_html = _split_lines(marked)
    if not is_certain and not from_html.quoted:
        return plain
    if text.strip() and plain.visible.split() == from_html.visible.split():
        return plain
    return from_html


def is_forward(subject: str) -> bool:
    """Whether a subject calls its mail forwarded: then nothing tells the sender's words from what he passes on."""
    return FORWARD_SUBJECT.match(subject[:200]) is not None


def _split_lines(text: str) -> SplitText:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    end = _end_of_look(text)
    lines = _shared_lines_parted(text[:end].split("\n")) if end else []
    scan = _Scan(lines)
    scan.run()
    shown, cut = [], [""]
    if end < len(text) and not scan.cut:
        return SplitText(text.strip("\n").rstrip())
    if end < len(text) and scan.is_open:
        shown = [text[end:]]
    else:
        cut = [text[end:]]
        scan.trim()
    visible = "".join([_joined(lines, scan.shown), *shown]).strip("\n").rstrip()
    if not visible.strip():
        return SplitText("\n".join(line for line in text.split("\n") if line not in MARKS).strip("\n"))
    return SplitText(visible, "".join([_joined(lines, scan.cut), *cut]).strip("\n"))


def _end_of_look(text: str) -> int:
    """Where the lines end that are looked at: after 2,000 of them or 64,000 letters, never inside of one."""
    end = 0
    for _ in range(MAX_LINES):
        below = text.find("\n", end + 1)
        if below < 0:
            return len(text) if len(text) <= MAX_CHARS else end
        if below > MAX_CHARS:
            return end
        end = below
    return end


def _joined(lines: list[str], which: list[int]) -> str:
    return "\n".join(lines[i] for i in sorted(which) if lines[i] not in MARKS)


def _shared_lines_parted(lines: list[str]) -> list[str]:
    """Some programs write `On ... wrote:` behind the last word of the answer, some the quote behind it, on one line."""
    parted: list[str] = []
    for line in lines:
        parted += _parted(line) if len(line) < MAX_SHARED and not is_quoted(line) else [line]
    return parted


def _parted(line: str) -> list[str]:
    if line.rstrip().endswith("wrote:"):
        found = INLINE.match(line)
        return [found["reply"], found["header"]] if found else [line]
    shared = SHARED_WITH_QUOTE.match(line) if "@" in line else None
    if shared and is_introduction(bare(shared["header"])):
        return [shared["header"], shared["quoted"]]
    return [line]


class _Scan:
    """One pass over the lines: every index ends in `shown` or in `cut`."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.shown: list[int] = []
        self.cut: list[int] = []
        self.is_open = True  # what lies beyond the last line looked at belongs to `shown`
        self.quoted = [is_quoted(line) for line in lines]
        self.blank = [not bare(line) and not q for line, q in zip(lines, self.quoted, strict=True)]
        self.words = [
            not q and not b and not _RULE.match(bare(line)) and line not in MARKS
            for line, q, b in zip(lines, self.quoted, self.blank, strict=True)
        ]
        self.last_quoted = max((i for i, q in enumerate(self.quoted) if q), default=-1)
        self.last_words = max((i for i, w in enumerate(self.words) if w), default=-1)
        self.has_words = False

    def run(self) -> None:
        """Walk down; a header of history decides about what lies below it."""
        at, end = 0, len(self.lines)
        while at < end:
            if FORWARD.match(bare(self.lines[at])):
                self.shown += range(at, end)
                return
            header = history_header(self.lines, at)
            if header is None:
                self._show(at)
                at += 1
            elif not header.is_attribution:
                if self.has_words:
                    self._cut_from(at)
                    return
                self.shown += range(at, at + header.lines)  # a pasted block on top: the words come below it
                at += header.lines
            else:
                at = self._after_attribution(at, header.lines)

    def _after_attribution(self, at: int, length: int) -> int:
        """Decide about the quote below `On ... wrote:`; the index to go on with."""
        below = at + length
        while below < len(self.lines) and self.blank[below]:
            below += 1
        if below == len(self.lines) or not self.quoted[below]:
            if self.has_words or below == len(self.lines):
                self._cut_from(at)
                return len(self.lines)
            self.cut += range(at, at + length)  # written below an unmarked quote: no way to tell them apart
            return at + length
        end = self._end_of_quote(below)
        if self.last_words < end or self._is_signature(end):
            self._cut_from(at)
            return len(self.lines)
        if self.last_quoted >= end:  # answered piece by piece
            for i in range(at, len(self.lines)):
                self._show(i)
            return len(self.lines)
        self.cut += range(at, end)
        return end

    def _show(self, at: int) -> None:
        self.shown.append(at)
        self.has_words = self.has_words or self.words[at]

    def _cut_from(self, at: int) -> None:
        self.cut += range(at, len(self.lines))
        self.is_open = False

    def _end_of_quote(self, at: int) -> int:
        """The first line behind a quoted block; what a mail program broke over lines belongs to it."""
        while at < len(self.lines) and (self.quoted[at] or self.blank[at] or self._is_broken_line(at)):
            at += 1
        return at

    def _is_broken_line(self, at: int) -> bool:
        line, above = self.lines[at][:500], self.lines[at - 1][-500:]
        if at == 0 or not self.quoted[at - 1]:
            return False
        # `=`: a soft break of quoted-printable that nobody decoded
        return bool(
            above.endswith("=")
            or _LINK_LINE.match(line)
            or (_OPEN_LINK.search(above) and _LINK_REST.match(line))
        )

    def _is_signature(self, at: int) -> bool:
        return at < len(self.lines) and _TAIL.match(self.lines[at].rstrip()) is not None

    def trim(self) -> None:
        """Take from the end of what is shown: blank lines, rules, a quote nobody answered, signatures."""
        if any(FORWARD.match(bare(self.lines[i])) for i in self.shown):
            return
        for _ in range(3):
            self._trim_while(self._is_drawn)
            if any(self.words[i] for i in self.shown):
                self._trim_quote()
            self._trim_signature()

    def _is_drawn(self, at: int) -> bool:
        """Blank or a rule; a title between dashes is one only where it introduced what was cut."""
        if self.blank[at] or not (self.words[at] or self.quoted[at]):
            return True
        return not self.is_open and _DRAWN.match(bare(self.lines[at])) is not None

    def _trim_quote(self) -> None:
        """A quote at the end, with the line above it that introduces it in a language nobody foresaw."""
        before = len(self.shown)
        self._trim_while(lambda i: self.quoted[i] or self.blank[i])
        rest = [i for i in self.shown if self.words[i]]
        is_cut = any(self.quoted[i] for i in self.cut[len(self.cut) - before + len(self.shown) :])
        if is_cut and len(rest) > 1 and introduces_quote(bare(self.lines[self.shown[-1]])):
            self._keep(len(self.shown) - 1)

    def _trim_while(self, is_over: Callable[[int], bool]) -> None:
        kept = len(self.shown)
        while kept and is_over(self.shown[kept - 1]):
            kept -= 1
        self._keep(kept)

    def _keep(self, count: int) -> None:
        self.cut += self.shown[count:]
        del self.shown[count:]

    def _trim_signature(self) -> None:
        first = next((p for p, i in enumerate(self.shown) if self.words[i]), len(self.shown))
        for back in range(1, min(MAX_DISCLAIMER_LINES, len(self.shown) - first)):
            place = len(self.shown) - back
            line = self.lines[self.shown[place]]
            if _LIST_RULE.match(line) and "mailing list" in "".join(
                self.lines[i] for i in self.shown[place : place + 3]
            ):
                self._keep(place)
                return
            if line == "-- " or (back <= MAX_SIGNATURE_LINES and line.rstrip() in ("--", "—", "–")):
                self._keep(place)
                return
        self._trim_advertising(first)

    def _trim_advertising(self, first: int) -> None:
        """`Sent from my phone`, a paragraph of its own among the last lines."""
        for place in range(max(first + 1, len(self.shown) - MAX_SIGNATURE_LINES), len(self.shown)):
            line = _LINK.sub("", bare(self.lines[self.shown[place]])).lstrip("-–— ")
            names_product = PRODUCT.search(line) is not None and "," not in line
            endings = ("?", "!", ",") if names_product else (".", "?", "!", ",")
            if len(line) > 80 or not MOBILE.match(line) or line.endswith(endings):
                continue
            if "," in line and not PRODUCT.search(line):
                continue
            above, below = self.shown[place - 1], self.shown[place + 1 : place + 2]
            is_end = not any(self.words[i] and not _BARE_LINK.match(bare(self.lines[i])) for i in below)
            if is_end and (names_product or not self.words[above]):
                self.cut.append(self.shown.pop(place))
                return
