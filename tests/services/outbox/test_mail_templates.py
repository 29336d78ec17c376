"""The desk's own mails: what people read in them, as text and as HTML."""

import os
import re
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

import helpdesk.web.filters as filters
from helpdesk.mail.inlining import inlined
from helpdesk.models import EmailAccount
from helpdesk.policy.audience import Kind, Recipient, Template
from helpdesk.policy.colour import palette
from helpdesk.policy.status import Priority, Status
from helpdesk.services.outbox.digests import Line
from helpdesk.services.outbox.forwards import Passage
from helpdesk.services.outbox.told import MOST_TEXT, News, Said, Told, Trouble
from helpdesk.services.templates import Shades
from helpdesk.web.catalog import PoDomain

GOLDEN = Path(__file__).parent / "golden"
TICKET = {
    "subject": "[TKT-2026-00042] Printer <b>",
    "ticket_subject": "Printer <b>",
    "tag": "TKT-2026-00042",
    "desk_name": "Fjord & Office",
    "url": "https://desk.example/tickets/42",
    "profile_url": "https://desk.example/profile",
    "moment": lambda when: f"{when:%Y-%m-%d}",
}
DUE = datetime(2026, 11, 24, 17, tzinfo=UTC)
TEAMS = {
    "is_customer": False, "requester_name": "Jonas & Berg", "status": Status.NEW, "priority": Priority.HIGH,
    "category": "Billing", "due_at": DUE, "is_overdue": False,
}  # fmt: skip


def words(kind):
    return Said(kind, "Nora & Keller", "Hello,\n\nplease <try> again.", ("a.pdf",))


def news(template, *facts, recipient="assignee"):
    return {"news": News(Template(template), Recipient(recipient), facts)}


def fact(template, field="", before=None, after=None, said=None):
    return Told(Template(template), "Tom & Hale", field, before, after, said)


def to_customer(template, *facts, **more):
    return (
        TICKET
        | {"is_customer": True, "status": Status.NEW, **news(template, *facts, recipient="customer")}
        | more
    )


def to_team(template, *facts, **more):
    return TICKET | TEAMS | news(template, *facts) | more


