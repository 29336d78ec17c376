"""A decision trace told in order: what was found in the mail, what decided, what followed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from helpdesk.models.mail import EmailState
from helpdesk.services.ingest.trace import Sentence, Step, sentence_of


class Part(StrEnum):
    FOUND = "found"
    DECIDED = "decided"
    FOLLOWED = "followed"


PARTS = {
    "sender": Part.FOUND,
    "authentication": Part.FOUND,
    "automatic": Part.FOUND,
    "damage": Part.FOUND,
    "import": Part.FOUND,
    "loop": Part.DECIDED,
    "spam": Part.FOUND,
    "thread": Part.FOUND,
    "bounce": Part.FOUND,
    "forward": Part.FOUND,
    "decision": Part.DECIDED,
    "outcome": Part.DECIDED,
    "agent": Part.FOLLOWED,
    "copy": Part.FOLLOWED,
    "history": Part.FOLLOWED,
    "ticket": Part.FOLLOWED,
}


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the story. `counted`: whether evidence did, None for what is a fact either way."""

    sentence: Sentence
    counted: bool | None = None
    ticket_id: int | None = None


def tell(steps: Iterable[Step]) -> list[tuple[Part, list[Line]]]:
    """The parts that have something to say. A kind of step this does not know is evidence, or what decided."""
    parts: dict[Part, list[Line]] = {part: [] for part in Part}
    kinds = set[object]()
    for step in steps:
        sentence, counted, ticket_id = sentence_of(step), step.get("counted"), step.get("ticket_id")
        if _is_mere_state(step, sentence) or any(sentence == line.sentence for line in parts[Part.DECIDED]):
            continue
        parts[_part_of(step, is_repeated=step.get("step") in kinds)].append(
            Line(
                sentence,
                counted if isinstance(counted, bool) else None,
                ticket_id if isinstance(ticket_id, int) else None,
            )
        )
        kinds.add(step.get("step"))
    return [(part, lines) for part, lines in parts.items() if lines]


def _part_of(step: Step, *, is_repeated: bool) -> Part:
    kind = str(step.get("step", ""))
    if isinstance(step.get("counted"), bool):
        return Part.FOUND
    if kind == "copy" and "email_id" in step:  # it is a copy itself, and that settles it
        return Part.DECIDED
    if kind == "bounce" and is_repeated:  # first the report, then what it meant for addresses
        return Part.FOLLOWED
    return PARTS.get(kind, Part.DECIDED)


def _is_mere_state(step: Step, sentence: Sentence) -> bool:
    """The word the mail ended in is shown beside the story."""
    return not sentence or (step.get("step") == "outcome" and sentence.template in set(EmailState))


HEADS = {Part.FOUND: "found", Part.DECIDED: "decided", Part.FOLLOWED: "followed"}
MARKS = {True: "+", False: "-", None: " "}


def as_text(steps: Iterable[Step]) -> list[str]:
    """The story in lines for a terminal: `+` counted, `-` did not."""
    lines = []
    for part, told in tell(steps):
        lines.append(f"{HEADS[part]}:")
        for line in told:
            counted = " (did not count)" if line.counted is False else ""
            lines.append(f"  {MARKS[line.counted]} {line.sentence}{counted}")
    return lines
