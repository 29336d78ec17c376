"""The words of the desk's mails: all of them, one to write, how it would look, and what it said before."""

from __future__ import annotations

from flask import Response, abort, flash, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField, TextAreaField

from helpdesk.database import end_read, transaction
from helpdesk.errors import HelpdeskError, InvalidInput, NotFound
from helpdesk.languages import LANGUAGES
from helpdesk.models import EmailAccount, Ticket
from helpdesk.policy import mail_texts as policy
from helpdesk.policy.mail_texts import LINK_MAILS, RULES, MailText
from helpdesk.services import accounts, mail_previews, settings
from helpdesk.services import mail_texts as service
from helpdesk.services.mail_texts import Place, Words
from helpdesk.services.templates import Rendered
from helpdesk.web.access import require, viewer
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.admin.mail_text_words import ABOUT, GROUPS, PLACEHOLDERS, TITLES
from helpdesk.web.errors import sentence, status_of
from helpdesk.web.files import refuse_outside_frames
from helpdesk.web.forms import Form
from helpdesk.web.security import MAIL_POLICY, go

Page = str | Response | tuple[str, int]


class MailTextForm(Form):
    """The words, and the ticket they are shown on."""

    subject = StringField(_l("Subject"))
    words = TextAreaField(_l("Words"))
    ticket = StringField(_l("Show it on ticket"))
    seen = HiddenField()

    @property
    def number(self) -> int | None:
        """The ticket's number, however it was typed. Raises NotFound for anything else."""
        typed = (self.ticket.data or "").strip().lstrip("#")
        digits = typed.rpartition("-")[2]
        if typed and not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise NotFound("There is no such ticket.")
        return int(digits) if typed else None

    @property
    def seen_id(self) -> int:
        text = self.seen.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


@blueprint.get("/mail-texts")
@require("admin")
def show_mail_texts() -> Page:
    language, account = _language(), _account()
    found = service.overview(language, account)
    return render_template(
        "admin/mail_texts.html", groups=GROUPS, titles=TITLES, about=ABOUT, found=found, language=language,
        account=account, **_choices(),
    )  # fmt: skip


@blueprint.get("/mail-texts/<text>")
@require("admin")
def show_mail_text(text: str) -> Page:
    place = _place(text)
    now = service.current(place)
    form = MailTextForm(None, data={"subject": now.subject, "words": now.words, "seen": str(now.seen)})
    return _page(place, form, now)


@blueprint.post("/mail-texts/<text>")
@require("admin")
def save_mail_text(text: str) -> Page:
    """Save, or send a test of what is typed: the button says which."""
    place, form = _place(text), MailTextForm()
    if not form.validate() or not _is_usable(place, form):
        return _page(place, form), 422
    try:
        if request.form.get("do") == "test":
            return _send_test(place, form)
        with transaction():
            service.save(
                place, form.subject.data or "", form.words.data or "", seen=form.seen_id, actor=viewer()
            )
    except HelpdeskError as error:
        form.reject(error)
        return _page(place, form), status_of(error)
    flash(_("Saved: mails say this from now on."), "success")
    return go("admin.show_mail_text", text=place.text.value, **_where(place))


def _send_test(place: Place, form: MailTextForm) -> Page:
    """The page again, with what was typed, whether it could be sent or not."""
    ticket = mail_previews.ticket_to_show(viewer(), form.number)
    with transaction():
        mail_previews.send_test(
            place, form.subject.data or "", form.words.data or "", ticket=ticket, actor=viewer()
        )
    flash(_("A test is on its way to %(email)s. Nothing was saved.", email=viewer().email), "success")
    return _page(place, form)


@blueprint.post("/mail-texts/<text>/preview")
@require("admin")
def preview_mail_text(text: str) -> Response:
    """The mail as it would be, for the frame beside the words and nothing else."""
    refuse_outside_frames()
    place, form = _place(text), MailTextForm()
    shown, problems, ticket = None, [], None
    try:
        ticket = None if place.text in LINK_MAILS else mail_previews.ticket_to_show(viewer(), form.number)
        shown = _shown(place, form, ticket)
    except HelpdeskError as error:
        problems = _problems(place, form) or [sentence(error)]
    end_read()
    return _framed(place, shown, problems, ticket)


