"""HTML of strangers: as plain text for search, as cleaned HTML for a sandboxed frame.

Cleaners are quadratic in nesting depth, so depth and size are capped before they see anything.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nh3
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from helpdesk.mail.charset import clean

MAX_BYTES = 1_000_000
MAX_DEPTH = 200
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})\b[^<>]{0,10000}(/?)>")
_ANY_TAG = re.compile(r"<[^<>]{0,10000}>")
_DROPPED = re.compile(
    r"<(script|style|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL
)
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
TAGS = {
    "a",
    "abbr",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
}
ATTRIBUTES = {
    "*": {"align", "dir", "lang", "title", "style"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "width", "valign", "bgcolor"},
    "th": {"colspan", "rowspan", "width", "valign", "bgcolor"},
    "table": {"width", "border", "cellpadding", "cellspacing", "bgcolor"},
    "font": {"color", "size", "face"},
    "ol": {"start"},
}
STYLES = {
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "color",
    "direction",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "text-indent",
    "vertical-align",
    "white-space",
    "width",
}


def depth(html: str) -> int:
    """How deep elements are nested at most, counting every opening tag that could nest."""
    level = deepest = 0
    for match in _TAG.finditer(html):
        closing, name, self_closing = match.groups()
        if name.lower() in _VOID or self_closing:
            continue
        level = max(level - 1, 0) if closing else level + 1
        deepest = max(deepest, level)
    return deepest


def _strip_tags(html: str) -> str:
    """Plain text of HTML that is too wild for anything better."""
    text = _DROPPED.sub(" ", html[: 4 * MAX_BYTES])
    text = re.sub(r"(?i)<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]{0,1000}>", "\n", text)
    words = clean(html_entities.unescape(_ANY_TAG.sub(" ", text)))
    return "\n".join(" ".join(line.split()) for line in words.split("\n"))


def html_to_text(html: str) -> str:
    """The words of HTML with their line breaks; never raises."""
    if not html.strip():
        return ""
    if len(html) > MAX_BYTES or depth(html) > MAX_DEPTH:
        return _tidy(_strip_tags(html))
    try:
        css = CSS_PROFILES["strict"].copy()
        text = get_text(_DROPPED.sub(" ", html), ParserConfig(css=css, display_links=False))
    except Exception:  # whatever a parser of foreign bytes raises, the words must come through
        text = ""
    return _tidy(text if text.strip() else _strip_tags(html))


def _tidy(text: str) -> str:
    lines = [line.replace("\xa0", " ").rstrip() for line in clean(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def clean_html(html: str, *, cid: Mapping[str, str] | None = None) -> str:
    """HTML that is safe inside a sandboxed frame: allowed tags, harmless styles, no remote image, links marked.

    `cid` maps content ids to addresses of ours; every other image loses its source.
    """
    images = {key.lower(): url for key, url in (cid or {}).items()}
    if len(html) > MAX_BYTES or depth(html) > MAX_DEPTH:
        return "<pre>" + html_entities.escape(_tidy(_strip_tags(html))) + "</pre>"

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src":
            name = unquote(value[4:]).strip("<>").lower() if value.lower().startswith("cid:") else ""
            return images.get(name)
        return value

    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style", "title", "head", "svg", "math"},
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        filter_style_properties=STYLES,
        url_schemes={"http", "https", "mailto", "cid"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
