"""What agents write, as safe HTML and as plain text. What counts as a mark is said in `markdown_rules`.

Nothing is ever lost: what is too long or too deeply nested to be read as Markdown is shown as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from types import MappingProxyType

import nh3
from markdown_it.token import Token

from helpdesk.mail.html import ATTRIBUTES
from helpdesk.mail.markdown_rules import MAX_NESTING, PICTURE, apart, parser

MAX_CHARS = 30_000  # ten pages; longer texts are logs, and the worst of this length takes a second
_NOTHING: Mapping[str, str] = MappingProxyType({})
_TAGS = {"a", "blockquote", "br", "code", "em", "img", "li", "ol", "p", "pre", "strong", "ul"}
_KEPT = {"a": {"href", "title"}, "img": {"src", "alt"}, "ol": {"start"}, "li": {"value"}}
_MAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9_][\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}(?![\w@])"
)
_WEB_OR_MAIL = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_LIST_OPENS = ("bullet_list_open", "ordered_list_open")
_parser = parser()


def to_html(source: str, *, pictures: Mapping[str, str] = _NOTHING) -> str:
    """A safe fragment. `pictures` are addresses by the token of `![name](upload:TOKEN)`: one without stands as its
    name. Never raises, never takes long."""
    tokens = _tokens(source)
    if tokens is None:
        return _safe(_as_typed(source), set())
    for token in tokens:
        if token.type == "inline":
            token.children = list(_shown(token.children or [], pictures))
        elif token.type == "fence":
            token.info = ""
    _number(tokens)
    html: str = _parser.renderer.render(tokens, _parser.options, {})
    return _safe(html, set(pictures.values()))


def pictures_in(source: str) -> list[str]:
    """The tokens of the pictures it shows, each once, in order."""
    if "](upload:" not in source:
        return []
    found = [
        _token_of(child)
        for token in _tokens(source) or []
        for child in token.children or []
        if child.type == "image"
    ]
    return list(dict.fromkeys(token for token in found if token))


def to_plain(source: str) -> str:
    """Readable plain text: lists and quotes with their marks, links as `text (address)`, pictures as `[name]`."""
    tokens = _tokens(source)
    if tokens is None:
        return source.replace("\r\n", "\n").strip("\n")
    return "\n".join(_Writer().write(tokens)).replace("\xa0", " ").strip("\n")


def _tokens(source: str) -> list[Token] | None:
    """None for what cannot be read as Markdown: the parser drops what is nested deeper than it goes."""
    if len(source) > MAX_CHARS:
        return None
    try:
        tokens: list[Token] = _parser.parse(apart(source.replace("\r\n", "\n").replace("\r", "\n")))
    except (RecursionError, ValueError, IndexError):  # a text is shown, whatever a parser finds wrong with it
        return None
    return None if any(token.level >= MAX_NESTING - 1 for token in tokens) else tokens


def _as_typed(source: str) -> str:
    blocks = re.split(r"\n[ \t]*\n+", source.replace("\r\n", "\n").strip("\n"))
    return "\n".join(f"<p>{escape(block).replace(chr(10), '<br>' + chr(10))}</p>" for block in blocks)


def _safe(html: str, sources: set[str]) -> str:
    """Nothing in it but what the list names."""

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "href":
            return value if _WEB_OR_MAIL.match(value) else None
        return value if attribute != "src" or value in sources else None

    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={tag: names & (ATTRIBUTES["*"] | ATTRIBUTES[tag]) for tag, names in _KEPT.items()},
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "cid"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


def _shown(children: Sequence[Token], pictures: Mapping[str, str]) -> Iterator[Token]:
    """The inline tokens as they are rendered: pictures found, addresses linked, spaces kept."""
    level = 0
    for token in children:
        level += token.nesting if token.tag == "a" else 0
        if token.type == "image":
            yield from _picture(token, pictures)
        elif token.type == "text" and not level:
            yield from _linked(token.content)
        else:
            if token.type == "text":
                token.content = _spaced(token.content)
            yield token


def _picture(token: Token, pictures: Mapping[str, str]) -> Iterator[Token]:
    """The picture itself, one of the web as a link to it, one that is gone as its name."""
    name, address = _text(_name_of(token)), pictures.get(_token_of(token))
    if address is not None:
        token.attrs = {"src": address, "alt": ""}  # the renderer fills in the words
        yield token
    elif _token_of(token):
        yield name
    else:
        yield Token("link_open", "a", 1, attrs={"href": token.attrs["src"]})
        yield name
        yield Token("link_close", "a", -1)


def _token_of(token: Token) -> str:
    found = PICTURE.match(str(token.attrs.get("src", "")))
    return found[1] if found else ""


def _name_of(token: Token) -> str:
    """A picture in words."""
    return f"[{token.content or '…'}]"


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _spaced(content: str) -> str:
    """Rows of spaces are as wide as they were typed."""
    return content.replace("  ", "\xa0 ")


def _linked(content: str) -> Iterator[Token]:
    """Addresses of mail become links."""
    rest = 0
    for found in _MAIL.finditer(content) if "@" in content else ():
        yield _text(_spaced(content[rest : found.start()]))
        yield Token("link_open", "a", 1, attrs={"href": f"mailto:{found[0]}"})
        yield _text(found[0])
        yield Token("link_close", "a", -1)
        rest = found.end()
    yield _text(_spaced(content[rest:]))


def _number(tokens: Sequence[Token]) -> None:
    """Items keep the numbers that were typed: a list that is 1, 3, 7 is not counted anew."""
    expected: list[int] = []
    for token in tokens:
        if token.type in _LIST_OPENS:
            expected.append(int(token.attrs.get("start", 1)))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            expected.pop()
        elif token.type == "list_item_open" and token.info:
            if int(token.info) != expected[-1]:
                token.attrs["value"] = expected[-1] = int(token.info)
            expected[-1] += 1


class _Writer:
    """Writes tokens as lines: `_first` is what the next line begins with, `_rest` those after it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._marks: list[tuple[str, str]] = []
        self._is_tight = self._is_begun = False

    def write(self, tokens: Sequence[Token]) -> list[str]:
        for token in tokens:
            match token.type:
                case "blockquote_open":
                    self._gap()
                    self._marks.append(("> ", "> "))
                    self._is_begun = True
                case "list_item_open":
                    self._open_item(token)
                case "blockquote_close" | "list_item_close":
                    self._close()
                case "inline":
                    self._add(_plain(token.children or []).split("\n"))
                case "fence":
                    self._gap()
                    self._add([f"    {line}" for line in token.content.rstrip("\n").split("\n")])
                case "paragraph_open":
                    if not token.hidden:
                        self._gap()
                    self._is_tight = token.hidden
                case "bullet_list_open" | "ordered_list_open":
                    if not self._is_tight or not self._marks:
                        self._gap()
        return self._lines

    def _gap(self) -> None:
        """An empty line before the next block, within what is quoted a quoted one; none at the beginning of an item or a quote."""
        if self._lines and not self._is_begun:
            line = "".join(rest for _first, rest in self._marks).rstrip()
            if self._lines[-1] != line:
                self._lines.append(line)

    def _open_item(self, token: Token) -> None:
        mark = f"{token.info}{token.markup} " if token.info else "- "
        self._marks.append((mark, " " * len(mark)))
        self._is_begun = True

    def _close(self) -> None:
        first, rest = self._marks[-1]
        if first != rest and first.strip():  # an item without words still has its mark
            self._add([""])
        self._marks.pop()

    def _add(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._lines.append(("".join(first for first, _rest in self._marks) + line).rstrip())
            self._marks = [(rest, rest) for _first, rest in self._marks]
            self._is_begun = False


def _plain(children: Sequence[Token]) -> str:
    """A line of text with its links said."""
    words: list[str] = []
    links: list[tuple[int, str]] = []
    for token in children:
        match token.type:
            case "softbreak" | "hardbreak":
                words.append("\n")
            case "link_open":
                links.append((len(words), _said(token)))
            case "link_close":
                start, address = links.pop()
                shown = "".join(words[start:])
                if address and address.casefold() not in (shown.casefold(), f"mailto:{shown}".casefold()):
                    words.append(f" ({address.removeprefix('mailto:')})")
            case "image":
                web = "" if _token_of(token) else f" ({token.attrs['src']})"
                words.append(_name_of(token) + web)
            case _:
                words.append(token.content)
    return "".join(words)


def _said(token: Token) -> str:
    """Where a link leads, in words; "" for one that was made of its own text."""
    if token.info == "auto" or PICTURE.match(str(token.attrs.get("href", ""))):
        return ""
    title = token.attrs.get("title")
    return f"{token.attrs['href']}, {title}" if title else str(token.attrs["href"])
