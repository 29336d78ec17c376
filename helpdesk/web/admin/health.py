"""How the desk is, part by part, in plain words and with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from helpdesk.database import utcnow
from helpdesk.services import accounts, fetch_health, health, mail_texts, settings
from helpdesk.services.health import Details
from helpdesk.services.monitor import Report
from helpdesk.web.access import require
from helpdesk.web.admin.blueprint import blueprint
from helpdesk.web.admin.mail_text_words import TITLES
from helpdesk.web.desk_bars import nobody_is_mailed
from helpdesk.web.errors import sentence
from helpdesk.web.filters import duration, size, told

LATE = timedelta(minutes=10)
LOW_SHARE, LOW_BYTES = 0.05, 500 * 1000**2


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the page. `tone`: good, warn or danger; `advice`: what to do, "" when all is well."""

    name: str
    tone: str
    text: str
    advice: str = ""
    url: str = ""
    server_words: str = ""


@blueprint.get("/health")
@require("admin")
def show_health() -> str:
    found = health.details()
    parts = [
        *_processes(found),
        _store(found),
        _database(found),
        _disk(found),
        *_queues(found),
        *_mail_texts(),
    ]
    by_account = [part for report in found.reports for part in (_account(report), *_sending(report))]
    tones = {part.tone for part in (*parts, *by_account)}
    worst = next((tone for tone in ("danger", "warn") if tone in tones), "good")
    return render_template("admin/health.html", parts=parts, accounts=by_account, worst=worst)


def _processes(found: Details) -> list[Part]:
    return [
        _process(
            _("Worker"), found.worker_s, _("It takes mail in, makes tickets of it and sends answers."),
            _("Without it mail waits. Start `python worker.py`, or look into its log. A desk that runs by cron alone needs none."),
        ),
        _process(
            _("Scheduler"), found.scheduler_s, _("It wakes the worker for everything that is due."),
            _("Without it no mail is looked for by itself. Start `python scheduler.py`. A desk that runs by cron alone needs none."),
        ),
        _listener(found),
    ]  # fmt: skip


def _process(name: str, seconds: float | None, what: str, advice: str) -> Part:
    if seconds is None:
        return Part(name, "danger", _("It gives no sign of life."), advice)
    return Part(name, "good", what + " " + _("Last sign of life %(ago)s ago.", ago=_span(seconds)))


def _listener(found: Details) -> Part:
    """It may be left out, and a server that does not tell of new mail is no trouble: mail is looked for as well."""
    if found.listening is None:
        advice = _("Start `flask listen`, and mail is here within seconds wherever a server tells of it.")
        return Part(
            _("Listener"), "good", _("It does not run: mail is looked for from time to time."), advice
        )
    said = {
        state: found.listening.get(state, 0) for state in ("listening", "unable", "waiting", "connecting")
    }
    parts = [ngettext("It listens to %(num)d account.", "It listens to %(num)d accounts.", said["listening"])]
    if said["unable"]:
        parts.append(ngettext(
            "%(num)d is on a server that does not tell of new mail.",
            "%(num)d are on servers that do not tell of new mail.", said["unable"],
        ))  # fmt: skip
    if resting := said["waiting"] + said["connecting"]:
        parts.append(ngettext(
            "%(num)d could not be reached and is tried again.",
            "%(num)d could not be reached and are tried again.", resting,
        ))  # fmt: skip
    return Part(_("Listener"), "good", " ".join(parts))


def _span(seconds: float) -> str:
    return duration(timedelta(seconds=max(round(seconds), 1)))


def _store(found: Details) -> Part:
    name = _("Store (Redis)")
    if not found.health.redis:
        return Part(name, "danger", _("It does not answer. Pages and answers work; everything by itself waits."),
                    _("Start it, and look at REDIS_URL. Nothing is lost: what waits stands in the database."))  # fmt: skip
    if found.redis_is_open:
        return Part(name, "warn", _("It answers, but everybody who reaches it may use it."),
                    _("Give it a password in REDIS_URL, or a private socket."))  # fmt: skip
    return Part(name, "good", _("It answers."))


def _database(found: Details) -> Part:
    if not found.health.database:
        return Part(_("Database"), "danger", _("It does not answer."), _("Look at DATABASE_URL and its log."))
    return Part(_("Database"), "good", _("It answers."))


def _disk(found: Details) -> Part:
    text = _("%(free)s free of %(all)s.", free=size(found.free_bytes), all=size(found.disk_bytes))
    is_low = found.free_bytes < max(LOW_BYTES, found.disk_bytes * LOW_SHARE)
    advice = _("Make room, or mail can no longer be stored. It stays on the mail server until then.")
    return Part(
        _("Disk of the desk's folder"), "danger" if is_low else "good", text, advice if is_low else ""
    )