STATUS = fact("status_changed", "status", "in_progress", "pending")
LINK = {
    "name": "Jonas",
    "desk_name": "Fjord & Office",
    "url": "https://desk.example/x/1",
    "lifetime": timedelta(hours=1),
}
ALL_CLEAR = {
    "desk_name": "Fjord & Office", "url": "https://desk.example/admin/health",
    "accounts": [EmailAccount(email="support@fjord.example"), EmailAccount(email="sales@fjord.example")],
}  # fmt: skip
MAILS = {
    "comment_added to customer": to_customer(
        "comment_added", fact("comment_added", said=words("reply")), is_answer=True, signature="Your & team"
    ),
    "comment_added to customer resolving": to_customer(
        "comment_added", fact("comment_added", said=words("reply")), is_answer=True, signature="Team", outcome=Status.RESOLVED
    ),
    "comment_added to somebody mentioned": TICKET | TEAMS | {"news": News(
        Template.COMMENT, Recipient.MENTIONED, (Told(Template.COMMENT, "Tom & Hale", said=words("note"), is_mention=True),), Kind.MENTION
    )},
    "comment_added to follower of a forward": TICKET | TEAMS | news(
        "comment_added", fact("comment_added", said=words("forward")), recipient="follower"
    ),
    "comment_added to team": to_team("comment_added", fact("comment_added", said=words("note"))),
    "ticket_created to customer": to_customer("ticket_created"),
    "ticket_created to team": to_team("ticket_created", fact("ticket_created", said=words("incoming"))),
    "ticket_assigned to team": to_team("ticket_assigned", fact("ticket_assigned")),
    "status_changed to customer": to_customer("status_changed", STATUS, status=Status.PENDING),
    "status_changed to team": to_team("status_changed", STATUS, status=Status.PENDING),
    "ticket_resolved to customer": to_customer("ticket_resolved", fact("ticket_resolved", "status", "open", "resolved")),
    "ticket_closed to customer": to_customer("ticket_closed", fact("ticket_closed", "status", "open", "closed")),
    "ticket_overdue to team": to_team("ticket_overdue", fact("ticket_overdue"), is_overdue=True),
    "ticket_updated to team": to_team(
        "ticket_updated", STATUS, fact("ticket_updated", "due", None, DUE), fact("comment_added", said=words("reply"))
    ),
    "mail_undelivered to author": TICKET | TEAMS | news(
        "mail_undelivered", Told(Template.UNDELIVERED, "", said=words("reply"), trouble=Trouble(
            ("jonas@customer.example",), "Not delivered to %(recipients)s.", {"recipients": "jonas@customer.example"}, "550 5.1.1 <no> such mailbox"
        )), recipient="author",
    ),
    "mail_undelivered to author of a draft": TICKET | TEAMS | news(
        "mail_undelivered", Told(Template.UNDELIVERED, "", trouble=Trouble(
            ("jonas@customer.example",), "The customer wrote first.", {}, is_unsent=True
        )), recipient="author",
    ),
    "digest": {
        "every": "daily", "desk_name": "Fjord & Office", "url": "https://desk.example/notifications", "profile_url": "https://desk.example/profile",
        "count": 3, "fact_count": 12, "is_customer": False,
        "lines": [
            Line("TKT-2026-00042", "Printer <b>", "Jonas & Berg", Status.OPEN, Priority.HIGH, "https://desk.example/tickets/42", (
                Told(Template.COMMENT, "Tom & Hale", said=words("note"), is_mention=True), Told(Template.COMMENT, "Jonas", said=Said("incoming", "Jonas", "Still & broken", is_cut=True)),
                STATUS, fact("ticket_overdue"),
            ), earlier=6),
            Line("TKT-2026-00043", "", "Maria Lund", Status.NEW, Priority.LOW, "https://desk.example/tickets/43", (fact("ticket_assigned"), Told(
                Template.UNDELIVERED, "", trouble=Trouble(("jonas@customer.example",), "The customer wrote first.", {}, is_unsent=True)
            ))),
        ],
        "named": [Line("TKT-2026-00044", "Scanner", "Maria Lund", Status.NEW, Priority.LOW, "https://desk.example/tickets/44", ())],
    },
    "forward to somebody outside": TICKET | {
        "url": "", "is_customer": True, "said": Said("forward", "Tom & Hale", "Can you <repair> it?", source="Can you <repair> it?"), "signature": "Your & team",
        "forwarded": [
            Passage("Jonas <jonas@customer.example>", DUE, "It shows\nerror 49 & stops.", ("display.jpg",)),
            Passage("Nora & Keller <support@fjord.example>", DUE, "Please wait."),
        ],
    },
    "mail_held": {"desk_name": "Fjord & Office", "url": "", "subject": "AW: Printer <b>", "reason": "You may not work on this account."},
    "fetch_recovered": ALL_CLEAR,
    "sending_recovered": ALL_CLEAR,
    "sign_in_link": LINK,
    "invitation": LINK,
    "password_link": LINK,
    "test": {"desk_name": "Fjord & Office", "account_email": "support@fjord.example", "url": "https://desk.example"},
}  # fmt: skip


ORDINARY = Shades()


def renderer():
    """Makes mails of `MAILS` without a desk around them: (subject, text, html)."""
    app = Flask("helpdesk")
    app.config["SERVER_NAME"] = "desk.example"
    Babel(app).domain_instance = PoDomain()
    filters.init_app(app)

    def fill(name, language="en", shades=ORDINARY, **more):
        values = MAILS[name] | {"shades": shades} | more
        with app.test_request_context(), force_locale(language):
            subject, text, html = [
                app.jinja_env.get_template(f"emails/{name.split()[0]}/{part}").render(**values).strip()
                for part in ("subject.txt", "body.txt", "body.html")
            ]
            return [subject, text, inlined(html)]

    return fill


@pytest.fixture(scope="module")
def render():
    return renderer()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", MAILS)
def test_every_mail_reads_as_it_was_looked_at(render, name, language):
    """Against `golden/`; after a change somebody has read: UPDATE_GOLDEN=1 writes them anew."""
    subject, text, html = render(name, language)
    golden = GOLDEN / f"{name.replace(' ', '_')}.{language}.txt"
    found = f"Subject: {subject}\n\n{text}\n\n{'=' * 20} HTML\n{visible(html)}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found.splitlines() == golden.read_text(encoding="utf-8").splitlines()


def visible(html):
    """What a reader of the HTML sees, a line for each paragraph, cell and button."""
    html = re.sub(
        r'<style.*?</style>|<title>.*?</title>|<div class="hd-hidden".*?</div>|<!--.*?-->',
        " ",
        html,
        flags=re.S,
    )
    html = re.sub(r"<(?:/p|/td|/li|/h\d|/blockquote|/pre|br)[^>]*>", "\n", re.sub(r"\s+", " ", html))
    lines = (" ".join(line.split()) for line in unescape(re.sub(r"<[^>]*>", "", html)).split("\n"))
    return "\n".join(line for line in lines if line)


