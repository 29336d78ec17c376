"""The Markdown that answers are written in: less of it than CommonMark has, so that ordinary letters survive it.

People type rows of dashes, paths, numbers of tickets and tags without meaning anything by them. Here nothing a letter
holds by chance disappears: no headings, no rules, no HTML, no entities, no references, no code by indentation; quotes
and lists end where their marks end; stars and underscores are marks around words only.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, fence, list_block, paragraph
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.rules_inline.state_inline import Delimiter

MAX_NESTING = 20
PICTURE = re.compile(r"upload:([0-9A-Za-z_-]{8,64})\Z")
_LINK = re.compile(r"(?:https?://[^/?#\s]|mailto:[^\s@]+@)", re.IGNORECASE)
_WEB = re.compile(r"https?://(?:[^\s<>\"`\[\]\\]|\[[^\s<>\"\[\]]{0,100}\]){1,2000}", re.IGNORECASE)
_SCHEME = re.compile(r"(?<![A-Za-z0-9.+-])https?\Z", re.IGNORECASE)
_TRAILING = ".,;:!?'*"
_MARKS = "*_`[]()#>+-.!~"
_WORD = re.compile(r"\S*")
_PATH = re.compile(r"\A\\\\|[A-Za-z]:\\|\\[^\W_]")
_OPENS_BEFORE, _CLOSES_AFTER = "([{<\"'«„“‚‘»›", ")]}>\"'»“”’‘«‹.,;:!?…-–—/"
_NO_BEGINNING, _NO_END = ")]}.,;:!?…»\\/", "([{\\/"
_INFO = re.compile(r"`{3,}[ \t]*[\w+#.-]{0,20}[ \t]*\Z")
_QUOTE = re.compile(r">(?:[ \t>]|\Z)")
_LIST = re.compile(r"(?:[-*]|\d{1,3}[.)])[ \t]+(?![-*\s])\S")
_LIST_LINE = re.compile(r"[ \t]*(?:[-*]|\d{1,3}[.)])[ \t]+(?![-*\s])\S")
_FIRST = re.compile(r"1[.)]")  # others begin no list within a paragraph
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_FENCE_LINE = re.compile(r"\s*(`{3,})[^`]*\Z")
_CLOSING = re.compile(r"`{3,}[ \t]*$", re.MULTILINE)
_LAST_FENCE = "where the last fence is"
_QUOTE_MARKS = re.compile(r" {0,3}(?:>[ \t]?)+")


def parser() -> MarkdownIt:
    """A parser that knows this Markdown and nothing else; it keeps nothing between two texts."""
    markdown = MarkdownIt("zero", {"maxNesting": MAX_NESTING, "breaks": True})
    markdown.enable(
        ["fence", "blockquote", "list", "newline", "escape", "backticks", "emphasis", "link", "image"]
    )
    markdown.block.ruler.at("paragraph", _paragraph)
    markdown.block.ruler.at("fence", _fence, {"alt": ["paragraph", "blockquote", "list"]})
    markdown.block.ruler.at("blockquote", _blockquote, {"alt": ["paragraph", "blockquote", "list"]})
    markdown.block.ruler.at("list", _list, {"alt": ["paragraph", "blockquote"]})
    markdown.inline.ruler.at("escape", _escape)
    markdown.inline.ruler.at("backticks", _backticks)
    markdown.inline.ruler.at("emphasis", _emphasis)
    markdown.inline.ruler.push("address", _address)
    markdown.validateLink = _may_link  # type: ignore[method-assign]
    markdown.parse("x")  # puts its rules together, which two threads must not do at once
    return markdown


def apart(source: str) -> str:
    """The source with an empty line where a quote or a list ends: what follows them is not drawn into them."""
    lines: list[str] = []
    left = len(_CLOSING.findall(source))
    fence_mark, depth, is_listed, was_empty = "", 0, False, True
    for line in source.split("\n"):
        mark = _FENCE_LINE.match(line)
        left -= _CLOSING.search(line) is not None
        if fence_mark:
            fence_mark = "" if mark and line.strip() == mark[1] >= fence_mark else fence_mark
            lines.append(line)
            continue
        deep = _depth(line)
        if not line.strip():
            depth, was_empty = 0, True
            lines.append(line)
            continue
        if deep < depth:
            lines.append(">" * deep)
        is_item = not deep and _LIST_LINE.match(line) is not None
        if is_listed and not was_empty and not is_item and not line[0].isspace():
            lines.append("")
        if not line[0].isspace():
            is_listed = is_item and (
                is_listed or was_empty or line[0] in "-*" or _FIRST.match(line) is not None
            )
        fence_mark = mark[1] if mark and left else ""
        depth, was_empty = deep, False
        lines.append(line)
    return "\n".join(lines)


def _depth(line: str) -> int:
    found = _QUOTE_MARKS.match(line)
    return found[0].count(">") if found and _QUOTE.match(line.lstrip()) else 0


def _may_link(url: str) -> bool:
    return _LINK.match(url) is not None or PICTURE.match(url) is not None


def _rest(state: StateBlock, line: int) -> str:
    """The line from its first letter on."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines keep the spaces they begin with."""
    done = paragraph(state, start, end, silent)
    content = state.getLines(start, state.line, state.blkIndent, False).rstrip()
    state.tokens[-2].content = _INDENT.sub(lambda found: _wide(found[0]), content)
    return done


