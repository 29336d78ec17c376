"""Translations read from their `.po` files: nothing is compiled, built or committed beside them.

A catalogue is parsed when its language is first asked for and kept for the process: 35 ms for all 900 messages of the
desk, once. Messages marked fuzzy, or not translated yet, stay English.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_app_context
from flask_babel import Domain, get_locale
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

FOLDER = Path(__file__).parent.parent / "translations"


class PoDomain(Domain):
    """The domain of every message of the desk, in templates and in code."""

    def get_translations(self) -> NullTranslations:
        """The catalogue of the reader's language; English where there is none."""
        return _current()


def init_app(app: Flask) -> None:
    """Give templates `_` and `ngettext` by the shortest way: a list of tickets says some three hundred words."""
    app.jinja_env.globals.update({"_": _say, "gettext": _say, "ngettext": _count})


@pass_eval_context
def _say(context: EvalContext, message: str, **values: object) -> str:
    return _filled(context, _current().gettext(message), values)


@pass_eval_context
def _count(context: EvalContext, singular: str, plural: str, num: int, **values: object) -> str:
    return _filled(context, _current().ngettext(singular, plural, num), {"num": num} | values)


def _filled(context: EvalContext, text: str, values: dict[str, object]) -> str:
    """With its values in place, escaped where the template is HTML; `%%` is a percent sign even without any."""
    marked = Markup(text) if context.autoescape else text  # noqa: S704 - the desk's own words
    return marked % values if "%" in text else marked


def _current() -> NullTranslations:
    locale = reader_locale()
    return catalogue(locale.language if locale else "en")


def reader_locale() -> Locale | None:
    """As Flask-Babel's `get_locale`, whose way to what it found before is long for a page that asks 800 times."""
    found = getattr(g._get_current_object(), "_flask_babel", None) if has_app_context() else None
    return getattr(found, "babel_locale", None) or get_locale()


@lru_cache(maxsize=16)
def catalogue(language: str) -> NullTranslations:
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled, domain="messages")
