"""A mailbox as it is: plain and HTML mails, files, long threads, machines, copies."""

import random

from tests import factories

WORDS = [
    "the",
    "printer",
    "on",
    "our",
    "third",
    "floor",
    "shows",
    "an",
    "error",
    "since",
    "this",
    "morning",
    "please",
    "help",
    "us",
    "soon",
    "thank",
    "you",
]


def text(rng, words):
    return "\n".join(" ".join(rng.choices(WORDS, k=12)) for _ in range(words // 12 + 1)) + "\n"


def mixed_mails(count, to, seed=1):
    """`count` mails to one address: 60 % plain, 25 % with HTML, 10 % with a file, 3 % from machines, 2 % copies."""
    rng = random.Random(seed)
    last = None
    for n in range(count):
        kind = rng.random()
        sender = f"Customer {n % 400} <customer{n % 400}@customer{n % 37}.example>"
        words = text(rng, rng.choice([20, 60, 200, 600]))
        mail = {
            "sender": sender,
            "to": to,
            "subject": f"Question {n}: {' '.join(rng.choices(WORDS, k=5))}",
            "text": words,
        }
        if kind >= 0.98 and last is not None:
            yield last
            continue
        if kind < 0.25:
            quoted = "".join(f"<blockquote>{line}</blockquote>" for line in words.splitlines())
            mail["html"] = f"<html><body><p>{words}</p><div class='gmail_quote'>{quoted}</div></body></html>"
        elif kind < 0.35:
            data = rng.randbytes(rng.choice([2_000, 40_000, 200_000]))
            mail["files"] = [("photo.jpg", "image/jpeg", data)]
        elif kind < 0.38:
            mail["Auto_Submitted"] = "auto-generated"
        last = factories.make_mail(**mail)
        yield last
