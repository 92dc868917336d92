"""The `headway` command as a person runs it: a process of its own, on a home of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

HEADWAY = Path(sys.executable).with_name("headway")
USUAL_PORTS = (9092, 5432, 6379)
PATIENCE_SECONDS = 120.0


class Up:
    """A running `headway up`: its process, what it has said, and where its API answers."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process = start(home, "up")
        self.said = ""
        self._came_up = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def api(self) -> str:
        """The API's URL; waits until it is said."""
        assert self._came_up.wait(PATIENCE_SECONDS), self.said
        found = re.search(r"API (http://\S+)/docs", self.said)
        assert found, self.said
        return found[1]

    def family(self) -> list[psutil.Process]:
        """Its process and all that it has started."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    def _read(self) -> None:
        assert self.process.stderr
        with self.process.stderr:
            for line in self.process.stderr:
                self.said += line
                if "Ctrl-C stops" in line:
                    self._came_up.set()
        self._came_up.set()


@contextmanager
def up(home: Path) -> Iterator[Up]:
    """`headway up` on a home; stopped at the end, if it still runs."""
    running = Up(home)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGINT)
        if running.process.stdout:
            running.process.stdout.close()


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(  # noqa: S603 - our own program and arguments
        [str(HEADWAY), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home.parent,
        env=environment(home),
    )


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    process = start(home, *arguments)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def found(home: Path, *arguments: str) -> Any:
    """What the command says with `--json`: one object, and nothing else on standard output."""
    done = run(home, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def environment(home: Path) -> dict[str, str]:
    """The environment of a person who has set nothing but the home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWAY_")}
    return {**kept, "HEADWAY_HOME": str(home), "COLUMNS": "250"}


@contextmanager
def usual_ports_taken() -> Iterator[None]:
    """Something else has the usual ports of Kafka, PostgreSQL and Redis."""
    with ExitStack() as held:
        for port in USUAL_PORTS:
            taker = held.enter_context(closing(socket.socket()))
            try:
                taker.bind(("127.0.0.1", port))
                taker.listen()
            except OSError:
                continue  # taken already, which is what is wanted
        yield


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all of them end within a few seconds."""
    _, alive = psutil.wait_procs(processes, timeout=5)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
