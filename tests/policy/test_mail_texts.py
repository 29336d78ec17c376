"""What admins may write into mails: judged before anything is saved."""

import pytest

from helpdesk.policy.mail_texts import RULES, MailText, problems, template_of, text_of


def said(text, words, subject="[{{ticket_number}}] {{subject}}"):
    return [problem.sentence % problem.params for problem in problems(text, subject, words)]


def test_a_text_with_what_it_needs_is_fine():
    words = "Hello {{customer_name}},\n\n  {{ message }}  \n\nsee {{ticket_link}}."
    assert said(MailText.RESOLVED, words) == []


@pytest.mark.parametrize("text, words, wrong", [
    (MailText.RESOLVED, "One\n{{nonsense}} {{message}}", "Line 2: nobody fills in {{nonsense}}."),
    (MailText.RESOLVED, "Two\n\n{{message}", "Line 3: {{ is left open"),
    (MailText.RESOLVED, "}}\n{{message}}", "Line 1: }} is left open"),
    (MailText.RESOLVED, "{{config.SECRET_KEY}}\n{{message}}", "Line 1: {{ is left open"),
    (MailText.RESOLVED, "So: {{message}}", "Line 1: {{message}} needs a line of its own."),
    (MailText.RESOLVED, "No more words.", "{{message}} or {{ticket_link}} must stay"),
    (MailText.ANSWER, "{{ticket_link}}", "{{message}} must stay"),
    (MailText.SIGN_IN, "Hello {{recipient_name}}", "{{link}} must stay"),
    (MailText.OVERDUE, "{{message}}", "{{ticket_link}} must stay"),
    (MailText.RESOLVED, " \n", "Please write something"),
    (MailText.RESOLVED, "{{message}}\n" + "x" * 10_000, "at most 10000"),
    # decision 1: no word of a customer but his subject goes back to whoever claims to be him
    (MailText.CREATED, "{{message}}", "nobody fills in {{message}}"),
])  # fmt: skip
def test_what_cannot_work_is_refused_with_its_line(text, words, wrong):
    (sentence,) = [s for s in said(text, words, subject="Hello") if wrong in s]
    assert sentence


@pytest.mark.parametrize(
    "subject, wrong",
    [
        ("", "write a subject"),
        ("{{message}}", "cannot stand in a subject"),
        ("{{x}}", "nobody fills in"),
        ("x" * 301, "at most 300"),
    ],
)
def test_a_subject_is_one_line_of_words(subject, wrong):
    assert wrong in said(MailText.OVERDUE, "{{ticket_link}}", subject)[0]


def test_every_text_belongs_to_one_template_and_reader():
    assert set(RULES) == set(MailText)
    assert text_of("comment_added", is_customer=True) is MailText.ANSWER
    assert text_of("comment_added", is_customer=False) is MailText.COMMENT_TEAM
    assert template_of(MailText.COMMENT_TEAM) == "comment_added"
    assert text_of("mail_held", is_customer=False) is None and text_of("base_email", is_customer=True) is None
