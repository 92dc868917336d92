"""Keeps a copy whole: what ends by itself is started again, with growing patience, and what lives
but does not advance is ended first."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from math import inf
from typing import Protocol

import structlog

from firm.errors import HeadwayError

LOOK_SECONDS = 0.25
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 30.0
CALM_SECONDS = 60.0
"""After so long without an end, the patience starts anew."""

log = structlog.get_logger(__name__)


class Kept(Protocol):
    """A part or a program that is to be kept running."""

    @property
    def name(self) -> str:
        """How the log calls it."""

    @property
    def pid(self) -> int | None:
        """The id of its process, None once it has ended."""

    def start(self) -> None:
        """Start it again."""


class Beating(Kept, Protocol):
    """A program that tells that it advances."""

    @property
    def age(self) -> float:
        """Seconds since it was started."""

    @property
    def silence(self) -> float | None:
        """Seconds since it has told last; None where it does not tell yet, or does not run."""

    def kill(self) -> None:
        """End it at once, whatever state it is in."""


class Supervisor:
    """Looks after parts and programs from a thread of its own, in the order in which they are
    given: what others need comes first.

    Args:
        beating: those of them that are ended once they have been silent for `hung_seconds`, or
            have told nothing at all for `start_seconds` since they were started.
    """

    def __init__(
        self,
        kept: Sequence[Kept],
        beating: Sequence[Beating] = (),
        hung_seconds: float = inf,
        start_seconds: float = inf,
    ) -> None:
        self._kept, self._beating = kept, beating
        self._hung_seconds, self._start_seconds = hung_seconds, start_seconds
        self._told: dict[str, int | None] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_after, daemon=True)
        self._ends: dict[str, tuple[float, float]] = {}

    def start(self) -> None:
        """Begin to look after them."""
        self._thread.start()

    def stop(self) -> None:
        """Let them be; returns once no start is under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look_after(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self._end_what_hangs()
            for one in self._kept:
                if one.pid is None and not self._stopped.is_set():
                    self._start_again(one)

    def _end_what_hangs(self) -> None:
        for one in self._beating:
            pid, silence, age = one.pid, one.silence, one.age
            if silence is not None:
                self._told[one.name] = pid
                if silence > self._hung_seconds:
                    said = {"what": one.name, "silent_seconds": round(silence, 1)}
                    log.error("hangs, and is ended", **said)
                    _end(one)
            elif pid not in (None, self._told.get(one.name)) and age > self._start_seconds:
                said = {"what": one.name, "started_seconds_ago": round(age, 1)}
                log.error("hangs in its start, and is ended", **said)
                _end(one)

    def _start_again(self, one: Kept) -> None:
        pause = self._patience(one)
        log.warning("starting again", what=one.name, after_seconds=pause)
        if self._stopped.wait(pause):
            return
        try:
            one.start()
        except HeadwayError as error:
            log.error("could not start again", what=one.name, reason=str(error))

    def _patience(self, one: Kept) -> float:
        """How long to wait before it is started: twice as long as the last time, if that was
        not long ago."""
        now = time.monotonic()
        ended, pause = self._ends.get(one.name, (-CALM_SECONDS, 0.0))
        calm = now - ended >= CALM_SECONDS
        pause = FIRST_PAUSE_SECONDS if calm else min(2 * pause, LONGEST_PAUSE_SECONDS)
        self._ends[one.name] = (now, pause)
        return pause


def _end(one: Beating) -> None:
    try:
        one.kill()
    except HeadwayError as error:
        log.error("could not be ended", what=one.name, reason=str(error))
