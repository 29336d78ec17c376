"""The words of mails in the browser: written, looked at, tried out, set back; what cannot be is refused and kept."""

import re
from html import unescape

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction
from helpdesk.models import EmailAccount, EmailMessage, EmailTemplate, User
from helpdesk.policy.mail_texts import RULES, MailText
from helpdesk.services import mail_previews, mail_texts
from helpdesk.services.mail_texts import Place
from tests import factories
from tests.services.outbox.told_mails import send_gathered, text_of
from tests.web.conftest import browser, csrf_of

PATH = "/admin/mail-texts/ticket_assigned"
WORDS = {
    "subject": "Yours: {{subject}}",
    "words": "Hi {{recipient_name}}, **look**:\n\n{{ticket_link}}",
    "seen": "0",
}


@pytest.fixture
def admin(app, desk):
    return browser(app, desk["admin"])


def send(client, path=PATH, **data):
    return client.post(path, data={"csrf_token": csrf_of(client, "/profile")} | data)


def versions(app):
    with app.app_context():
        return [
            (row.subject, row.words, row.language, row.account_id, row.is_built_in)
            for row in db.session.scalars(select(EmailTemplate).order_by(EmailTemplate.id))
        ]


def test_words_are_saved_shown_and_set_back_and_every_version_stays(app, desk, admin):
    assert "{{what_happened}}" in admin.get(PATH).text  # the built-in words are what one begins from
    assert send(admin, **WORDS).status_code == 303
    page = admin.get(PATH).text
    assert WORDS["words"].split("\n")[0] in page and "own words" in page
    assert "own words" in admin.get("/admin/mail-texts").text
    with app.app_context():
        first = db.session.scalar(select(EmailTemplate.id))
    assert send(admin, **WORDS | {"words": "Two {{ticket_link}}", "seen": str(first)}).status_code == 303
    assert send(admin, f"{PATH}/reset").status_code == 303
    assert send(admin, f"{PATH}/restore", version=str(first)).status_code == 303
    assert [words for _, words, *_ in versions(app)] == [
        WORDS["words"],
        "Two {{ticket_link}}",
        "",
        WORDS["words"],
    ]
    text = admin.get("/admin/audit").text
    assert "Changed the words of a mail" in text and "Set the words of a mail back" in text


def test_what_cannot_be_used_is_refused_with_its_line_and_nothing_typed_is_lost(app, admin):
    typed = {"subject": "My own {{subject", "words": "One\n\n{{nonsense}} <b>two</b>", "seen": "0"}
    response = send(admin, **typed)
    assert response.status_code == 422 and versions(app) == []
    page = unescape(response.text)
    assert "Line 3: nobody fills in {{nonsense}}." in page and "{{ticket_link}} must stay" in page
    assert "Line 1: {{ is left open" in page
    assert "My own {{subject" in page and "{{nonsense}} <b>two</b>" in page


def test_who_did_not_see_the_newest_words_does_not_overwrite_them(app, admin):
    send(admin, **WORDS)
    response = send(admin, **WORDS | {"words": "Mine {{ticket_link}}"})
    assert response.status_code == 409 and "Mine {{ticket_link}}" in unescape(response.text)
    assert len(versions(app)) == 1


def test_each_language_and_each_account_has_its_own_words(app, desk, admin):
    where = f"{PATH}?language=de&account={desk['account']}"
    assert send(admin, where, **WORDS).headers["Location"].endswith(f"language=de&account={desk['account']}")
    assert [row[2:4] for row in versions(app)] == [("de", desk["account"])]
    assert "built in" in admin.get(PATH).text and "own words" in admin.get(where).text
    assert (
        admin.get(f"{PATH}?account=99999").status_code
        == admin.get("/admin/mail-texts/nothing").status_code
        == 404
    )


