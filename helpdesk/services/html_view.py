"""A comment's own HTML, cleaned, with the pictures that came along: the only way it may reach a browser."""

from __future__ import annotations

from collections.abc import Callable

from helpdesk.mail.html import clean_html
from helpdesk.models import Attachment, Comment


def cleaned(comment: Comment, address_of: Callable[[Attachment], str]) -> str:
    """Safe HTML; `address_of` names where an inline picture is served."""
    pictures = {file.content_id: address_of(file) for file in comment.attachments if file.content_id}
    return clean_html(comment.html, cid=pictures)
