"""What people sent us, given back so that a browser never runs it: files as downloads, HTML in a sandbox.

Nothing here decides by file name or type who may have it: `services.access` does, by the comment.
"""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, Response, make_response, render_template, request, send_file, url_for

from helpdesk.database import end_read
from helpdesk.errors import NotFound
from helpdesk.models import Attachment
from helpdesk.services import access, attachments, drafts, html_view, pictures
from helpdesk.services.html_view import Designed
from helpdesk.web.access import require, viewer
from helpdesk.web.security import FILE_POLICY, MAIL_POLICY, MAIL_POLICY_WITH_PICTURES

blueprint = Blueprint("files", __name__)
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
UNKNOWN = "application/octet-stream"


def as_download(data: bytes, filename: str, content_type: str = UNKNOWN) -> Response:
    """Bytes a browser saves instead of showing; the name is quoted as RFC 6266 says, whatever is in it."""
    name = "".join(letter for letter in filename if letter.isprintable()) or "file"
    response = send_file(
        BytesIO(data),
        mimetype=content_type if content_type in PICTURES else UNKNOWN,
        as_attachment=True,
        download_name=name,
        max_age=0,
    )
    response.headers["Content-Security-Policy"] = FILE_POLICY
    return response


@blueprint.get("/files/<token>/<path:name>")
@require("person")
def download(token: str, name: str) -> Response:
    """`name` is for the browser's eyes only; the token alone decides."""
    attachment = access.get_attachment(viewer(), token)
    data, filename = attachments.contents(attachment), attachment.filename
    content_type = attachment.content_type.lower()
    end_read()
    return as_download(data, filename, content_type)


@blueprint.get("/pictures/<token>")
@require("person")
def picture(token: str) -> Response:
    """A picture in what an agent wrote, for whoever may read his words."""
    attachment = access.get_attachment(viewer(), token)
    if attachment not in attachments.shown(attachment.comment).values():
        raise NotFound("There is no such file.")
    return _as_picture(attachment.sha256)


@blueprint.get("/uploads/<token>")
@require("team")
def upload(token: str) -> Response:
    """A picture in what somebody is still writing, for him alone."""
    return _as_picture(drafts.picture(viewer(), token).sha256)


def _as_picture(sha256: str) -> Response:
    data, content_type = attachments.picture(sha256)
    end_read()
    response = send_file(BytesIO(data), mimetype=content_type, max_age=0)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    return response


@blueprint.get("/comments/<int:comment_id>/html")
@require("team")
def html(comment_id: int) -> Response:
    """A mail as its sender designed it, for the sandboxed frame on the ticket and for nothing else.

    With `pictures` in the address those of the web are shown this once, else only where the reader always wants them.
    """
    refuse_outside_frames()
    comment = access.get_comment(viewer(), comment_id)
    if not comment.html:
        raise NotFound("There is no such page.")
    shows_remote = "pictures" in request.args or bool(pictures.always_shown(viewer(), [comment]))
    return framed(html_view.designed(comment, _url, shows_remote=shows_remote), with_pictures=shows_remote)


def refuse_outside_frames() -> None:
    """Foreign HTML is no page of the desk. Raises NotFound when a browser asks for it as one."""
    if request.headers.get("Sec-Fetch-Dest", "iframe") not in {"iframe", "frame"}:
        raise NotFound("There is no such page.")


def framed(mail: Designed, *, with_pictures: bool = False) -> Response:
    """A mail under a policy of its own: nothing runs, and nothing is loaded but what was asked for."""
    response = make_response(render_template("files/mail.html", mail=mail))
    policy = MAIL_POLICY_WITH_PICTURES if with_pictures else MAIL_POLICY
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _url(attachment: Attachment) -> str:
    return url_for("files.download", token=attachment.token, name=attachment.filename)
