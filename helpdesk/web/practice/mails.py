"""The page, and the mails the desk sent: shown as their readers see them, never run."""

from __future__ import annotations

from flask import Response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from helpdesk.database import end_read
from helpdesk.errors import NotFound
from helpdesk.services import practice
from helpdesk.services.practice import Mailboxes, OpenedMail
from helpdesk.web.access import require
from helpdesk.web.files import as_download, framed, refuse_outside_frames
from helpdesk.web.practice.blueprint import admitted, blueprint, opened
from helpdesk.web.practice.forms import PERSONAS, CustomerMailForm

Page = str | Response | BaseResponse | tuple[str, int]


@blueprint.get("")
@require("anyone")
def index() -> Page:
    boxes = admitted()
    if isinstance(boxes, BaseResponse):
        return boxes
    return show(boxes, blank_form(boxes))


def show(boxes: Mailboxes, form: CustomerMailForm) -> str:
    """The page: the form at the left, the mails, the open one."""
    if not boxes:
        return render_template("practice/start.html")
    key = request.args.get("mail", "")
    word = request.args.get("wrote", "")
    mail = practice.open_mail(boxes, key) if key else None
    answered = practice.open_mail(boxes, form.answer_to.data) if form.answer_to.data else None
    return render_template(
        "practice/index.html", form=form, boxes=boxes, mail=mail, answered=answered, personas=PERSONAS,
        mails=practice.all_sent(boxes), fate=practice.fate(word) if word else None, wrote=word,
    )  # fmt: skip


def blank_form(boxes: Mailboxes) -> CustomerMailForm:
    """What the form holds before anybody typed: somebody to be, or the answer to a mail."""
    name, email = PERSONAS[0]
    values: dict[str, object] = {"name": name, "email": email}
    if chosen := request.args.get("as"):
        values |= next(({"name": n, "email": e} for n, e in PERSONAS if e == chosen), {})
    key = request.args.get("answer", "")
    if key:
        mail = practice.open_mail(boxes, key)
        values = {**practice.answering(mail), "account": mail.account.id, "answer_to": key}
    form = CustomerMailForm(None, **values)
    form.offer(boxes)
    return form


def _opened(key: str) -> OpenedMail:
    mail = practice.open_mail(opened(), key)
    end_read()
    return mail


@blueprint.get("/mails/<key>/html")
@require("anyone")
def html(key: str) -> Response:
    """A mail as it was designed, for the sandboxed frame and for nothing else."""
    refuse_outside_frames()
    mail = _opened(key)
    if not mail.parsed.html:
        raise NotFound("There is no such page.")
    pictures = {
        file.content_id: url_for("practice.file", key=key, position=position)
        for position, file in enumerate(mail.parsed.files)
        if file.content_id
    }
    return framed(practice.designed(mail, pictures))


@blueprint.get("/mails/<key>/source")
@require("anyone")
def source(key: str) -> Response:
    return as_download(_opened(key).raw, f"mail-{key}.eml")


@blueprint.get("/mails/<key>/files/<int:position>")
@require("anyone")
def file(key: str, position: int) -> Response:
    files = _opened(key).parsed.files
    if position >= len(files):
        raise NotFound("There is no such file.")
    found = files[position]
    return as_download(found.data, found.filename, found.content_type.lower())
