"""`flask listen`: one thread for each account whose server can tell of new mail, and one that looks after them.

Threads and not processes: each waits for a line nearly all its life. Every half a minute the accounts are read anew,
so whoever adds, changes or pauses one need not think of this process. A connection that ends is made again later and
later, by a clock that never jumps; polling goes on meanwhile, and without this process.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from redis.exceptions import RedisError

from helpdesk.errors import NotFound, TransportError
from helpdesk.jobs.budget import pause, should_stop, stop_on_signals
from helpdesk.queue import connect, forget_listening, tell_listening
from helpdesk.services import listening
from helpdesk.services.listening import Target

logger = logging.getLogger(__name__)

LOOK_S = 30.0
TURN_S = 0.2
BEAT_S = 5.0
STOP_S = 4.0
MOST_ACCOUNTS = 500
AT_ONCE = 10  # how many connect at the same time, when the process starts or the network is back
STACK_BYTES = 512 * 1024
DELAYS_S = (2.0, 10.0, 300.0)  # three failures, and then one try in five minutes: no mailbox is locked by us
STEADY_S = 60.0  # a connection that held so long is forgiven its end
UNABLE_S = 3600.0
JITTER = 0.25  # a server that comes back is not met by everybody at once


class State(StrEnum):
    """What an account's thread is at."""

    CONNECTING = "connecting"
    LISTENING = "listening"
    WAITING = "waiting"  # for its next try, or for fetching to go well again
    UNABLE = "unable"  # the server has no IDLE


@dataclass(slots=True)
class Ear:
    """Listens to one account in a thread of its own. `target` is replaced by the one who looks after it."""

    app: Flask
    target: Target
    gate: threading.Semaphore  # who holds it may connect
    delays_s: tuple[float, ...] = DELAYS_S
    renew_s: float = listening.RENEW_S
    state: State = State.CONNECTING
    failures: int = 0
    _is_at_gate: bool = False
    _is_over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def start(self) -> Ear:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def end(self) -> None:
        """Ask the thread to end; it does within some seconds."""
        self._is_over.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._must_end():
            if self.target.is_failing:
                self.state = State.WAITING
                self._is_over.wait(TURN_S)
                continue
            self._rest(self._listen())

    def _listen(self) -> float:
        """Listen as long as it goes well, and return the seconds to leave the server alone."""
        self.state, account_id = State.CONNECTING, self.target.account_id
        if not self._enter():
            return 0.0
        began_at = time.monotonic()
        try:
            with self.app.app_context():
                listening.listen(
                    account_id, should_stop=self._must_end, on_ready=self._be_ready, renew_s=self.renew_s
                )
            return 0.0
        except listening.CannotIdle as error:
            logger.info("account=%s %s", account_id, error)
            self.state = State.UNABLE
            return UNABLE_S
        except (TransportError, NotFound) as error:
            logger.info("account=%s listening ended: %s", account_id, error)
        except Exception:  # one account's trouble is not the others'
            logger.exception("account=%s listening failed", account_id)
        finally:
            self._leave_gate()
        self.state = State.WAITING
        return self._delay(time.monotonic() - began_at)

    def _enter(self) -> bool:
        """Wait for a turn to connect; False when there is no need any more."""
        while not self._is_at_gate and not self._must_end():
            self._is_at_gate = self.gate.acquire(timeout=TURN_S)
        return self._is_at_gate

    def _leave_gate(self) -> None:
        if self._is_at_gate:
            self._is_at_gate = False
            self.gate.release()

    def _be_ready(self) -> None:
        self._leave_gate()
        self.state = State.LISTENING
        logger.info("account=%s listening", self.target.account_id)

    def _delay(self, lasted_s: float) -> float:
        self.failures = 1 if lasted_s >= STEADY_S else self.failures + 1
        delay_s = self.delays_s[min(self.failures, len(self.delays_s)) - 1]
        return delay_s * (1 + JITTER * secrets.randbelow(1000) / 1000)

    def _rest(self, seconds: float) -> None:
        """Wait; a fetch that goes well meanwhile shows that the server can be used again."""
        ends_at, succeeded_at = time.monotonic() + seconds, self.target.succeeded_at
        while not self._must_end() and time.monotonic() < ends_at:
            if self.state is State.WAITING and self.target.succeeded_at != succeeded_at:
                return
            self._is_over.wait(TURN_S)

    def _must_end(self) -> bool:
        return self._is_over.is_set() or should_stop()


class Listener:
    """Keeps an `Ear` for each account there is to listen to, and tells the health page how many."""

    def __init__(
        self,
        app: Flask,
        *,
        look_s: float = LOOK_S,
        delays_s: tuple[float, ...] = DELAYS_S,
        most: int = MOST_ACCOUNTS,
    ) -> None:
        self.app, self._look_s, self._delays_s, self._most = app, look_s, delays_s, most
        self.ears: dict[int, Ear] = {}
        self._look_at = self._beat_at = 0.0
        self._is_crowded = False
        self._gate = threading.Semaphore(AT_ONCE)

    def run(self) -> None:
        """Listen until the process is told to stop."""
        threading.stack_size(STACK_BYTES)
        while not should_stop():
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + self._look_s
                self._try_look()
            if now >= self._beat_at:
                self._beat_at = now + BEAT_S
                self._tell()
            pause(TURN_S)
        self._stop()

    def counts(self) -> dict[str, int]:
        """How many accounts are in which state."""
        found = Counter(ear.state.value for ear in list(self.ears.values()))
        return {state.value: found[state.value] for state in State}

    def _try_look(self) -> None:
        try:
            self.look()
        except Exception:  # the database is away: those we listen to are listened to still
            logger.exception("the accounts could not be read")

    def look(self) -> None:
        """Make the ears fit the accounts."""
        with self.app.app_context():
            found = listening.targets()
        wanted = {target.account_id: target for target in found[: self._most]}
        if (is_crowded := len(found) > self._most) and not self._is_crowded:
            logger.warning("listening to %s of %s accounts, the others are polled", self._most, len(found))
        self._is_crowded = is_crowded
        for account_id, ear in list(self.ears.items()):
            self._look_after(account_id, ear, wanted.get(account_id))
        for account_id in wanted.keys() - self.ears.keys():
            self.ears[account_id] = Ear(self.app, wanted[account_id], self._gate, self._delays_s).start()

    def _look_after(self, account_id: int, ear: Ear, target: Target | None) -> None:
        if target is None or target.key != ear.target.key or not ear.is_alive():
            ear.end()
            del self.ears[account_id]
        else:
            ear.target = target

    def _tell(self) -> None:
        try:
            tell_listening(connect(self.app.config["REDIS_URL"]), self.counts())
        except RedisError as error:
            logger.debug("no beat, redis is away: %s", error)

    def _stop(self) -> None:
        ends_at = time.monotonic() + STOP_S
        for ear in self.ears.values():
            ear.end()
        for ear in self.ears.values():
            ear.join(max(ends_at - time.monotonic(), 0.0))
        try:
            forget_listening(connect(self.app.config["REDIS_URL"]))
        except RedisError as error:
            logger.debug("no goodbye, redis is away: %s", error)


@click.command("listen")
@with_appcontext
def listen() -> None:
    """Wait for the mail servers to tell of new mail, and have it fetched at once; runs until it is stopped."""
    stop_on_signals()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    Listener(app).run()
