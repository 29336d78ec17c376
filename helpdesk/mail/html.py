"""HTML of strangers: as plain text for search, as cleaned HTML for a sandboxed frame.

Cleaners and converters are quadratic in nesting depth, and what a tag soup nests cannot be counted from outside. So it
is parsed once by libxml2 (linear), measured, and handed on as a tree whose depth is known. What is too deep or too
large is shown as its words.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nh3
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring, tostring

from helpdesk.mail.charset import clean
from helpdesk.mail.pictures import Pictures, place_pictures

MAX_CHARS = 1_000_000
MAX_WORDS = 4 * MAX_CHARS  # of HTML that is shown as its words
MAX_DEPTH = 500
MAX_TABLE_DEPTH = 40
_ANY_TAG = re.compile(r"<[^<>]{0,10000}>")
_LINE_TAG = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]{0,1000}>", re.IGNORECASE)
_UNSEEN = ("script", "style", "head", "title", "template", "noscript", "object", "svg", "math")
_DROPPED = re.compile(
    r"<(script|style|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL
)
_PICTURE = re.compile(r"<img\b[^<>]{0,4000}?https?://", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_TAGS = (
    "a abbr b big blockquote br caption center cite code col colgroup dd del div dl dt em font h1 h2 h3 h4 h5 h6 hr i "
    "img ins kbd li ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var"
)
_CELL = {"colspan", "rowspan", "width", "height", "valign", "bgcolor"}
ATTRIBUTES = {
    "*": {"align", "dir", "lang", "title", "style"},
    "a": {"href"},
    "img": {"src", "data-src", "alt", "width", "height"},
    "td": _CELL,
    "th": _CELL,
    "table": {"width", "border", "cellpadding", "cellspacing", "bgcolor"},
    "font": {"color", "size", "face"},
    "ol": {"start"},
}
_STYLES = (
    "background background-color border border-bottom border-collapse border-color border-left border-radius "
    "border-right border-spacing border-style border-top border-width color direction display font-family font-size "
    "font-style font-weight letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right "
    "margin-top max-width overflow-wrap padding padding-bottom padding-left padding-right padding-top text-align "
    "text-decoration text-indent text-transform vertical-align white-space width word-break"
)
# Properties that may only say something plain: a shorthand could name a picture, a layout could hide or cover words.
_PLAIN_VALUES = {
    "background": re.compile(r"#[0-9a-f]{3,8}|[a-z]+|rgba?\([\d.,%\s]+\)", re.IGNORECASE),
    "border-radius": re.compile(r"[\d.]+(?:px|em|rem|%)?(?:\s+[\d.]+(?:px|em|rem|%)?){0,3}", re.IGNORECASE),
    "display": re.compile(
        r"none|block|inline|inline-block|list-item|table|inline-table|table-(?:cell|row)", re.IGNORECASE
    ),
}
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IMPORTANT = re.compile(r"!\s*important\Z", re.IGNORECASE)


def read_tree(html: str) -> HtmlElement | None:
    """The parsed document without what is never shown; None when it is empty, too large, too deep or unreadable."""
    if len(html) > MAX_CHARS or not html.strip():
        return None
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = document_fromstring(clean(html).encode("utf-8"), parser=parser)
        etree.strip_elements(tree, *_UNSEEN, with_tail=False)
    except (etree.LxmlError, ValueError, AssertionError):
        return None
    return tree if _is_shallow(tree) else None


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
    """HTML that is safe inside a sandboxed frame: allowed tags, harmless styles, links that open outside.

    `cid` maps content ids to addresses of ours. Images of the web keep their address in `data-src`, where nothing
    fetches it; every other image loses its source.
    """
    tree = read_tree(html)
    if tree is None:
        words = _tidy(_without_tags(html))
        return f"<pre>{html_entities.escape(words)}</pre>" if words else ""
    images = {key.strip("<>").lower(): url for key, url in (cid or {}).items()}
    for image in tree.iter("img"):
        _place_image(image, images)
    ours = set(images.values())

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "src":
            return value if value in ours else None
        if attribute in ("href", "data-src"):
            wanted = _LINK if attribute == "href" else _WEB
            return value if wanted.match(value.strip()) else None
        if attribute == "style":
            return _plain_style(value)
        return value

    return nh3.clean(
        tostring(tree, encoding="unicode"),
        tags=set(_TAGS.split()),
        clean_content_tags=set(_UNSEEN) & {"script", "style", "title", "head", "svg", "math", "template"},
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        filter_style_properties=set(_STYLES.split()),
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


def count_pictures(html: str) -> Pictures:
    """How many pictures of the web a mail would show, and how many only tell on its reader; never raises."""
    if not _PICTURE.search(html) or (tree := read_tree(html)) is None:
        return Pictures()
    return place_pictures(tree, {})


def _plain_style(style: str) -> str | None:
    """Without declarations that say more than their property may; None when it could fetch something."""
    if any(word in style.lower() for word in ("url", "\\", "expression", "@")):
        return None
    declarations = _CSS_COMMENT.sub("", style).split(";")
    return ";".join(declaration for declaration in declarations if _is_plain(declaration))


def _is_plain(declaration: str) -> bool:
    name, _colon, value = declaration.partition(":")
    allowed = _PLAIN_VALUES.get(name.strip().lower())
    return allowed is None or allowed.fullmatch(_IMPORTANT.sub("", value.strip()).strip()) is not None


def _place_image(image: HtmlElement, images: Mapping[str, str]) -> None:
    """Point an image at our copy of it, or keep its address where no browser looks."""
    source = (image.get("src") or "").strip()
    for name in ("src", "data-src", "srcset"):
        image.attrib.pop(name, None)
    if source[:4].lower() == "cid:":
        ours = images.get(unquote(source[4:]).strip("<>").lower())
        if ours:
            image.set("src", ours)
    elif _WEB.match(source):
        image.set("data-src", source)
