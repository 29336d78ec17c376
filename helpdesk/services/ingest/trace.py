"""The decision trace: what was found in a mail, which rule decided, what followed; shown as it is written here."""

from __future__ import annotations


class Trace:
    """Collects one sentence per step, with the ids behind it."""

    def __init__(self) -> None:
        self.steps: list[dict[str, object]] = []

    def add(self, step: str, text: str, **ids: object) -> None:
        self.steps.append({"step": step, "text": text} | ids)

    def __str__(self) -> str:
        return "\n".join(f"{step['step']}: {step['text']}" for step in self.steps)
