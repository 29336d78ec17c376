"""Finds every form on every page a person can open, as a browser would see it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

TYPED = {"text", "search", "textarea"}


@dataclass
class Form:
    """Where it goes, and its fields: name -> (kind, value)."""

    page: str
    action: str
    method: str
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.page, self.forms, self._form, self._area, self._select = page, [], None, None, None

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag == "form":
            action = urlsplit(at.get("action") or self.page)
            path = action.path + (f"?{action.query}" if action.query else "")
            self._form = Form(self.page, path, (at.get("method") or "get").upper())
            self.forms.append(self._form)
        if tag in {"input", "button"} and at.get("formaction"):
            self.forms.append(Form(self.page, at["formaction"], "POST", self._form.fields))
        if self._form is None or not at.get("name"):
            if (
                tag == "option"
                and self._select
                and ("selected" in at or not self._form.fields[self._select][1])
            ):
                self._form.fields[self._select] = ("select", at.get("value", ""))
            return
        name, kind = at["name"], at.get("type", "text")
        if tag == "input" and kind in {"checkbox", "radio"}:
            if "checked" in at:
                self._form.fields[name] = (kind, at.get("value", "on"))
        elif tag == "input" and kind != "submit":
            self._form.fields[name] = (kind, at.get("value", ""))
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = ("textarea", "")
        elif tag == "select":
            self._select = name
            self._form.fields[name] = ("select", "")

    def handle_data(self, data):
        if self._area:
            kind, value = self._form.fields[self._area]
            self._form.fields[self._area] = (kind, value + data)

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None
        if tag == "form":
            self._form = None


def forms_of(page, text):
    reader = _Reader(page)
    reader.feed(text)
    return [form for form in reader.forms if form.method == "POST"]
