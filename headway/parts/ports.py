"""Choose loopback ports, so that two copies of Headway on one machine do not collide."""

import random
import socket
from pathlib import Path

import psutil

from headway.parts.errors import PartError

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes the ports of outgoing connections (32768 and up): a client
# that keeps calling a stopped server could otherwise be given that server's own port.
LISTENING_PORTS = range(20_000, 32_000)
TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now; ports in TIME_WAIT count as free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A free loopback port, found by binding it; the caller retries if it is taken meanwhile."""
    for port in random.sample(LISTENING_PORTS, TRIES):
        if is_free(port):
            return port
    raise PartError(
        f"no free port: {TRIES} ports of {LOOPBACK} between {LISTENING_PORTS.start} and "
        f"{LISTENING_PORTS.stop - 1} were tried and all are taken. "
        "Stop what is using them ('ss -ltnp' lists it) and start again."
    )


class KeptPort:
    """A port that stays: kept in `file` for later runs, and once pinned, for good."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._number: int | None = None
        self._pinned = False

    @property
    def number(self) -> int:
        """The port; raises PartError before the first start."""
        if self._number is None:
            raise PartError(f"{self._file.parent} has no port yet: call start() first.")
        return self._number

    def choose(self) -> int:
        """The pinned port, else the one in the file if it is still free, else a new one."""
        if not self._pinned:
            kept = self._read()
            self._number = kept if kept and is_free(kept) else free_port()
            self._file.write_text(f"{self._number}\n")
        return self.number

    def pin(self) -> None:
        """Clients know the port now: never choose another."""
        self._pinned = True

    def _read(self) -> int | None:
        text = self._file.read_text().strip() if self._file.exists() else ""
        return int(text) if text.isdigit() and int(text) in LISTENING_PORTS else None


def listens(pid: int | None, port: int) -> bool:
    """Whether this very process, and no other that took the port, listens on it."""
    try:
        sockets = psutil.Process(pid).net_connections("inet") if pid else []
    except psutil.NoSuchProcess:
        return False
    return any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)
