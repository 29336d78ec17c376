"""The decision trace: what was found in a mail, which rule decided, what followed.

A sentence is kept as words of the catalogue and what fills them, so that whoever reads it reads his own language. Steps
of before that hold a finished sentence in English and nothing that fills it.
"""

from __future__ import annotations

from collections.abc import Mapping

from helpdesk.models import EmailMessage
from helpdesk.services.sentences import Sentence, kept

__all__ = ["Sentence", "Step", "Trace", "as_step", "kept", "reason_of", "sentence_of"]

Step = Mapping[str, object]


class Trace:
    """Collects the steps in order: {"step", "text", "params", "counted", and the ids behind it}."""

    def __init__(self) -> None:
        self.steps: list[dict[str, object]] = []

    def tell(self, step: str, text: str, *, counted: bool | None = None, **values: str | int | None) -> None:
        """Add a step. `text` is a literal of the catalogue with named places, `values` fill them; those whose name
        ends in `_id` are kept beside it. `counted` says of a piece of evidence whether it did.
        """
        ids = {name: value for name, value in values.items() if name.endswith("_id")}
        params = {name: value for name, value in values.items() if name not in ids and value is not None}
        self.tell_sentence(step, Sentence(text, **params), counted=counted, **ids)

    def tell_sentence(
        self, step: str, sentence: Sentence, *, counted: bool | None = None, **ids: object
    ) -> None:
        """Add a step whose sentence is made already."""
        self.steps.append(as_step(step, sentence) | ({} if counted is None else {"counted": counted}) | ids)

    def __str__(self) -> str:
        return "\n".join(f"{step['step']}: {sentence_of(step)}" for step in self.steps)


def as_step(step: str, sentence: Sentence) -> dict[str, object]:
    return {"step": step} | kept(sentence)


def sentence_of(step: Step) -> Sentence:
    """What a stored step says."""
    params = step.get("params")
    return Sentence(str(step.get("text", "")), **(params if isinstance(params, dict) else {}))


def reason_of(email: EmailMessage) -> Sentence:
    """Why a mail is in its state, in a sentence; an empty one when the state says it all."""
    return Sentence(email.reason, **email.reason_params)
