"""A list of all time zones to choose from: six hundred lines, so they are made once and not for every page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from markupsafe import Markup
from wtforms import SelectField
from wtforms.fields.choices import Choice, SelectChoice
from wtforms.widgets import Select

from helpdesk.services import settings
from helpdesk.web.forms import options


class _KeptOptions(Select):
    """WTForms' own list, of which each line is kept."""

    @classmethod
    def render_option(cls, choice: Choice, **_: Any) -> Markup:
        return _line(choice.value, str(choice.label), bool(choice.selected))


@cache
def _line(value: str, label: str, is_selected: bool) -> Markup:
    return Select.render_option(Choice(value, label, is_selected, {}))


@cache
def _zones() -> Sequence[SelectChoice]:
    return options(*((zone, zone) for zone in settings.zones()))


class ZoneField(SelectField):
    """Drawn as every other list by `components/field.html`, which knows it by this name."""

    widget = _KeptOptions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer([])

    def offer(self, first: Sequence[SelectChoice]) -> None:
        """Put these before the zones."""
        self.choices = [*first, *_zones()]
