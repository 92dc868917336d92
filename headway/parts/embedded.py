"""Start the parts that are not external, together, and stop them together."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from headway.parts.addresses import Addresses, ExternalAddresses, forget, publish
from headway.parts.kafka import Kafka
from headway.parts.locks import FolderLock
from headway.parts.postgres import Postgres
from headway.parts.redis import Redis
from headway.parts.server import Progress, Server, quiet
from headway.parts.together import together


class Parts:
    """The running parts of one data folder; a context manager that stops what it started."""

    def __init__(
        self, folder: Path, cache: Path, external: ExternalAddresses, on_progress: Progress
    ) -> None:
        self.kafka = None if external.kafka else Kafka(folder / "kafka", cache, on_progress)
        self.postgres = None if external.database else Postgres(folder / "postgres")
        self.redis = None if external.redis else Redis(folder / "redis")
        self._external = external
        self._folder = folder
        self._lock = FolderLock(folder)
        self._on_progress = on_progress

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        cache: Path,
        external: ExternalAddresses | None = None,
        on_progress: Progress = quiet,
    ) -> Self:
        """Start all that have no external address, at once; returns when all serve.

        Raises PartError if the folder is in use or a part does not start; none is left running.
        """
        parts = cls(folder.resolve(), cache, external or ExternalAddresses(), on_progress)
        try:
            together([parts._starter(server) for server in parts.servers])
            publish(parts._folder, parts.addresses)
        except BaseException:
            parts.stop()
            raise
        return parts

    @property
    def kafka_bootstrap(self) -> str:
        """Kafka's bootstrap servers."""
        return self.kafka.bootstrap_servers if self.kafka else self._external.kafka or ""

    @property
    def database_url(self) -> str:
        """The database as a SQLAlchemy URL."""
        return self.postgres.url if self.postgres else self._external.database or ""

    @property
    def redis_url(self) -> str:
        """Redis as a URL."""
        return self.redis.url if self.redis else self._external.redis or ""

    @property
    def addresses(self) -> Addresses:
        """All three addresses."""
        return Addresses(self.kafka_bootstrap, self.database_url, self.redis_url)

    def stop(self) -> None:
        """Stop what was started and give the folder up; does nothing the second time."""
        if self._lock.released:
            return
        forget(self._folder)
        try:
            together([server.stop for server in self.servers])
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def servers(self) -> Sequence[Server]:
        """The servers that were started here."""
        return [part for part in (self.kafka, self.postgres, self.redis) if part is not None]

    def _starter(self, server: Server) -> Callable[[], None]:
        def start() -> None:
            begun = time.monotonic()
            server.start()
            self._on_progress(f"{server.name} is ready ({time.monotonic() - begun:.1f} s)")

        return start
