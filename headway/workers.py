"""The processes that serve the API together: each a program of its own, all on one port.

The kernel shares new connections out among those that listen (SO_REUSEPORT); one that has ended
gets none, and the supervisor starts it again. One that hangs gets its share and answers nothing:
the supervisor ends it first.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Mapping
from math import inf

from headway.children import Program
from headway.heartbeat import Heartbeat
from headway.parts.process import record_file
from headway.parts.record import Record
from headway.settings import Settings

BACKLOG = 2048
ENDED = "`headway up` ends it and starts it again"


class ApiWorker(Program):
    """A process of the API, whose event loop beats."""

    _started_at = inf

    @property
    def silence(self) -> float | None:
        """Seconds since its event loop has last moved; None where it has not begun to, or does not
        run."""
        return None if self.pid is None else Heartbeat(self.folder).silence

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started_at

    def start(self) -> None:
        """See `Program.start`."""
        Heartbeat(self.folder).forget()
        self._started_at = time.monotonic()
        super().start()


def programs(settings: Settings, environment: Mapping[str, str]) -> list[ApiWorker]:
    """One for each worker; the first has the name that it has alone."""
    words = [sys.executable, "-m", "headway", "serve"]
    home = settings.home.resolve()
    return [
        ApiWorker(name_of(number), [*words, str(number)], home, environment)
        for number in range(settings.workers)
    ]


def heartbeat(settings: Settings, number: int) -> Heartbeat:
    """That of a worker of this copy."""
    return Heartbeat(settings.home / name_of(number))


def listen(settings: Settings) -> socket.socket:
    """A socket on the API's port that others of this user may share."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((settings.host, settings.port))
    shared.listen(BACKLOG)
    return shared


def unwell(settings: Settings) -> dict[str, str]:
    """By the name of a worker of this copy why it answers nothing."""
    return {
        name: why for name in map(name_of, range(settings.workers)) if (why := _why(settings, name))
    }


def silences(settings: Settings) -> dict[str, float]:
    """By the name of a worker of this copy the seconds since its event loop has last moved."""
    names = map(name_of, range(settings.workers))
    return {
        name: seconds
        for name in names
        if (seconds := Heartbeat(settings.home / name).silence) is not None
    }


def _why(settings: Settings, name: str) -> str:
    record = Record.read(record_file(settings.home / name))
    if record is None:
        return ""
    if not record.orphaned():
        return "has ended; `headway up` starts it again, its log says why"
    silence = Heartbeat(settings.home / name).silence
    if silence is None:
        age = time.time() - record.process.create_time
        late = age > settings.start_seconds
        return f"does not serve, {age:.0f} s after its start; {ENDED}" if late else ""
    if silence <= settings.hung_seconds:
        return ""
    return f"has not moved for {silence:.0f} s; {ENDED}"


def name_of(number: int) -> str:
    """The name of a worker's process, folder and metrics."""
    return "serve" if number == 0 else f"serve-{number}"
