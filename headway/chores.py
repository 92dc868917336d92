"""What a process does once a minute beside its work."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_SECONDS = 60.0


class Chores:
    """Each is done in turn, if the last time was long enough ago."""

    def __init__(self, *chores: Callable[[], object]) -> None:
        self._chores = chores
        self._next = 0.0

    def tick(self) -> None:
        """Do them, if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_SECONDS
            for chore in self._chores:
                chore()
