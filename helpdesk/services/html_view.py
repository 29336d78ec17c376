"""HTML that may reach a browser: a comment's own, cleaned, with the pictures that came along; Markdown as it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from helpdesk.mail.html import Designed, design
from helpdesk.mail.markdown import pictures_in, to_html
from helpdesk.models import Attachment, Comment

__all__ = ["Designed", "designed", "pictures_in", "written"]


def designed(
    comment: Comment, address_of: Callable[[Attachment], str], *, shows_remote: bool = False
) -> Designed:
    """Safe HTML; `address_of` names where an inline picture is served, `shows_remote` lets those of the web in."""
    pictures = {file.content_id: address_of(file) for file in comment.attachments if file.content_id}
    return design(comment.html, cid=pictures, shows_remote=shows_remote)


def written(source: str, pictures: Mapping[str, str]) -> str:
    """Markdown as a safe fragment; `pictures` are the addresses of those in it by their tokens."""
    return to_html(source, pictures=pictures)
