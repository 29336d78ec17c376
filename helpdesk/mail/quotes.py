"""What the sender newly wrote, apart from the history below it. Linear in the input; nothing is thrown away."""

from __future__ import annotations

import re

from helpdesk.mail.types import SplitText

REPLY_ABOVE = "##- Please type your reply above this line -##"
MAX_LINES = 2_000
MAX_CHARS = 64_000
MAX_HEADER_LINES = 4

_WROTE = re.compile(
    r"(?:(?:schrieb|schreef|skrev|skreiv|geskryf)\b[^:]{0,150}[:：]|"
    r"(?:wrote|writes|a écrit|escribió|escreveu|ha scritto|scrisse|kirjoitti|napisał\(?a?\)?|"
    r"napsal\(?a?\)?|napísal|írta|yazdı|написал\(?а?\)?|пишет|писал|написав|έγραψε|a scris|napisao|je napisao|"
    r"写道|寫道|のメール|さんは書きました|작성|đã viết|menulis|ได้เขียน|כתב)\s*[:：]?)\s*\Z",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"\s*>?\s*(?:on|am|le|el|em|il|op|den|dne|dňa|w dniu|dnia|pada|à|ons|tor|fre|lör|sön|mån|tis|v|в|στις|\d{1,4}[./年-]|"
    r"(?:mon|tue|wed|thu|fri|sat|sun)\w*[, ]|.{1,80}<[^<>\s]+@[^<>\s]+>)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"\s*[-_*=]{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|"
    r"message d'origine|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|"
    r"oprindelig meddelelse|ursprungligt meddelande|opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|"
    r"původní zpráva|eredeti üzenet|orijinal ileti|исходное сообщение|reply above this line)\s*[-_*=]{2,}\s*\Z",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"\s*(?:-{2,}\s*(?:forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|"
    r"mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht)\s*-{2,}|begin forwarded message:|"
    r"anfang der weitergeleiteten nachricht:)\s*\Z",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"\s*\*?(?:from|von|de|da|van|från|fra|lähettäjä|od|feladó|kimden|от|寄件者|发件人|差出人)\s*:\*?\s*\S",
    re.IGNORECASE,
)
_SENT = re.compile(
    r"\s*\*?(?:sent|date|gesendet|datum|envoyé|enviado(?: el| em)?|fecha|data|inviato|verzonden|skickat|sendt|dato|"
    r"lähetetty|wysłano|odesláno|küldve|gönderildi|tarih|отправлено|дата|发送时间|送信日時|to|an|à|para|aan|till|til)\s*:\*?\s*\S",
    re.IGNORECASE,
)
_RULE = re.compile(r"\s*_{10,}\s*\Z")
_SIGNATURE = re.compile(r"--\s?\Z")
_MOBILE = re.compile(
    r"\s*(?:sent from my .{1,40}|von meinem .{1,40} gesendet|gesendet von .{1,40}|envoyé de mon .{1,40}|"
    r"get outlook for .{1,20}|enviado desde mi .{1,40}|inviato da .{1,40})\s*\Z",
    re.IGNORECASE,
)


def split_reply(text: str, html: str = "") -> SplitText:
    """Split a body at its quoted history. When nothing would stay, everything is shown.

    Forwarded blocks stay, answers between quotes keep what they answer. `html` is not needed by these rules.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    head = lines[:MAX_LINES] if len(text) <= MAX_CHARS else _within(lines)
    cut = _cut_at(head)
    visible = "\n".join(lines[:cut]).strip("\n").rstrip()
    if not visible.strip():
        return SplitText(text.strip("\n"))
    return SplitText(visible, "\n".join(lines[cut:]).strip("\n"))


def _within(lines: list[str]) -> list[str]:
    kept, size = [], 0
    for line in lines[:MAX_LINES]:
        size += len(line)
        if size > MAX_CHARS:
            break
        kept.append(line)
    return kept


def _cut_at(lines: list[str]) -> int:
    """The index of the first line of the history; the number of lines when there is none."""
    for i, line in enumerate(lines):
        if _FORWARD.match(line[:200]):
            return len(lines)
        if _begins_history(lines, i) and not _is_answered_inline(lines, i):
            return _without_signature(lines, i)
    return _without_signature(lines, _trailing_quote(lines))


def _begins_history(lines: list[str], i: int) -> bool:
    line = lines[i][:400]
    if REPLY_ABOVE in line or _SEPARATOR.match(line):
        return True
    if _RULE.match(line) and any(_FROM.match(after[:200]) for after in lines[i + 1 : i + 3]):
        return True
    if _FROM.match(line) and any(_SENT.match(after[:200]) for after in lines[i + 1 : i + 4]):
        return not lines[i].lstrip().startswith(">")
    return _is_wrote_line(lines, i)


def _is_wrote_line(lines: list[str], i: int) -> bool:
    """`On ... wrote:`, in one line or broken over a few."""
    if not _OPENING.match(lines[i][:400]):
        return False
    joined = ""
    for line in lines[i : i + MAX_HEADER_LINES]:
        joined = f"{joined} {line.strip()}".strip()
        if len(joined) > 400 or not line.strip():
            return False
        if _WROTE.search(joined):
            return bool(re.search(r"\d|@", joined))
    return False


def _is_answered_inline(lines: list[str], i: int) -> bool:
    """Whether own words follow between the quoted lines: then all of it is the answer."""
    seen_quote = False
    for line in lines[i + 1 :]:
        if line.lstrip().startswith(">"):
            seen_quote = True
        elif line.strip() and seen_quote:
            return not (_SIGNATURE.match(line) or _MOBILE.match(line[:200]) or line.startswith(("__", "--")))
    return False


def _trailing_quote(lines: list[str]) -> int:
    """Where a block of `>` lines at the end begins."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(">")):
        end -= 1
    return end


def _without_signature(lines: list[str], end: int) -> int:
    """Cut a signature behind `-- `, and the advertising of phones."""
    for i in range(max(end - 12, 1), end):
        if _SIGNATURE.match(lines[i]) or _MOBILE.match(lines[i][:200]):
            return i
    return end