def _queues(found: Details) -> list[Part]:
    incoming = _queue(
        _("Mail to be read"), found.waiting_in, found.oldest_in,
        _("A worker that runs takes it within seconds. Look at the worker above."),
    )  # fmt: skip
    outgoing = _queue(
        _("Mail to be sent"), found.waiting_out, found.oldest_out,
        _("Look at the accounts below: a server may refuse us or be away."),
    )  # fmt: skip
    if settings.is_holding():
        outgoing = Part(_("Mail to be sent"), "warn", _count(found.waiting_out), _("Sending is on hold; release it in the settings."), "/admin/settings")  # fmt: skip
    elif backend := accounts.diverted_to():
        outgoing = Part(_("Mail to be sent"), "warn", nobody_is_mailed(backend), _("Take EMAIL_BACKEND out of the environment, and start the desk anew, to send by SMTP."))  # fmt: skip
    failed = Part(_("Mail for a person"), "good", _("None: every mail was handled."))
    if found.failed:
        text = ngettext(
            "%(num)d mail could not be handled.", "%(num)d mails could not be handled.", found.failed
        )
        failed = Part(_("Mail for a person"), "warn", text, _("Look at each, and try it again or put it away."),
                      "/admin/mail?state=waiting")  # fmt: skip
    return [incoming, outgoing, failed]


def _mail_texts() -> list[Part]:
    """Words no mail can be made of: the built-in ones are sent until somebody mends them."""
    found = []
    for row, problem in mail_texts.unusable():
        place = mail_texts.place_of(row)
        url = url_for(
            "admin.show_mail_text", text=row.name.value, language=row.language, account=place.account_id
        )
        text = _("“%(title)s” cannot be used; mails say the built-in words.", title=TITLES[row.name])
        found.append(Part(_("Mail texts"), "warn", text, sentence(mail_texts.refusal(problem)), url))
    return found


def _count(number: int) -> str:
    return ngettext("%(num)d mail waits.", "%(num)d mails wait.", number) if number else _("None waits.")


def _queue(name: str, count: int, oldest: datetime | None, advice: str) -> Part:
    late = utcnow() - oldest if oldest is not None else timedelta(0)
    if count and late >= LATE:
        text = _count(count) + " " + _("One should have gone %(span)s ago.", span=duration(late))
        return Part(name, "danger", text, advice)
    return Part(name, "good", _count(count))


def _account(report: Report) -> Part:
    account = report.account
    url = f"/admin/accounts/{account.id}"
    if not account.is_active or not account.is_fetching:
        return Part(account.email, "good", _("Mail is not fetched: switched off."), url=url)
    if account.consecutive_failures:
        tone = "danger" if account.consecutive_failures >= fetch_health.ALARM_AFTER else "warn"
        since = account.failing_since
        why = told(account.last_error, account.last_error_told)
        text = _("Failing for %(span)s: %(why)s", span=duration(utcnow() - since), why=why) if since else why  # fmt: skip
        return Part(account.email, tone, text, _("Test the connection on the account's page."), url, account.last_error_detail)  # fmt: skip
    if account.last_success_at is None:
        return Part(account.email, "warn", _("No mail was fetched yet."), _("Wait for the first look, or press “Fetch now”."), url)  # fmt: skip
    lag = utcnow() - account.last_success_at
    text = _("Last fetched %(span)s ago.", span=duration(lag))
    if lag > timedelta(seconds=account.poll_frequency_s) + LATE:
        return Part(account.email, "danger", text, _("It should be looked at every %(span)s. Look at worker and scheduler above.", span=_span(account.poll_frequency_s)), url)  # fmt: skip
    return Part(account.email, "good", text, url=url)


def _sending(report: Report) -> list[Part]:
    """Nothing is said of sending while it works, or is paused on purpose."""
    account = report.account
    since = account.sending_failing_since
    if since is None or not account.is_active or not account.is_sending:
        return []
    why = told(account.sending_error, account.sending_error_told)
    text = _("Cannot send for %(span)s: %(why)s", span=duration(utcnow() - since), why=why)
    waits = _count(report.waiting_out)
    advice = _("Test the connection on the account's page. What waits leaves by itself once it works.")
    name = _("Sending from %(email)s", email=account.email)
    return [Part(name, "danger", f"{text} {waits}", advice, f"/admin/accounts/{account.id}", account.sending_error_detail)]  # fmt: skip
