"""What kind of mail it is: a person's, a machine's, a copy of one known already."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from helpdesk.mail.types import Automatic, ParsedEmail

REPLY_HEADERS = (
    "x-autoreply", "x-auto-reply", "x-autorespond", "x-autoresponder", "x-autoresponse", "x-mail-autoreply",
    "x-autoreply-from",
)  # fmt: skip
# What vacation programs write before the subject they answer; only there it counts.
_PREFIXES = (
    "auto-?reply", "auto[- ]response", "auto[- ]?responder", "automatic[- ]reply", "automatic response", "automated reply",
    "automated response", "out of office", "out of the office", "out of office (?:reply|autoreply|message|notification)",
    "vacation reply", "automatische antwort", "automatische antwort auf", "automatische abwesenheitsnotiz",
    "automatische rückantwort", "automatische e-?mail-?antwort", "abwesenheitsnotiz", "abwesenheitsnachricht",
    "abwesenheitsassistent", "abwesenheitsmeldung", "réponse automatique", "message d'absence", "absence du bureau",
    "respuesta automática", "contestación automática", "resposta automática", "risposta automatica",
    "automatisch antwoord", "automatische reactie", "afwezigheidsassistent", "afwezigheidsbericht", "automatiskt svar",
    "automatisk svar", "autosvar", "frånvaromeddelande", "fraværsmelding", "fraværsassistent", "automaattinen vastaus",
    "poissaoloviesti", "sjálfvirkt svar", "automaatvastus", "automātiskā atbilde", "automātiska atbilde",
    "automatinis atsakymas", "automatyczna odpowiedź", "odpowiedź automatyczna", "autoodpowiedź", "automatická odpověď",
    "automatická odpoveď", "samodejni odgovor", "automatski odgovor", "аутоматски одговор", "automatikus válasz",
    "răspuns automat", "otomatik yanıt", "otomatik cevap", "αυτόματη απάντηση", "автоматический ответ", "автоответ",
    "автоматична відповідь", "автоматичен отговор", "automatiese antwoord", "resposta automàtica", "תשובה אוטומטית",
    "מענה אוטומטי", "رد تلقائي", "پاسخ خودکار", "balasan otomatis", "jawapan automatik", "trả lời tự động",
    "ตอบกลับอัตโนมัติ", "自动回复", "自动答复", "自動回覆", "自動回復", "自動返信", "自動応答", "不在通知", "자동 회신",
    "자동 응답", "부재 중 알림",
)  # fmt: skip
# Words that begin a person's subject as well ("Auto: Versicherung"): they count in an answer to something.
_WEAK_PREFIXES = (
    "auto", "away from the office", "i am out of the office", "on vacation", "abwesenheit", "abwesend",
    "ich bin nicht im büro", "absent du bureau", "fuera de la oficina", "ausência temporária", "fora do escritório",
    "fuori sede", "fuori ufficio", "afwezig", "niet aanwezig", "frånvaro", "fraværende", "ikke til stede", "poissa",
    "nieobecność w biurze", "poza biurem", "mimo kancelář", "odsutan", "házon kívül", "ofis dışında", "out of office",
    "not in the office", "außer haus", "nicht im büro",
)  # fmt: skip
_COLON = r"(?:\s*[:：\])(–—]|\s+-)"
REPLY_PREFIX = re.compile(rf"\s*[\[(]?(?:{'|'.join(_PREFIXES)}){_COLON}", re.IGNORECASE)
_WEAK_PREFIX = re.compile(
    rf"\s*[\[(]?(?:{'|'.join(_PREFIXES + _WEAK_PREFIXES)})(?:{_COLON}|\s*\Z)", re.IGNORECASE
)
MACHINE = re.compile(r"(?:mailer-daemon|postmaster)@", re.IGNORECASE)


def _bare(value: str) -> str:
    """A header's value in lower case, without comments (they nest) and parameters."""
    kept, depth = [], 0
    for letter in value[:1000]:
        depth += letter == "("
        if not depth:
            kept.append(letter)
        depth -= letter == ")" and depth > 0
    return "".join(kept).split(";", maxsplit=1)[0].strip().lower()


