"""The public contact form: shown, taken, and the same thanks whatever became of it."""

from __future__ import annotations

import logging

from flask import Response, flash, make_response, render_template, request
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import IntegrityError

from helpdesk.database import end_read, transaction, utcnow
from helpdesk.errors import InvalidInput, NotFound
from helpdesk.policy.contact import Haste, haste
from helpdesk.policy.status import Category
from helpdesk.services import attachments, contact, portal
from helpdesk.services.contact import Message
from helpdesk.services.tickets.comments import Words
from helpdesk.web.access import require, viewer_or_none
from helpdesk.web.contact import limits
from helpdesk.web.contact.blueprint import blueprint
from helpdesk.web.contact.forms import ContactForm, most_bytes, read_public_files
from helpdesk.web.forms import new_form_key
from helpdesk.web.portal.forms import chosen_files
from helpdesk.web.security import go

logger = logging.getLogger(__name__)
Page = str | Response | tuple[str, int]


@blueprint.before_request
def only_when_on() -> None:
    if not contact.is_on():
        raise NotFound("There is no such page.")


@blueprint.get("")
@require("anyone")
def form() -> Page:
    """Whoever is signed in has a better page: the desk knows who he is."""
    user = viewer_or_none()
    if user is not None:
        return go("tickets.new" if user.is_team else "portal.new")
    return _render(ContactForm(None, category=Category.SUPPORT.value))


@blueprint.post("")
@limits.tries_per_machine
@require("anyone")
def send() -> Page:
    typed = ContactForm()
    if typed.website.data:
        logger.info("contact refused: the trap was filled in ip=%s", request.remote_addr)
        limits.count()
        return go("contact.thanks")
    typed.offer(portal.offered_accounts())
    try:
        if not typed.validate():
            return _render(typed), 422
        _take(typed)
    except InvalidInput as error:
        typed.reject(error)
        return _render(typed), 422
    return go("contact.thanks")


@blueprint.get("/thanks")
@require("anyone")
def thanks() -> Page:
    return render_template("contact/thanks.html")


def _take(typed: ContactForm) -> None:
    """Of the same form sent twice at once, one is stored. Raises InvalidInput."""
    form_key = _read_stamp(typed)
    contact.check(typed.email.data, typed.text.data)
    files = read_public_files()
    limits.count()
    end_read()
    message = Message(
        name=typed.name.data or "",
        email=typed.email.data,
        subject=typed.subject.data,
        category=Category(typed.category.data),
        account_id=typed.account.data,
        words=Words(
            typed.text.data.replace("\r\n", "\n").strip(), files=attachments.stage(files), form_key=form_key
        ),
        language=get_locale().language if get_locale() else None,
    )
    try:
        _store(message)
    except IntegrityError:
        _store(message)


def _store(message: Message) -> None:
    with transaction():
        ticket = contact.take(message)
        number = ticket.number
    logger.info("ticket=%s opened by the contact form ip=%s", number, request.remote_addr)


def _read_stamp(typed: ContactForm) -> str:
    """The form's key. Raises InvalidInput for a form that was not ours, is too old, or was sent faster than written."""
    stamp = contact.read_stamp(typed.stamp.data or "")
    if stamp is None:
        raise InvalidInput("This form was incomplete. Please send it once more.")
    form_key, shown_at = stamp
    match haste(shown_at, now=utcnow()):
        case Haste.TOO_FAST:
            raise InvalidInput("That was faster than anybody writes. Please send it once more.")
        case Haste.TOO_OLD:
            raise InvalidInput("This page was open for too long. Please send it once more.")
        case Haste.FINE:
            return form_key


def _render(typed: ContactForm) -> str:
    """The form with a stamp of its own; one that came back keeps its key, so that it stays one message."""
    offered = portal.offered_accounts()
    typed.offer(offered)
    before = contact.read_stamp(typed.stamp.data or "")
    typed.stamp.data = contact.issue_stamp(before[0] if before else new_form_key())
    return render_template(
        "contact/form.html",
        form=typed,
        several=len(offered) > 1,
        lost_files=typed.is_submitted() and chosen_files(),
        max_bytes=most_bytes(),
    )


@blueprint.errorhandler(RateLimitExceeded)
def too_much(error: RateLimitExceeded) -> Response:
    """The same words for every limit; what was typed stays on the page."""
    logger.warning("contact refused: too many ip=%s limit=%s", request.remote_addr, error.description)
    flash(_("Too many messages have been sent just now. Please try again in an hour; your words stay on this page."),
          "error")  # fmt: skip
    return make_response(_render(ContactForm()), 429)
