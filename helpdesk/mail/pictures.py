"""Pictures of foreign HTML: those that came along are shown, those of the web wait, and those nobody can see go.

A picture of the web tells its sender when it is loaded, and from where. One that is too small to be seen, or hidden,
has no other purpose: it is dropped even when the others are shown.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from lxml.html import HtmlElement

PIXEL = 2  # so many pixels in both directions are nothing to look at
_WEB = re.compile(r"https?://", re.IGNORECASE)
_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z", re.IGNORECASE)
_NUMBER = re.compile(r"\s*(\d{1,6}(?:\.\d{0,6})?)\s*(px|pt|%)?\s*(?:!\s*important\s*)?\Z", re.IGNORECASE)
_UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0*)?\s*(?:[;!]|\Z)"
    r"|mso-hide\s*:\s*all|max-height\s*:\s*0(?:px)?\s*(?:[;!]|\Z)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a mail has: `shown` can be seen, `remote` are of the web, shown or not, `pixels` were dropped."""

    shown: int = 0
    remote: int = 0
    pixels: int = 0


def place_pictures(tree: HtmlElement, cid: Mapping[str, str], *, is_remote_shown: bool = False) -> Pictures:
    """Point every picture at our copy of it, or at the web when that is wanted; else keep its address in `data-src`,
    where no browser looks. `cid` maps content ids, in lower case and bare, to addresses of ours.
    """
    if tree.find(".//img") is None:
        return Pictures()
    unseen: set[HtmlElement] = set()
    shown = remote = pixels = 0
    for element in list(tree.iter()):
        if element.getparent() in unseen or _is_hidden(element):
            unseen.add(element)
        if element.tag != "img":
            continue
        source = (element.get("src") or "").strip()
        for name in ("src", "data-src", "srcset"):
            element.attrib.pop(name, None)
        if not _WEB.match(source):
            shown += _show_own(element, source, cid)
        elif element in unseen or _is_tiny(element):
            pixels += 1
            element.drop_tree()
        elif is_public(source):
            remote += 1
            shown += is_remote_shown
            element.set("src" if is_remote_shown else "data-src", _secure(source))
    return Pictures(shown, remote, pixels)


def is_public(url: str) -> bool:
    """Whether it is a place of the open web: a mail has no business in the reader's own network."""
    try:
        address = urlsplit(url)
        host = (address.hostname or "").rstrip(".")
        if address.port not in (None, 80, 443):
            return False
    except ValueError:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return (
            "." in host
            and not host[-1].isdigit()
            and not host.endswith((".local", ".internal", ".localhost"))
        )
    return False


def _secure(url: str) -> str:
    """Over TLS, as browsers load the pictures of secure pages: our policy lets no other through."""
    return urlunsplit(urlsplit(url)._replace(scheme="https", netloc=urlsplit(url).netloc.removesuffix(":80")))


def _show_own(image: HtmlElement, source: str, cid: Mapping[str, str]) -> bool:
    ours = source
    if source[:4].lower() == "cid:":
        ours = cid.get(unquote(source[4:]).strip("<> ").lower(), "")
    elif not _DATA.match(source):
        ours = ""
    if ours:
        image.set("src", ours)
    return bool(ours)


def _is_hidden(element: HtmlElement) -> bool:
    return element.get("hidden") is not None or bool(_UNSEEN.search(element.get("style") or ""))


def _is_tiny(image: HtmlElement) -> bool:
    """Nothing in one direction, or next to nothing in every one that is said."""
    sizes = [size for name in ("width", "height") if (size := _size(image, name)) is not None]
    return bool(sizes) and (min(sizes) == 0 or max(sizes) <= PIXEL)


def _size(image: HtmlElement, name: str) -> float | None:
    """In pixels, by the style first as browsers do; a share of something is taken for more than a few, None: not said."""
    style = re.search(rf"(?:\A|[;\s]){name}\s*:([^;]*)", image.get("style") or "", re.IGNORECASE)
    for said in (style[1] if style else None, image.get(name)):
        if said is not None and (number := _NUMBER.match(said.strip()[:40])):
            share = (number[2] or "") == "%"
            return float(number[1]) * (PIXEL + 1 if share else 1)
    return None
