"""A comment's own HTML, cleaned, with the pictures that came along: the only way it may reach a browser."""

from __future__ import annotations

from collections.abc import Callable

from helpdesk.mail.html import Designed, design
from helpdesk.models import Attachment, Comment

__all__ = ["Designed", "designed"]


def designed(
    comment: Comment, address_of: Callable[[Attachment], str], *, shows_remote: bool = False
) -> Designed:
    """Safe HTML; `address_of` names where an inline picture is served, `shows_remote` lets those of the web in."""
    pictures = {file.content_id: address_of(file) for file in comment.attachments if file.content_id}
    return design(comment.html, cid=pictures, shows_remote=shows_remote)
