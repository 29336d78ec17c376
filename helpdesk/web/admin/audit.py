"""What was changed about the desk itself, by whom and when."""

from __future__ import annotations

from flask import render_template, request, url_for

from helpdesk.services import audit
from helpdesk.web.access import require
from helpdesk.web.admin import words
from helpdesk.web.admin.blueprint import blueprint


@blueprint.get("/audit")
@require("admin")
def show_audit() -> str:
    before = request.args.get("before", "")
    is_number = before.isascii() and before.isdigit() and len(before) < 10
    changes, next_before = audit.changes(before=int(before) if is_number else None)
    next_url = url_for("admin.show_audit", before=next_before) if next_before else None
    return render_template(
        "admin/audit.html",
        changes=changes,
        words=words.of_event,
        target=words.of_target,
        next_url=next_url,
        is_paged=is_number,
    )
