"""A second reader of replies, asked only for its opinion.

email-reply-parser knows English only and takes cubic time on hostile text (800 lines of `On x wrote` cost it seconds),
so it is asked about short texts alone and never decides what is shown; what it says stands in the decision trace.
"""

from __future__ import annotations

from email_reply_parser import EmailReplyParser

MAX_LINES = 80
MAX_CHARS = 4_000
MAX_LINE = 500


def second_opinion(text: str) -> str | None:
    """What email-reply-parser takes for the reply; None when the text is too long to ask it."""
    lines = text.split("\n")
    if len(text) > MAX_CHARS or len(lines) > MAX_LINES or max(map(len, lines)) > MAX_LINE:
        return None
    if sum("wrote" in line for line in lines) > 5:
        return None
    return str(EmailReplyParser.parse_reply(text))


def describe_difference(text: str, visible: str) -> str:
    """One sentence for the trace, "" when the second reader agrees or was not asked."""
    opinion = second_opinion(text)
    if opinion is None or opinion.split() == visible.split():
        return ""
    shown, kept = len(opinion.split()), len(visible.split())
    return f"email-reply-parser would show {shown} words instead of {kept}."