def _collected(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def classify_automatic(
    headers: Iterable[tuple[str, str]], subject: str, *, from_email: str = "", is_report: bool = False
) -> tuple[Automatic, str]:
    """(what kind of machine wrote it, the evidence in words); (NO, "") for a person. Source: RFC 3834."""
    found = _collected(headers)
    submitted = [
        word for word in map(_bare, found.get("auto-submitted", [])) if word.split()[:1] not in ([], ["no"])
    ]
    precedence = {_bare(value) for name in ("precedence", "x-precedence") for value in found.get(name, [])}
    if is_report:  # first, because mail servers call their reports auto-replied
        return Automatic.GENERATED, "a report of a mail server"
    because = _answer_evidence(found, subject, submitted, precedence)
    if because:
        return Automatic.REPLY, because
    because = _generated_evidence(found, submitted, is_mail_server=bool(MACHINE.match(from_email)))
    if because:
        return Automatic.GENERATED, because
    if precedence & {"bulk", "junk", "list"}:
        return Automatic.BULK, "Precedence: bulk, junk or list"
    for name in ("list-id", "list-unsubscribe", "list-post"):
        if name in found:
            return Automatic.BULK, f"{name} is set"
    return Automatic.NO, ""


def _answer_evidence(
    found: Mapping[str, list[str]], subject: str, submitted: list[str], precedence: set[str]
) -> str:
    for name in REPLY_HEADERS:
        if any(_bare(value) not in ("", "no") for value in found.get(name, [])):
            return f"{name} is set"
    if any(word.startswith("auto-replied") for word in submitted):
        return "Auto-Submitted: auto-replied"
    if "auto_reply" in precedence:
        return "Precedence: auto_reply"
    if "x-ms-exchange-inbox-rules-loop" in found:
        return "X-MS-Exchange-Inbox-Rules-Loop is set"
    is_answer = any(value.strip() for name in ("in-reply-to", "references") for value in found.get(name, []))
    if REPLY_PREFIX.match(subject[:200]) or (is_answer and _WEAK_PREFIX.match(subject[:200])):
        return "the subject begins as an automatic reply's"
    return ""


def _generated_evidence(found: Mapping[str, list[str]], submitted: list[str], *, is_mail_server: bool) -> str:
    if is_mail_server:
        return "written by a mail server"
    if submitted:
        return f"Auto-Submitted: {submitted[0][:40]}"
    if any(value.strip() == "<>" for value in found.get("return-path", [])):
        return "an empty Return-Path"
    if any(_bare(value) == "true" for value in found.get("x-fc-machinegenerated", [])):
        return "X-FC-MachineGenerated: true"
    if "x-autogenerated" in found:
        return "X-Autogenerated is set"
    wishes = {
        word.strip().lower()
        for value in found.get("x-auto-response-suppress", [])
        for word in value.split(",")
    }
    return "X-Auto-Response-Suppress asks for no answer" if wishes & {"all", "autoreply", "oof"} else ""


def body_digest(parsed: ParsedEmail) -> str:
    """What makes two deliveries the same mail: decoded text and files, author and date; not its way here."""
    digest = hashlib.sha256()
    parts = [parsed.text, parsed.html, parsed.header("From"), parsed.header("Date")]
    # the source of a mail that could not be read whole differs by its Received lines
    files = parsed.files[:-1] if parsed.is_partial else parsed.files
    parts += [hashlib.sha256(file.data).hexdigest() for file in files]
    for part in parts:
        data = part.encode("utf-8", "replace")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def message_key(parsed: ParsedEmail, raw: bytes) -> str:
    """The mail's id, folded, or one made from its bytes when it has none."""
    if parsed.message_id:
        return "".join(parsed.message_id.split()).casefold()
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"
