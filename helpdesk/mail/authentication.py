"""What the account's own mail server found out about a mail's author: Authentication-Results (RFC 8601).

Anybody can write such a field. Only one thing tells ours from a forged one: ours stands above whatever came with the
mail. So the topmost field decides, with those directly below it; what any other field says, further down or by another
server, is as if it were absent. Above every Received line these are all ours. Below one only the topmost is for sure:
what follows it may be the first line of the mail as it was sent, and is believed only when it disowns the mail. The
worst word about DMARC counts, so that a forged neighbour can only harm its own mail. A server that leaves foreign fields with its own name in place breaks RFC 8601 section 5 and
should not be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.mail.headers import ascii_domain

FIELD = "authentication-results"
MAX_FIELDS = 10
MAX_VALUE = 10_000
_METHODS = ("dmarc", "spf", "dkim")
_RESULT = re.compile(r"\s*([a-z0-9-]+)(?:\s*/\s*[0-9]+)?\s*=\s*([a-z]+)(?![a-z])", re.IGNORECASE)
_PROPERTY = re.compile(r"(?:header\.from|header\.d|smtp\.mailfrom)\s*=\s*([^\s;]+)", re.IGNORECASE)
_FROM = re.compile(r"header\.from\s*=\s*([^\s;]+)", re.IGNORECASE)
_SERVER = re.compile(r"\s*([^\s;=]+)(?:\s+[0-9]+)?\s*(?:;|\Z)")


class Verdict(StrEnum):
    """Whether the author's domain stands by the mail (DMARC). `unknown`: nobody we believe says so, or says no."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NONE = "none"  # the domain publishes no policy
    UNKNOWN = "unknown"


_VERDICTS = {"pass": Verdict.PASS, "fail": Verdict.FAIL, "none": Verdict.NONE, "bestguesspass": Verdict.NONE}
_WORST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.NONE, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Authentication:
    """The verdict; `server` is who says so, or who would but is not trusted; `details` its findings in its own words."""

    verdict: Verdict = Verdict.UNKNOWN
    server: str = ""
    details: tuple[str, ...] = ()
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class _Finding:
    method: str
    result: str
    about: str
    header_from: str

    def __str__(self) -> str:
        return f"{self.method}={self.result}" + (f" ({self.about})" if self.about else "")


@dataclass(frozen=True, slots=True)
class Result:
    """One such field as it stands. `is_above`: nothing in it can have come with the mail, if its server is ours."""

    value: str
    is_above: bool = True


def topmost_results(fields: Iterable[tuple[str, bytes]]) -> tuple[Result, ...]:
    """The first such field of a header and those that follow without another one between.

    As they stand: words a sender had his server copy into one must not be decoded into further findings.
    """
    run: list[Result] = []
    is_received = False
    for name, value in fields:
        if name.lower() == FIELD:
            text = " ".join(value[:MAX_VALUE].decode("utf-8", "replace").split())
            run.append(Result(text, is_above=not run or not is_received))
        elif run:
            break
        else:
            is_received = is_received or name.lower() == "received"
    return tuple(run[:MAX_FIELDS])


def authenticate(results: Iterable[Result], trusted: str, author_domain: str | None) -> Authentication:
    """What the servers named in `trusted` (parted by blanks or commas; "" for none) found, by their `topmost_results`.

    `author_domain` is that of the one author, None when he cannot be told: then nothing is said about him. A finding
    about another domain (`header.from`) is none about him either.
    """
    names = {name.lower() for name in re.split(r"[\s,;]+", trusted) if name}
    run = [(*_split(_without_comments(result.value)), result.is_above) for result in results]
    if not run:
        return Authentication()
    ours = [each for each in run if each[0].lower() in names]
    if not ours:
        return Authentication(server=run[0][0][:255])
    server = ours[0][0]
    findings = [
        finding
        for _, rest, is_above in ours
        for finding in _findings(rest)
        if is_above or (finding.method == "dmarc" and finding.result == Verdict.FAIL)
    ]
    details = tuple(str(finding)[:200] for finding in findings[:MAX_FIELDS])
    return Authentication(_dmarc(findings, author_domain), server, details, is_trusted=True)


def _split(value: str) -> tuple[str, str]:
    """Some servers leave their name out: then it is "", which nobody can trust."""
    match = _SERVER.match(value)
    return (match[1].strip('"'), value[match.end() :]) if match else ("", value)


def _without_comments(value: str) -> str:
    """Without what stands in round brackets (they nest) outside of quotes; quoted text loses what could look like more."""
    kept, depth, quoted, escaped = [], 0, False, False
    for letter in value:
        if escaped:
            escaped = False
            continue
        if letter == "\\" and (quoted or depth):
            escaped = True
        elif letter == '"' and not depth:
            quoted = not quoted
        elif quoted:
            kept.append("_" if letter in ";= " else letter)
        elif letter == "(":
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(letter)
    return "".join(kept)


def _findings(rest: str) -> Iterable[_Finding]:
    for statement in rest.split(";"):
        match = _RESULT.match(statement)
        if match is not None and match[1].lower() in _METHODS:
            about, header_from = _PROPERTY.search(statement), _FROM.search(statement)
            yield _Finding(
                match[1].lower(),
                match[2].lower(),
                about[1] if about else "",
                header_from[1] if header_from else "",
            )


def _dmarc(findings: Sequence[_Finding], author_domain: str | None) -> Verdict:
    verdicts = {
        _VERDICTS.get(finding.result, Verdict.UNKNOWN)
        if author_domain is not None and _is_about(finding.header_from, author_domain)
        else Verdict.UNKNOWN
        for finding in findings
        if finding.method == "dmarc"
    }
    return next((verdict for verdict in _WORST if verdict in verdicts), Verdict.UNKNOWN)


def _is_about(header_from: str, domain: str) -> bool:
    """Without `header.from` the server means the one author there is."""
    return not header_from or _key(header_from.rpartition("@")[2]) == _key(domain)


def _key(domain: str) -> str:
    try:
        return ascii_domain(domain.strip(".").lower())
    except UnicodeError:
        return domain.lower()
