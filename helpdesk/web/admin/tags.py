"""Tags: how often each is used; renamed, merged with another, deleted."""

from __future__ import annotations

from flask import Response, flash, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired

from helpdesk.database import transaction
from helpdesk.errors import HelpdeskError
from helpdesk.models import Tag
from helpdesk.services import tags
from helpdesk.services.tags import MAX_NAME
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.errors import status_of
from helpdesk.web.forms import Form, options, trimmed
from helpdesk.web.security import go

Page = str | Response | tuple[str, int]


class NameForm(Form):
    tag = StringField(_l("Name"), filters=[trimmed], validators=[DataRequired(_l("Please enter a name."))],
                      render_kw={"maxlength": MAX_NAME, "autocomplete": "off"})  # fmt: skip


class MergeForm(Form):
    into = SelectField(_l("Merge with"), coerce=int, default=0)

    def offer(self, tag: Tag) -> None:
        others = [(other.id, other.name) for other in tags.known() if other.id != tag.id]
        self.into.choices = options((0, _("Choose a tag")), *others)


@blueprint.get("/tags")
@require("admin")
def show_tags() -> Page:
    return render_template("admin/tags.html", tags=tags.used())


def _page(tag: Tag, name: NameForm | None = None, merging: MergeForm | None = None) -> str:
    if merging is None:
        merging = MergeForm(None)
        merging.offer(tag)
    return render_template(
        "admin/tag.html", tag=tag, count=tags.count(tag), form=name or NameForm(None, tag=tag.name), merging=merging
    )  # fmt: skip


@blueprint.get("/tags/<int:tag_id>")
@require("admin")
def show_tag(tag_id: int) -> Page:
    return _page(tags.get(tag_id))


@blueprint.post("/tags/<int:tag_id>")
@require("admin")
def rename_tag(tag_id: int) -> Page:
    tag, form = tags.get(tag_id), NameForm()
    if not form.validate():
        return _page(tag, name=form), 422
    try:
        with transaction():
            tags.rename(tag, form.tag.data or "", actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return _page(tags.get(tag_id), name=form), status_of(error)
    flash(_("Saved."), "success")
    return go("admin.show_tags")


@blueprint.post("/tags/<int:tag_id>/merge")
@require("admin")
def merge_tag(tag_id: int) -> Page:
    tag, form = tags.get(tag_id), MergeForm()
    form.offer(tag)
    if not form.validate():
        return _page(tag, merging=form), 422
    old = tag.name
    try:
        with transaction():
            into = tags.get(form.into.data) if form.into.data else tag
            new = into.name
            tags.merge(tag, into, actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return _page(tags.get(tag_id), merging=form), status_of(error)
    flash(_("“%(old)s” is now part of “%(new)s”.", old=old, new=new), "success")
    return go("admin.show_tags")


@blueprint.get("/tags/<int:tag_id>/delete")
@require("admin")
def ask_to_delete_tag(tag_id: int) -> Page:
    tag = tags.get(tag_id)
    return render_template("admin/delete_tag.html", tag=tag, count=tags.count(tag))


@blueprint.post("/tags/<int:tag_id>/delete")
@require("admin")
def delete_tag(tag_id: int) -> Page:
    tag = tags.get(tag_id)
    name = tag.name
    with transaction():
        tags.delete(tag, actor=viewer())
    flash(_("The tag “%(name)s” is deleted.", name=name), "success")
    return go("admin.show_tags")