@pytest.mark.parametrize("name", MAILS)
def test_every_mail_says_the_same_in_text_and_html(render, name):
    subject, text, html = render(name)
    assert subject and "\n" not in subject
    assert MAILS[name]["url"] in text and MAILS[name]["url"] in html
    assert "Fjord & Office" in text and "Fjord &amp; Office" in html
    assert "\n\n\n" not in text
    assert "<b>" not in html


@pytest.mark.parametrize("name", MAILS)
def test_the_frame_comes_last_and_mail_programs_leave_it_out_of_answers(render, name):
    message, _, frame = render(name)[1].partition("\n-- \n")
    assert message.strip() and frame.strip()


@pytest.mark.parametrize("name", [name for name in MAILS if " to " in name])
def test_text_and_html_have_equal_content(render, name):
    """Every word of the one is in the other; the plain text writes out what a button hides."""
    _, text, html = render(name)
    shown = visible(html)
    links = set(re.findall(r'href="([^"]*)"', unescape(html)))

    def all_words(text):
        return set(re.findall(r"\w+(?:[&']\w+)*", text))

    for link in links:
        text, shown = text.replace(link, ""), shown.replace(link, "")
        assert link in render(name)[1]
    assert all_words(text) == all_words(shown)


@pytest.mark.parametrize("name", [name for name, values in MAILS.items() if values["url"]])
def test_mails_wear_the_colour_of_the_desk(render, name):
    chosen = palette("#8a2be2")
    html = render(name, shades=Shades(chosen.accent, chosen.on_accent, chosen.soft))[2]
    assert f'bgcolor="{chosen.accent[0]}"' in html
    assert f".hd-button {{ background: {chosen.accent[1]} !important; }}" in html
    ordinary = {shade for pair in astuple(ORDINARY) for shade in pair} - {"#ffffff"}  # the card is white, too
    assert [shade for shade in ordinary - {*chosen.on_accent} if shade in html] == []


@pytest.mark.parametrize("name", MAILS)
def test_mails_look_right_where_style_sheets_are_dropped_and_load_nothing(render, name):
    html = render(name)[2]
    body = html.partition("<body")[2]
    assert "<style" not in body and "url(" not in html and " src=" not in body
    styled = re.findall(r'<(?:p|td|table|a) [^>]*class="(hd-[a-z-]+)[^>]*>', body)
    bare = [tag for tag in re.findall(r"<(?:p|td|a)\b[^>]*>", body) if "style=" not in tag and "hd-" in tag]
    assert styled and bare == []
    assert "prefers-color-scheme: dark" in html and "[data-ogsc]" in html  # Apple Mail; Outlook
    assert 'role="presentation" width="600"' in html  # Outlook knows no max-width
    assert len(html.encode()) < 30_000  # Gmail cuts at 102 kB: the rest is for what people say


@pytest.mark.parametrize("text", ["Some ordinary words of a sentence. " * 5 + "\n\n", "- short\n"])
def test_the_longest_notification_is_not_cut_by_gmail(render, text):
    said = Said("incoming", "Nora", (text * MOST_TEXT)[:MOST_TEXT])
    longest = to_team("comment_added", fact("comment_added", said=said))
    assert len(render("comment_added to team", **longest)[2].encode()) < 102_000


def test_acknowledgement_says_number_subject_and_status(render):
    subject, text, html = render("ticket_created to customer")
    assert subject == "[TKT-2026-00042] Printer <b>"
    assert "Number: TKT-2026-00042\nSubject: Printer <b>\nStatus: Open" in text
    assert "keep the number in the subject" in text
    assert "Printer &lt;b&gt;" in html and "View ticket" in html


def test_an_answer_says_who_wrote_it_and_then_only_his_words(render):
    _, text, html = render("comment_added to customer")
    assert text.startswith(
        "Tom & Hale commented on your ticket:\n\nHello,\n\nplease <try> again.\n\nYour & team"
    )
    assert "please &lt;try&gt; again.</p>" in html
    assert "a.pdf" in text


def test_the_team_is_told_who_what_and_by_when(render):
    text = render("ticket_updated to team")[1]
    for line in (
        "Status: In progress → Pending by Tom & Hale",
        "Due: no date → 2026-11-24",
        "Nora & Keller answered:",
        "Customer: Jonas & Berg",
        "Priority: High",
        "Category: Billing",
    ):
        assert line in text


def test_links_say_how_long_they_work(render):
    assert "for 1 hour." in render("sign_in_link")[1]
