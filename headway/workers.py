"""The processes that serve the API together: each a program of its own, all on one port.

The kernel shares new connections out among those that listen (SO_REUSEPORT); one that has ended
gets none, and the supervisor starts it again.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping

from headway.children import Program
from headway.parts.process import record_file
from headway.parts.record import Record
from headway.settings import Settings

BACKLOG = 2048


def programs(settings: Settings, environment: Mapping[str, str]) -> list[Program]:
    """One for each worker; the first has the name that it has alone."""
    words = [sys.executable, "-m", "headway", "serve"]
    home = settings.home.resolve()
    return [
        Program(_name(number), [*words, str(number)], home, environment)
        for number in range(settings.workers)
    ]


def listen(settings: Settings) -> socket.socket:
    """A socket on the API's port that others of this user may share."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((settings.host, settings.port))
    shared.listen(BACKLOG)
    return shared


def ended(settings: Settings) -> list[str]:
    """The names of the workers of this copy that do not run."""
    return [
        name
        for name in map(_name, range(settings.workers))
        if (record := Record.read(record_file(settings.home / name))) and not record.orphaned()
    ]


def _name(number: int) -> str:
    return "serve" if number == 0 else f"serve-{number}"
