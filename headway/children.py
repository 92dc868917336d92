"""The processes of one copy: recorded like the parts, so that kill -9 of their parent leaves none
behind for good, watched, and stopped with it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from firm.errors import HeadwayError
from headway.parts.process import Child, Command, plain_environment, record_file
from headway.parts.record import reap

POLL_SECONDS = 0.05


class ProcessEnded(HeadwayError):
    """A process of this copy ended by itself, or did not come up."""

    kind = "process-ended"


class Program:
    """A program of ours in a process of its own; its log lies in its folder."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.folder = folder / name
        self._command = Command(
            arguments=arguments,
            marker=arguments[2],
            folder=self.folder,
            environment={**plain_environment(), **environment},
        )
        self._child: Child | None = None

    @classmethod
    def headway(
        cls, name: str, folder: Path, environment: Mapping[str, str], *args: str
    ) -> Program:
        """The program `headway NAME ARGS`."""
        return cls(name, [sys.executable, "-m", "headway", name, *args], folder, environment)

    @property
    def pid(self) -> int | None:
        """The id of its process, None when it does not run."""
        return self._child.pid if self._child and not self._child.ended() else None

    def start(self) -> None:
        """End what a killed parent left of it, and start it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reap(record_file(self.folder), signal.SIGTERM)
        self._child = Child(self._command, signal.SIGTERM)

    def check(self) -> None:
        """Raise ProcessEnded if it has ended, with the end of what it said."""
        if self._child is not None and self._child.ended():
            raise ProcessEnded(
                f"{self.name} ended by itself; its log {self.folder / 'log.txt'} ends:\n"
                f"{self._child.log_tail()}"
            )

    def wait_for(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until it is ready; raises ProcessEnded if it ends, or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessEnded(
                    f"{self.name} was not ready in {seconds:g} s; see {self.folder / 'log.txt'}"
                )
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def stop(self) -> None:
        """Ask it to end, and end it with its children if it does not."""
        if self._child is not None:
            self._child.stop()
            self._child = None
