"""Takes a picture of every mail: light and dark, as wide as a desk's screen and as a phone's, in every language.

`make mail-pictures` writes them to a folder, with a sheet of all beside them; somebody looks at them.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from helpdesk.policy.audience import Template
from helpdesk.policy.colour import palette
from helpdesk.policy.mail_texts import MailText
from helpdesk.services.mail_words import Filling
from helpdesk.services.outbox.history import Quoted
from helpdesk.services.outbox.told import Said
from helpdesk.services.templates import Shades
from tests.services.outbox.test_mail_templates import MAILS, ORDINARY, fact, renderer, to_customer

LOOKS = {"light": (640, "light"), "dark": (640, "dark"), "phone": (390, "light"), "phone-dark": (390, "dark")}
OWN_WORDS = """Dear **{{customer_name}}**,

thank you! We look at *{{subject}}* today. Meanwhile:

- restart the printer, then wait for `ready`
- read [our page](https://desk.example/help)

> Office hours are 9 to 17.

{{ticket_details}}

{{ticket_link}}

Yours, {{desk_name}}"""
LONG = "\n\n".join(
    ["A long paragraph of many words that has to break somewhere. " * 4, "https://desk.example/" + "a" * 120]
)


def samples():
    """(name, the mail's name, further values) of everything worth a look."""
    for name in MAILS:
        yield name, name, {}
    long = fact(Template.COMMENT, said=Said("reply", "Nora", LONG, ("a-very-long-name-" * 6 + ".pdf",)))
    yield (
        "long words",
        "comment_added to customer",
        to_customer("comment_added", long, is_answer=True, signature=""),
    )
    earlier = Quoted(
        1, datetime(2026, 11, 20, 9, tzinfo=UTC), "Jonas Berg", "It does not print.\n\nIt says error 49."
    )
    yield "with history", "comment_added to customer", {"history": (earlier,)}
    chosen = palette("#8a2be2")
    shades = Shades(chosen.accent, chosen.on_accent, chosen.soft) if chosen else ORDINARY
    yield "another colour", "comment_added to team", {"shades": shades}
    yield (
        "own words",
        "ticket_created to customer",
        {
            "own": Filling(MailText.CREATED, "{{subject}}", OWN_WORDS),
            "foot": Filling(MailText.FOOTER, "", "{{desk_name}}, *Harbour Street 1*, 20459 Hamburg"),
            "customer_name": "Jonas Berg",
        },
    )


def take(folder: Path) -> list[tuple[str, dict[str, str]]]:
    """Every picture, as (mail, {look: file}); complains of mails wider than their window or loading anything."""
    render, taken = renderer(), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language in ("en", "de"):
            for title, name, more in samples():
                html, files = render(name, language, **more)[2], {}
                for look, (width, scheme) in LOOKS.items():
                    page = browser.new_page(viewport={"width": width, "height": 400}, color_scheme=scheme)
                    page.on("request", lambda request: print("asks for", request.url, file=sys.stderr))
                    page.set_content(html)
                    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                        print(f"{title} ({language}, {look}) is wider than the window", file=sys.stderr)
                    files[look] = f"{title.replace(' ', '_')}.{language}.{look}.png"
                    page.screenshot(path=folder / files[look], full_page=True)
                    page.close()
                taken.append((f"{title}, {language}", files))
        browser.close()
    return taken


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="mails-"))
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"<h2>{title}</h2><p>" + "".join(f'<img src="{file}" height="420"> ' for file in files.values())
        for title, files in take(folder)
    ]
    sheet = folder / "index.html"
    sheet.write_text("<!doctype html><meta charset=utf-8><title>Every mail</title>" + "\n".join(rows))
    print(sheet)


if __name__ == "__main__":
    main()
