"""Words the desk keeps for people: as a message of the catalogue and what fills it, so that each reads his own language."""

from __future__ import annotations

from helpdesk.errors import HelpdeskError


class Sentence:
    """Words for a person, with named places and what stands there: `Sentence("Sent from %(email)s.", email=...)`.

    `str()` gives English. False when there are no words.
    """

    __slots__ = ("params", "template")

    def __init__(self, template: str = "", **params: str | int) -> None:
        self.template = template
        self.params: dict[str, str | int] = params

    def __bool__(self) -> bool:
        return bool(self.template)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sentence) and (self.template, self.params) == (other.template, other.params)

    def __hash__(self) -> int:
        return hash((self.template, *sorted(self.params)))

    def __str__(self) -> str:
        return self.template % self.params if self.params else self.template

    def __repr__(self) -> str:
        return f"Sentence({str(self)!r})"


def sentence_of_error(error: BaseException, otherwise: Sentence) -> Sentence:
    """What the desk foresaw says itself what it is; of anything else only so much is known."""
    return Sentence(error.template, **error.params) if isinstance(error, HelpdeskError) else otherwise


def reason_columns(reason: Sentence) -> dict[str, object]:
    """As a mail's row keeps it."""
    return {"reason": reason.template, "reason_params": reason.params}


def kept(sentence: Sentence) -> dict[str, object]:
    """As a column of JSON keeps it."""
    filled: dict[str, object] = {"params": sentence.params} if sentence.params else {}
    return {"text": sentence.template} | filled
