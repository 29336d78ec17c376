"""The languages the desk speaks: English, and every one with a catalogue under `translations/`.

Another language is one more file, `translations/<language>/LC_MESSAGES/messages.po`: nothing else names it.
"""

from __future__ import annotations

from pathlib import Path

from babel import Locale, UnknownLocaleError

FOLDER = Path(__file__).parent / "translations"
OWN = "en"  # the language the desk is written in


def found(folder: Path = FOLDER) -> dict[str, str]:
    """The languages by their code, each by its own name: English first, the others by code."""
    codes = sorted(path.parent.parent.name for path in folder.glob("*/LC_MESSAGES/messages.po"))
    names = {code: name for code in (OWN, *codes) if (name := _name(code))}
    return dict(names)


def _name(code: str) -> str:
    """As its speakers write it; "" for a folder that is named after no language."""
    try:
        name = Locale.parse(code).get_display_name(code) or code
    except (UnknownLocaleError, ValueError):
        return ""
    return name[:1].upper() + name[1:]


LANGUAGES = found()