def _wide(spaces: str) -> str:
    return spaces.replace("\t", " " * 4).replace(" ", "\xa0")


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Backticks only, for rows of tildes are drawn; only with a language beside them, for other words would be lost; and
    only where it is closed again, or all that follows would be code."""
    if _INFO.match(_rest(state, start)) is None:
        return False
    if _LAST_FENCE not in state.env:
        state.env[_LAST_FENCE] = max((found.start() for found in _CLOSING.finditer(state.src)), default=-1)
    return state.eMarks[start] < state.env[_LAST_FENCE] and fence(state, start, end, silent)


def _blockquote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Not `>50 users`, not `>:(`."""
    return _QUOTE.match(_rest(state, start)) is not None and blockquote(state, start, end, silent)


def _list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Items that hold something: `-` alone, `- - -`, `+ 49 30` and the year 2026. are none."""
    return _LIST.match(_rest(state, start)) is not None and list_block(state, start, end, silent)


def _escape(state: StateInline, silent: bool) -> bool:
    """A backslash before a mark takes its meaning, but not in C:\\temp\\*, where it is a letter like others."""
    pos = state.pos
    if state.src[pos] != "\\" or pos + 1 >= state.posMax or state.src[pos + 1] not in _MARKS:
        return False
    before = state.src[pos - 1] if pos else " "
    is_number = before.isdigit() and state.src[pos + 1] in ".)"
    if (before.isalnum() and not is_number) or before in "\\:/.*_" or _is_path(state.src, pos):
        return False
    if not silent:
        state.append_pending(state.src[pos + 1])
    state.pos += 2
    return True


def _is_path(text: str, pos: int) -> bool:
    """Whether the word around this place (as much of it as a path is long) has backslashes of its own."""
    start = max(text.rfind(" ", max(0, pos - 260), pos), text.rfind("\n", max(0, pos - 260), pos)) + 1
    word = _WORD.match(text, max(start, pos - 260), pos + 260)
    return word is not None and _PATH.search(word[0]) is not None


def _backticks(state: StateInline, silent: bool) -> bool:
    """Not those that stand for an apostrophe: geht`s."""
    if state.src[state.pos] == "`" and state.pos and state.src[state.pos - 1].isalnum():
        end = state.pos
        while end < state.posMax and state.src[end] == "`":
            end += 1
        if not silent:
            state.append_pending(state.src[state.pos : end])
        state.pos = end
        return True
    return backtick(state, silent)


def _emphasis(state: StateInline, silent: bool) -> bool:
    """`*x*`, `_x_`, `**x**`, `***x***` around words: not 2*3*4, not *.py, not __init__, not ____."""
    start, text = state.pos, state.src
    mark = text[start]
    if silent or mark not in "*_":
        return False
    end = start
    while end < state.posMax and text[end] == mark:
        end += 1
    length = end - start
    opens, closes = _sides(text, start, end, state.posMax)
    if length > (3 if mark == "*" else 1) or not (opens or closes):
        state.append_pending(text[start:end])
        state.pos = end
        return True
    for _ in range(length):
        state.push("text", "", 0).content = mark
        state.delimiters.append(Delimiter(ord(mark), length, len(state.tokens) - 1, -1, opens, closes))
    state.pos = end
    return True


def _sides(text: str, start: int, end: int, maximum: int) -> tuple[bool, bool]:
    """Whether marks from start to end can begin something, and whether they can end it."""
    before, after = text[start - 1] if start else " ", text[end] if end < maximum else " "
    first, last = start, end  # of the marks of both kinds that stand here
    while first and text[first - 1] in "*_" and start - first < 4:
        first -= 1
    while last < maximum and text[last] in "*_" and last - end < 4:
        last += 1
    outer, beyond = text[first - 1] if first else " ", text[last] if last < maximum else " "
    opens = (outer.isspace() or outer in _OPENS_BEFORE) and not (after.isspace() or after in _NO_BEGINNING)
    closes = not (before.isspace() or before in _NO_END) and (
        beyond.isspace()
        or (beyond in _CLOSES_AFTER and not (beyond in ".:-/" and text[last + 1 : last + 2].isalnum()))
    )
    return opens, closes


def _address(state: StateInline, silent: bool) -> bool:
    """An address of the web as it stands in a text, as long as it goes without its full stop."""
    pos = state.pos
    if state.linkLevel > 0 or not state.src.startswith("://", pos):
        return False
    scheme = _SCHEME.search(state.src, max(0, pos - 6), pos)
    found = _WEB.match(state.src, scheme.start(), state.posMax) if scheme else None
    if scheme is None or found is None:
        return False
    url = without_trailing(found[0])
    href = state.md.normalizeLink(url)
    if len(url) <= pos - scheme.start() + 3 or not _may_link(href):
        return False
    if not silent:
        _push_link(state, scheme[0], url, href)
    state.pos = scheme.start() + len(url)
    return True


def _push_link(state: StateInline, scheme: str, url: str, href: str) -> None:
    state.pending = state.pending[: -len(scheme)]  # the text rule has taken it already
    token = state.push("link_open", "a", 1)
    token.attrs, token.info = {"href": href}, "auto"
    state.push("text", "", 0).content = url
    state.push("link_close", "a", -1).info = "auto"


def without_trailing(url: str) -> str:
    """The full stop or bracket after an address belongs to the sentence."""
    end, surplus = len(url), url.count(")") - url.count("(")
    while end and (url[end - 1] in _TRAILING or (url[end - 1] == ")" and surplus > 0)):
        surplus -= url[end - 1] == ")"
        end -= 1
    return url[:end]
