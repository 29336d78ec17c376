"""The desk's own mails: Jinja templates under `templates/emails/<name>/`, in the language of who gets them."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from flask_babel import force_locale

from helpdesk.services import settings

LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's subject in one line, its plain text and its HTML."""

    subject: str
    text: str
    html: str


def render(template: str, /, *, language: str | None, **variables: object) -> Rendered:
    """Fill the three templates of a mail; the desk's language when the person chose none.

    Everything is escaped in the HTML. Raises jinja2.TemplateError for a template that is missing or broken.
    """
    with force_locale(language if language in LANGUAGES else settings.language()):
        parts = [
            _render(f"emails/{template}/{part}", variables)
            for part in ("subject.txt", "body.txt", "body.html")
        ]
    subject, text, html = parts
    return Rendered(" ".join(subject.split()), text.strip() + "\n", html)


def _render(path: str, variables: dict[str, object]) -> str:
    return current_app.jinja_env.get_template(path).render(**variables)
