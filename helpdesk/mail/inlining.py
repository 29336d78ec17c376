"""The look of a mail put into its elements: most mail programs drop or rewrite style sheets.

Only a sheet marked `data-css-inline="keep"` stays one. Nothing is ever loaded from anywhere.
"""

from __future__ import annotations

from css_inline import CSSInliner

_INLINER = CSSInliner(load_remote_stylesheets=False)


def inlined(html: str) -> str:
    """A whole HTML document with its style sheets written into the `style` of its elements."""
    return _INLINER.inline(html)
