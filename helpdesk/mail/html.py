"""HTML of strangers: as plain text for search, as cleaned HTML for a sandboxed frame.

Cleaners and converters are quadratic in nesting depth, and what a tag soup nests cannot be counted from outside. So it
is parsed once by libxml2 (linear), measured, and handed on as a tree whose depth is known. What is too deep or too
large is shown as its words.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import nh3
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring, tostring

from helpdesk.mail.charset import clean
from helpdesk.mail.office import name_symbols
from helpdesk.mail.pictures import Pictures, place_pictures
from helpdesk.mail.styles import PROPERTIES, declarations, is_ink, is_paper, plain_sheet, plain_style

MAX_CHARS = 1_000_000
MAX_WORDS = 4 * MAX_CHARS  # of HTML that is shown as its words
MAX_DEPTH = 500
MAX_TABLE_DEPTH = 40
_ANY_TAG = re.compile(r"<[^<>]{0,10000}>")
_LINE_TAG = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]{0,1000}>", re.IGNORECASE)
_UNSEEN = ("script", "style", "head", "title", "template", "noscript", "object", "svg", "math", "xml")
_DROPPED = re.compile(
    r"<(script|style|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL
)
_PICTURE = re.compile(r"<img\b[^<>]{0,4000}?https?://", re.IGNORECASE)
_PICTURE = re.compile(r"<img\b[^<>]{0,4000}?https?://", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_PLAIN_NAMES = re.compile(r"[\w -]{1,500}")
_TAGS = (
    "a abbr b big blockquote br caption center cite code col colgroup dd del div dl dt em font h1 h2 h3 h4 h5 h6 hr i "
    "img ins kbd li ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var"
)
_CELL = {"colspan", "rowspan", "width", "height", "valign", "bgcolor", "nowrap"}
ATTRIBUTES = {
    "*": {"align", "class", "dir", "id", "lang", "title", "style"},
    "a": {"href"},
    "img": {"src", "data-src", "alt", "width", "height", "border", "hspace", "vspace"},
    "td": _CELL,
    "th": _CELL,
    "tr": {"bgcolor", "valign", "height"},
    "col": {"width"},
    "table": {"width", "height", "border", "cellpadding", "cellspacing", "bgcolor"},
    "font": {"color", "size", "face"},
    "hr": {"size", "width", "color"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "li": {"value", "type"},
}
_COLOUR_ATTRIBUTES = ("bgcolor", "color")
_LINK_RULE = re.compile(r"[^{]*(?:(?<![\w.#-])a(?![\w-])|MsoHyperlink|EmailStyle)[^{]*\Z")


@dataclass(frozen=True, slots=True)
class Designed:
    """A mail's own HTML for the sandboxed frame: `body` and the rules of `sheet` are safe there and nowhere else.

    `is_plain`: its writer chose neither colours nor pictures, so it may look like the page around it.
    """

    body: str
    sheet: str = ""
    is_plain: bool = True
    pictures: Pictures = field(default_factory=Pictures)


def read_tree(html: str) -> HtmlElement | None:
    """The parsed document without what is never shown; None when it is empty, too large, too deep or unreadable."""
    found = _read_with_sheet(html)
    return found[0] if found else None


def _read_with_sheet(html: str) -> tuple[HtmlElement, str] | None:
    """The tree, and the text of its style sheets."""
    if len(html) > MAX_CHARS or not html.strip():
        return None
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = document_fromstring(clean(html).encode("utf-8"), parser=parser)
        sheet = "\n".join(style.text or "" for style in tree.iter("style"))
        etree.strip_elements(tree, *_UNSEEN, with_tail=False)
    except (etree.LxmlError, ValueError, AssertionError):
        return None
    return (tree, sheet) if _is_shallow(tree) else None


def _is_shallow(tree: HtmlElement) -> bool:
    level = tables = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        step = 1 if event == "start" else -1
        level += step
        tables += step if element.tag == "table" else 0
        if level > MAX_DEPTH or tables > MAX_TABLE_DEPTH:
            return False
    return True


def tree_to_text(tree: HtmlElement) -> str:
    """The words of a tree with their line breaks, "" when they cannot be told."""
    config = ParserConfig(css=CSS_PROFILES["strict"].copy(), display_links=False)
    try:
        return _tidy(Inscriptis(tree, config).get_text())
    except Exception:  # whatever a converter raises on foreign HTML, the words come from elsewhere
        return ""


def html_to_text(html: str) -> str:
    """The words of HTML with their line breaks; never raises."""
    if not html.strip():
        return ""
    tree = read_tree(html)
    text = "" if tree is None else tree_to_text(tree)
    return text if text.strip() else _tidy(_without_tags(html))


def _without_tags(html: str) -> str:
    """Plain text of HTML that is too wild for anything better."""
    text = _LINE_TAG.sub("\n", _DROPPED.sub(" ", html[:MAX_WORDS]))
    words = clean(html_entities.unescape(_ANY_TAG.sub(" ", text)))
    return "\n".join(" ".join(line.split()) for line in words.split("\n"))


def _tidy(text: str) -> str:
    lines = [line.replace("\xa0", " ").rstrip() for line in clean(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def clean_html(html: str, *, cid: Mapping[str, str] | None = None) -> str:
    """The body alone of `design`."""
    return design(html, cid=cid).body


def design(html: str, *, cid: Mapping[str, str] | None = None, shows_remote: bool = False) -> Designed:
    """HTML that is safe inside a sandboxed frame: allowed tags, harmless styles, links that open outside.

    `cid` maps content ids to addresses of ours. Images of the web keep their address in `data-src`, where nothing
    fetches it, unless `shows_remote`; every other image loses its source. Never raises.
    """
    found = _read_with_sheet(html)
    if found is None:
        words = _tidy(_without_tags(html))
        return Designed(f"<pre>{html_entities.escape(words)}</pre>" if words else "")
    tree, sheet = found
    name_symbols(tree)
    images = {key.strip("<>").lower(): url for key, url in (cid or {}).items()}
    pictures = place_pictures(tree, images, is_remote_shown=shows_remote)
    rules = plain_sheet(sheet)
    is_plain = not (pictures.shown or pictures.remote or _has_colours(tree) or _has_coloured_rules(rules))
    if is_plain:
        rules = plain_sheet(sheet, drops_colours=True)
    body = _body_rule(tree, drops_colours=is_plain)
    return Designed(
        _allowed(tree, is_plain=is_plain), "\n".join(filter(None, [body, rules])), is_plain, pictures
    )


def _allowed(tree: HtmlElement, *, is_plain: bool) -> str:
    """The tree as HTML, with nothing in it but what the lists name."""
    sources = {image.get("src") for image in tree.iter("img")}

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "src":
            return value if value in sources else None
        if attribute in ("href", "data-src"):
            wanted = _LINK if attribute == "href" else _WEB
            return value if wanted.match(value.strip()) else None
        if attribute == "style":
            return plain_style(value, drops_colours=is_plain) or None
        if attribute in ("class", "id"):
            return value if _PLAIN_NAMES.fullmatch(value) else None
        return None if is_plain and attribute in _COLOUR_ATTRIBUTES else value

    return nh3.clean(
        tostring(tree, encoding="unicode"),
        tags=set(_TAGS.split()),
        clean_content_tags=set(_UNSEEN) & {"script", "style", "title", "head", "svg", "math", "template"},
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        filter_style_properties=set(PROPERTIES),
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}, "img": {"referrerpolicy": "no-referrer"}},
    ).strip()


def _has_colours(tree: HtmlElement) -> bool:
    """Whether somebody chose some: black letters on white are what programs write, and links are blue anyhow."""
    for element in tree.iter():
        if not is_paper(element.get("bgcolor") or "white"):
            return True
        if element.tag != "a" and not is_ink(element.get("color") or "black"):
            return True
        if _chooses_colours(element.get("style") or "", is_link=element.tag == "a"):
            return True
    return False


def _has_coloured_rules(rules: str) -> bool:
    for rule in rules.split("}"):
        selector, _brace, style = rule.rpartition("{")
        if _chooses_colours(style, is_link=_LINK_RULE.match(selector) is not None):
            return True
    return False


def _chooses_colours(style: str, *, is_link: bool) -> bool:
    for name, value in declarations(style) if "color" in style or "background" in style else ():
        if name.startswith("background") and not is_paper(value):
            return True
        if name == "color" and not is_link and not is_ink(value):
            return True
    return False


def _body_rule(tree: HtmlElement, *, drops_colours: bool) -> str:
    """What the sender said about the whole sheet: his `body` is not there, ours stands for it."""
    body = tree.find("body")
    if body is None:
        return ""
    ground = body.get("bgcolor")
    said = ";".join(filter(None, [f"background-color:{ground}" if ground else "", body.get("style")]))
    kept = plain_style(said, drops_colours=drops_colours)
    return f"body{{{kept}}}" if kept else ""


def count_pictures(html: str) -> Pictures:
    """How many pictures of the web a mail would show, and how many only tell on its reader; never raises."""
    if not _PICTURE.search(html) or (tree := read_tree(html)) is None:
        return Pictures()
    return place_pictures(tree, {})