def test_the_preview_shows_what_is_typed_on_the_chosen_ticket(app, desk, admin):
    response = send(admin, f"{PATH}/preview", **WORDS, ticket=str(desk["ticket"]))
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox") and "script" not in policy and "default-src 'none'" in policy
    assert (
        re.search(r"<strong[^>]*>look</strong>", response.text)
        and f"/tickets/{desk['ticket']}" in response.text
    )
    assert "Hi Ada Lovelace, look:" in response.text  # the plain text below
    assert versions(app) == []
    bare = send(admin, "/admin/mail-texts/base_email/preview", words="")  # no footer by itself
    assert "hd-card" in bare.text and "Thank you for writing" in bare.text
    wrong = send(admin, f"{PATH}/preview", **WORDS | {"words": "{{x}}"})
    assert "nobody fills in {{x}}" in unescape(wrong.text)
    assert "no such ticket" in send(admin, f"{PATH}/preview", **WORDS, ticket="98765").text


def test_every_text_can_be_looked_at_and_saved_as_it_begins(app, desk, admin):

    for text in set(MailText) - {MailText.FOOTER}:
        for language in ("en", "de"):
            with app.test_request_context():
                words = mail_texts.starting(text, language)
            typed = {"subject": words.subject, "words": words.words, "seen": "0"}
            path = f"/admin/mail-texts/{text.value}"
            shown = send(admin, f"{path}/preview?language={language}", **typed).text
            assert "{{" not in shown and "hd-card" in shown, text
            assert send(admin, f"{path}?language={language}", **typed).status_code == 303, text


def test_a_test_goes_to_oneself_and_saves_nothing(app, desk, admin):
    response = send(admin, **WORDS, do="test")
    assert response.status_code == 200 and "A test is on its way to ada@desk.example" in response.text
    assert "Hi {{recipient_name}}" in response.text and versions(app) == []
    with app.app_context():
        mail = db.session.scalar(select(EmailMessage).where(EmailMessage.purpose == "test"))
        assert mail.recipients["to"] == [factories.ADMIN]
        (sent,) = [one for one in send_gathered(mail.account_id) if one["Subject"].startswith("Test: ")]
        assert "Hi Ada Lovelace, look:" in text_of(sent) and "[hd:" not in text_of(sent)


def test_words_of_an_accounts_page_are_where_one_begins(app, desk, admin):
    with app.app_context(), transaction():
        account = db.session.get(EmailAccount, desk["account"])
        account.acknowledgement_text = "Dear {{customer_name}},\n\n*1. first*\n- second"
    page = unescape(admin.get(f"/admin/mail-texts/ticket_created?account={desk['account']}").text)
    assert "Dear {{customer_name}},\n\n\\*1. first\\*\n\\- second\n\n{{ticket_details}}" in page.replace(
        "\r\n", "\n"
    )
    assert "as on the account's page" in page


def test_words_that_cannot_be_used_any_more_show_on_the_health_page(app, desk, admin):
    send(admin, **WORDS)
    assert "mails say the built-in words" not in admin.get("/admin/health").text
    with app.app_context(), transaction():
        db.session.scalar(select(EmailTemplate)).words = "{{gone_with_an_update}} {{ticket_link}}"
    page = unescape(admin.get("/admin/health").text)
    assert "“A ticket was assigned to you” cannot be used; mails say the built-in words." in page
    assert "nobody fills in {{gone_with_an_update}}" in page


def test_every_placeholder_of_every_text_is_filled_on_a_ticket_and_on_none(app, desk, admin):
    for text, rules in RULES.items():
        words = " ".join(f"{{{{{name}}}}}" for name in rules.inline)
        words += "".join(f"\n\n{{{{{name}}}}}\n\n" for name in (*rules.blocks, *rules.links))
        words += "".join(f" [here]({{{{{name}}}}}) https://hd.invalid/0/" for name in rules.links)
        subject = " ".join(f"{{{{{name}}}}}" for name in rules.inline)
        shown = send(admin, f"/admin/mail-texts/{text.value}/preview", subject=subject, words=words)
        assert "hd-card" in shown.text and "{{" not in shown.text, text
        with app.test_request_context():
            place, viewer = Place(text, "de"), db.session.get(User, desk["admin"])
            invented = mail_previews.preview(place, subject, words, ticket=None, viewer=viewer)
        assert "{{" not in invented.text + invented.html and invented.subject, text
        assert "\ue000" not in shown.text and shown.text.count("hd.invalid") == 3 * bool(rules.links), text
