"""What an IMAP server is told of mails that are safe here: read, moved, deleted. Never before the commit.

What is owed stands in the folder's cursor from the commit that stored the mail, so that a step lost with the
connection or the process is made up for at the next look; after `MOST_TRIES` looks that failed it is let go, with a
warning. Where the server cannot move in one step, a mail is copied once at most: that it is about to be copied is
written down first, and one whose copy may exist is never copied again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from helpdesk.errors import HelpdeskError, PermanentError
from helpdesk.models import EmailAccount, FetchCursor
from helpdesk.models.mail import AfterTaking
from helpdesk.policy.folders import is_among
from helpdesk.transports.base import Source

logger = logging.getLogger(__name__)
MOST_TRIES = 5
COPIED_AT_ONCE = 100
SEEN, MOVE, DELETE = AfterTaking.SEEN.value, AfterTaking.MOVE.value, AfterTaking.DELETE.value
COPYING = "copying"  # said, but what the server did is unknown
COPIED = "copied"  # the copy exists; the mail here is to be deleted


@dataclass(frozen=True, slots=True)
class Owed:
    """UIDs by the step that comes next, and how many looks failed at it."""

    steps: dict[str, list[int]] = field(default_factory=dict)
    tries: int = 0

    @classmethod
    def of(cls, cursor: FetchCursor) -> Owed:
        return cls({step: list(uids) for step, uids in cursor.owed.items()}, cursor.owed_tries)

    def columns(self) -> dict[str, object]:
        """As the cursor keeps it."""
        return {"owed": self.steps, "owed_tries": self.tries}

    def uids(self, step: str) -> list[int]:
        return self.steps.get(step, [])

    def plus(self, step: str, uids: Sequence[int]) -> Owed:
        """With these UIDs waiting for that step, and for no other."""
        left = self.without(uids).steps
        return Owed(left | {step: [*left.get(step, []), *uids]} if uids else left, self.tries)

    def without(self, uids: Sequence[int]) -> Owed:
        gone = set(uids)
        left = {name: [uid for uid in known if uid not in gone] for name, known in self.steps.items()}
        return Owed({name: known for name, known in left.items() if known}, self.tries)


class Afterwards:
    """The steps of one folder; `save` writes what is owed in a transaction of its own."""

    def __init__(
        self, account: EmailAccount, source: Source, folder: str, save: Callable[[Owed], None]
    ) -> None:
        self.account = account
        self.source = source
        self.folder = folder
        self.owed = self.stored = Owed()
        self.warning: HelpdeskError | None = None
        self._save = save
        self._has_begun = False

    def load(self, owed: Owed) -> None:
        """What earlier looks left."""
        self.owed = self.stored = owed

    def owing(self, uids: Sequence[int]) -> Owed:
        """What is owed once these mails are stored."""
        match self.account.after_taking:
            case AfterTaking.LEAVE:
                return self.owed
            case AfterTaking.MOVE if self._would_come_back():
                return self.owed.plus(SEEN, uids)
            case step:
                return self.owed.plus(step.value, uids)

    def _would_come_back(self) -> bool:
        """Whether there is no folder to move to, or it is one that is read."""
        target = self.account.move_to_folder
        return not target or is_among(target, [self.folder, *self.account.folders])

    def pay(self) -> None:
        """Take the steps that are owed; after the first refusal the rest waits for the next look."""
        try:
            self._begin()
            for step, tell in ((SEEN, self.source.mark_seen), (DELETE, self.source.delete)):
                self._pay(step, tell)
            self._move(self.owed.uids(MOVE))
        except HelpdeskError as error:
            self._refused(error)

    def finish(self) -> None:
        """Pay what is left, and write down what is owed now."""
        self.pay()
        if self.warning is not None:
            self.owed = Owed(self.owed.steps, self.owed.tries + 1)
            if self.owed.tries >= MOST_TRIES:
                self._give_up()
        elif self.owed.tries and not self.owed.steps:
            self.owed = Owed()
        if self.owed != self.stored:
            self._keep(self.owed)

    def _begin(self) -> None:
        """What an earlier look left half done."""
        if self.warning is not None:
            raise self.warning
        if self._has_begun:
            return
        self._has_begun = True
        unsure = self.owed.uids(COPYING)
        if unsure:
            self.owed = self.owed.plus(SEEN, unsure)
            logger.warning(
                "account=%s folder=%s %s mails may have been copied: they stay where they are",
                self.account.id, self.folder, len(unsure),
            )  # fmt: skip
        self._pay(COPIED, self.source.delete)

    def _pay(self, step: str, tell: Callable[[Sequence[int]], None]) -> None:
        uids = self.owed.uids(step)
        if uids:
            tell(uids)
            self.owed = self.owed.without(uids)

    def _move(self, uids: Sequence[int]) -> None:
        if not uids:
            return
        self.source.mark_seen(uids)
        if self.source.can_move:
            self.source.move(uids, self.account.move_to_folder)
            self.owed = self.owed.without(uids)
            return
        for start in range(0, len(uids), COPIED_AT_ONCE):
            self._copy(uids[start : start + COPIED_AT_ONCE])

    def _copy(self, uids: Sequence[int]) -> None:
        """As many as one command copies, which does all or nothing (RFC 9051 6.4.7)."""
        self._keep(self.owed.plus(COPYING, uids))
        try:
            self.source.copy(uids, self.account.move_to_folder)
        except PermanentError:  # a refusal: nothing was copied
            self._keep(self.owed.plus(MOVE, uids))
            raise
        self._keep(self.owed.plus(COPIED, uids))
        self._pay(COPIED, self.source.delete)

    def _keep(self, owed: Owed) -> None:
        self._save(owed)
        self.owed = self.stored = owed

    def _refused(self, error: HelpdeskError) -> None:
        if self.warning is None:
            detail = getattr(error, "detail", "")
            logger.warning(
                "account=%s folder=%s taken mail: %s %s", self.account.id, self.folder, error, detail
            )
            self.warning = error

    def _give_up(self) -> None:
        count = sum(len(uids) for uids in self.owed.steps.values())
        logger.warning("account=%s folder=%s %s mails stay as they are", self.account.id, self.folder, count)
        self.owed = Owed()
