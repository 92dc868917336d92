"""Recognise a process again later, so that no unrelated process is ever taken for it."""

import os
import time
from dataclasses import dataclass

import psutil

# psutil derives the time from the boot time, which the kernel may correct by about a second.
CREATE_TIME_TOLERANCE = 2.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Identity:
    """A process id with its creation time (seconds since 1970): unlike the id, never reused."""

    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """The identity of a process that lives now."""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def own(cls) -> "Identity":
        """The identity of this process."""
        return cls.of(os.getpid())

    def process(self) -> psutil.Process | None:
        """The living process, or None if it has ended or its id now belongs to another."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < CREATE_TIME_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def ended_within(self, seconds: float) -> bool:
        """Wait for the process to end, also as a zombie no one collects; True if it did."""
        deadline = time.monotonic() + seconds
        while self.process() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True