def _shown(place: Place, form: MailTextForm, ticket: Ticket | None) -> Rendered:
    subject, words = form.subject.data or "", form.words.data or ""
    return mail_previews.preview(place, subject, words, ticket=ticket, viewer=viewer())


def _framed(place: Place, shown: Rendered | None, problems: list[str], ticket: Ticket | None) -> Response:
    page = render_template(
        "emails/base_email/preview.html", shown=shown, problems=problems, ticket=ticket,
        has_subject=RULES[place.text].has_subject,
    )  # fmt: skip
    if shown:
        above, _between, below = page.partition("<!-- the mail -->")
        start = shown.html.index(">", shown.html.index("<body")) + 1
        end = shown.html.rindex("</body>")
        page = shown.html[:start] + above + shown.html[start:end] + below + shown.html[end:]
    response = make_response(page)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@blueprint.post("/mail-texts/<text>/reset")
@require("admin")
def reset_mail_text(text: str) -> Response:
    place = _place(text)
    with transaction():
        service.reset(place, actor=viewer())
    flash(_("The earlier words count again. Yours stay in the history."), "success")
    return go("admin.show_mail_text", text=place.text.value, **_where(place))


@blueprint.post("/mail-texts/<text>/restore")
@require("admin")
def restore_mail_text(text: str) -> Page:
    """Let a version of the history count again."""
    place = _place(text)
    typed = request.form.get("version", "")
    now = service.current(place)
    form = MailTextForm(None, data={"subject": now.subject, "words": now.words, "seen": str(now.seen)})
    try:
        if not (typed.isascii() and typed.isdigit() and len(typed) < 10):
            raise InvalidInput("There is no such version.")
        version = service.get(int(typed))
        if service.place_of(version) != place:
            raise NotFound("There is no such version.")
        with transaction():
            service.restore(service.get(int(typed)), actor=viewer())
    except HelpdeskError as error:
        form.reject(error)
        return _page(place, form, now), status_of(error)
    flash(_("The version counts again."), "success")
    return go("admin.show_mail_text", text=place.text.value, **_where(place))


def _page(place: Place, form: MailTextForm, now: Words | None = None) -> str:
    rules = RULES[place.text]
    return render_template(
        "admin/mail_text.html", place=place, form=form, now=now or service.current(place), rules=rules,
        title=TITLES[place.text], about=ABOUT[place.text], placeholders=PLACEHOLDERS,
        built_in=service.starting(place.text, place.language), history=service.history(place),
        where=_where(place), language=place.language, account=place.account, titles=TITLES, groups=GROUPS, **_choices(),
    )  # fmt: skip


def _is_usable(place: Place, form: MailTextForm) -> bool:
    """Whether it can be saved; if not, every problem stands at its field."""
    for problem in policy.problems(place.text, form.subject.data or "", form.words.data or ""):
        field = form.subject if problem.field == "subject" else form.words
        field.errors = [*field.errors, sentence(service.refusal(problem))]
    return not form.errors


def _problems(place: Place, form: MailTextForm) -> list[str]:
    found = policy.problems(place.text, form.subject.data or "", form.words.data or "")
    return [sentence(service.refusal(problem)) for problem in found]


def _place(text: str) -> Place:
    """Raises NotFound."""
    if text not in set(MailText):
        raise NotFound("There is no such page.")
    return Place(MailText(text), _language(), _account())


def _language() -> str:
    """The one asked for, else the desk's."""
    asked = request.args.get("language", "")
    return asked if asked in LANGUAGES else settings.language()


def _account() -> EmailAccount | None:
    """The one asked for, None for the whole desk. Raises NotFound."""
    asked = request.args.get("account", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        abort(404)
    return accounts.get(int(asked))


def _where(place: Place) -> dict[str, object]:
    """What the address of a page needs beside the text."""
    found: dict[str, object] = {"language": place.language}
    return found | ({"account": place.account.id} if place.account else {})


def _choices() -> dict[str, object]:
    """For the two lists at the top."""
    every = [("", _("The whole desk")), *((a.id, a.email) for a in accounts.all_accounts())]
    return {"languages": list(LANGUAGES.items()), "every_account": every}
