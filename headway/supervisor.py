"""Keeps a copy whole: what ends by itself is started again, with growing patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
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


class Supervisor:
    """Looks after parts and programs from a thread of its own, in the order in which they are
    given: what others need comes first."""

    def __init__(self, kept: Sequence[Kept]) -> None:
        self._kept = kept
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
            for one in self._kept:
                if one.pid is None and not self._stopped.is_set():
                    self._start_again(one)

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
