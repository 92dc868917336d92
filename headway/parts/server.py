"""What Kafka, PostgreSQL and Redis have in common: start until ready, stop, kill, restart."""

import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from headway.parts.errors import PartError
from headway.parts.preparation import Preparation
from headway.parts.process import Child, Command, record_file
from headway.parts.record import reap

Progress = Callable[[str], None]

# A port taken between choosing and binding, or PostgreSQL still finding its predecessor's memory.
START_TRIES = 3
START_PAUSE_SECONDS = 1.0
# Kafka with many partitions needs 11-14 s after kill -9; a long recovery on a slow disk more.
READY_SECONDS = 120.0
POLL_SECONDS = 0.05


def quiet(_message: str) -> None:
    """Progress for a caller that shows none."""


class Server(ABC):
    """A real server run as our child, with its data, log and record in `folder`."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._child: Child | None = None
        self._cancelled = False
        self._guard = threading.Lock()
        self._preparation = Preparation()

    @property
    def pid(self) -> int | None:
        """The id of the main process, or None when it does not run."""
        return self._child.pid if self._child and not self._child.ended() else None

    def start(self) -> None:
        """Clean up what a killed predecessor left, start, and return when it serves.

        Raises PartError if it does not come up; nothing is left running then.
        """
        if self.pid is not None:
            return
        self._cancelled = False
        self._preparation.allow()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reap(record_file(self.folder), self.stop_signal)
        self._prepare()
        self._start_child()

    def stop(self) -> None:
        """Stop it in good order; also aborts a start under way in another thread."""
        with self._guard:
            self._cancelled = True
            child, self._child = self._child, None
        self._preparation.cancel()
        if child is not None:
            child.stop()

    def kill(self) -> None:
        """Kill it at once, as a crash would; the data stays for the next start."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def restart(self) -> None:
        """Stop it if it runs, and start it again at the same address."""
        self.stop()
        self.start()

    @abstractmethod
    def _prepare(self) -> None:
        """Make ready, once before the tries: data folder, jars, first format."""

    @abstractmethod
    def _command(self) -> Command:
        """What to run, with an address chosen for this try."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether it serves; called again and again while it comes up."""

    def _start_child(self) -> None:
        for left in reversed(range(START_TRIES)):
            child = self._spawn()
            if self._came_up(child):
                return
            if not left:
                raise self._failure(child, "ended while starting")
            time.sleep(START_PAUSE_SECONDS)

    def _spawn(self) -> Child:
        """Start the process, unless a stop from another thread came first."""
        with self._guard:
            self._refuse_if_cancelled()
            self._child = Child(self._command(), self.stop_signal)
            return self._child

    def _came_up(self, child: Child) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while not child.ended():
            if self._ready():
                return True
            if time.monotonic() > deadline:
                child.kill()
                raise self._failure(child, f"was not ready within {READY_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        child.stop()
        return False

    def _refuse_if_cancelled(self) -> None:
        if self._cancelled:
            raise PartError(f"{self.name} was stopped while it was starting.")

    def _failure(self, child: Child, what: str) -> PartError:
        self._refuse_if_cancelled()
        return PartError(
            f"{self.name} {what}. The last lines of {self.folder / 'log.txt'} were:\n"
            f"{child.log_tail()}\nMend what they name and start again."
        )
