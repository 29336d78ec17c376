"""Turns HTML into text in which the quotations that mail programs mark stand behind `>`."""

from __future__ import annotations

import re

from lxml.html import HtmlElement

from helpdesk.mail.html import read_tree, tree_to_text
from helpdesk.mail.quote_headers import BREAK, HISTORY, REPLY_LINE
from helpdesk.mail.quote_words import FORWARD

_QUOTE_CLASSES = {
    "gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra",
    "gmail_attr", "moz-cite-prefix", "cite", "quoted-text", "mail-quote", "moz-forward-container", "oriMsg", "ox-quote", "mcntreply",
    "ms-outlook-mobile-reference-message", "front-blockquote", "sh-quoted-content", "gmx_quote", "freebirdQuote",
    "missive_quote", "freshdesk_quote", "spark_quote", "hcb_quote", "mailbird_quote", "airmail_quote", "gorgias_quote",
}  # fmt: skip
_QUOTE_IDS = re.compile(
    r"(?:OLK_SRC_BODY_SECTION|yahoo_quoted_\w+|mail-editor-reference-message-container|x_?yahoo_quoted_\w+|"
    r"isReplyContent|isForwardContent|replySplit|reply-intro|qt|quoted_?mail|ms-outlook-mobile-body-separator-line)\Z",
    re.IGNORECASE,
)
_QUOTE_NAMES = {"quote", "messageReplySection", "mailReplySection"}
_YAHOO = re.compile(r"(?:ydp\w{1,12})?yahoo_quoted")  # its own mails quoted again get a prefix
# From here down everything is history.
_REST_IDS = re.compile(
    r"(?:x_)*(?:divRplyFwdMsg|appendonsend|stopSpelling|divTaggedContent|ms-outlook-mobile-reference-message)\Z",
    re.IGNORECASE,
)
# Word's line above the header of the quoted mail; two blues, one grey, since 2007.
_TOP_BORDER = re.compile(
    r"border(?:-top)?:\s?(?:none;\s?border-top:\s?)?solid\s#?\w{3,12}\s1(?:\.0)?pt", re.IGNORECASE
)
# An editor's indentation: 40 px to the left and no line beside it.
_INDENTED = re.compile(
    r"border(?:-left)?:\s?(?:none|0)|\A(?!.*border-left).*margin[^;]{0,30}:[^;]{0,30}\b40px", re.IGNORECASE
)


def marked_text(html: str) -> tuple[str, bool]:
    """The text of HTML that carries a mail program's marks ("" when none), and whether they leave no doubt.

    A mere `<hr>` is as often the sender's own: beside other marks it counts, alone it is a hint.
    """
    tree = read_tree(html)
    if tree is None:
        return "", False
    marks = [element for element in tree.iter() if isinstance(element.tag, str) and _is_mark(element)]
    has_line = REPLY_LINE.search(html) is not None
    if not marks and not has_line:
        return "", False
    _mark(marks)
    return tree_to_text(tree), has_line or any(element.tag != "hr" for element in marks)


def _mark(marks: list[HtmlElement]) -> None:
    inside: set[HtmlElement] = set()
    for element in marks:
        if element in inside or element.getparent() is None:
            continue
        if _is_rest(element):
            _put_line(element, BREAK if element.tag == "hr" else HISTORY)
        elif not _is_forward(element):
            first = element.find("blockquote") if element.tag != "blockquote" else None
            quoted = element if first is None else _above(element, first)
            inside.update(quoted.iterdescendants())
            _quote(quoted)


def _is_mark(element: HtmlElement) -> bool:
    return _is_rest(element) or _is_quote(element)


def _is_quote(element: HtmlElement) -> bool:
    if element.tag == "blockquote":
        return not _INDENTED.search(element.get("style") or "")
    classes = set((element.get("class") or "").split())
    if classes & _QUOTE_CLASSES or any(map(_YAHOO.match, classes)) or element.get("name") in _QUOTE_NAMES:
        return True
    return bool(_QUOTE_IDS.match(element.get("id") or ""))


def _is_rest(element: HtmlElement) -> bool:
    if element.tag == "hr" or _REST_IDS.match(element.get("id") or ""):
        return True
    return element.tag == "div" and bool(_TOP_BORDER.search(element.get("style") or ""))


def _above(container: HtmlElement, first: HtmlElement) -> HtmlElement:
    """What stands above the first quotation in an element that holds quotations and the answers between them."""
    attribution = container.makeelement("div")
    attribution.text, container.text = container.text, None
    above = list(first.itersiblings(preceding=True))
    attribution.extend(reversed(above))
    container.insert(0, attribution)
    return attribution


def _is_forward(element: HtmlElement) -> bool:
    first = next((text.strip() for text in element.itertext() if text.strip()), "")
    return bool(FORWARD.match(first[:200]))


def _put_line(element: HtmlElement, line: str) -> None:
    mark = element.makeelement("div")
    mark.text = line
    element.addprevious(mark)


def _quote(element: HtmlElement) -> None:
    """Put `>` before every line of an element."""
    parent = element.getparent()
    if parent is None:
        return
    quoted = element.makeelement("pre")
    quoted.tail, element.tail = element.tail, None
    quoted.text = "\n" + "\n".join(f"> {line}".rstrip() for line in tree_to_text(element).split("\n")) + "\n"
    parent.replace(element, quoted)
