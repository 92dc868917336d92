"""A server under test: a process on a core of its own, started, asked once, measured, stopped."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import msgspec
import psutil

from bench.http_load import Target

SERVER_CORE, LOAD_CORE = 0, 1
READY_SECONDS = 120.0
Read = Callable[[bytes], float]


class NotReady(Exception):
    """A server did not come up, or answers with something else than it should."""


class Contender(msgspec.Struct, frozen=True):
    """What takes part: how it is started, what it is asked, and where its answer has the score.

    Attributes:
        ready: the path that answers 200 to a GET once it serves.
        expected: the scores of the requests in turn; none where it scores nothing.
        read: the score out of the body of an answer.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    ready: str
    target: Target
    expected: Sequence[float] = ()
    read: Read | None = None


class Running:
    """A contender that serves.

    Attributes:
        ready_seconds: from the start of its process to its first answer.
    """

    def __init__(self, contender: Contender, process: subprocess.Popen[bytes]) -> None:
        self.contender = contender
        self._process = process
        begun = time.monotonic()
        while not self._answers():
            if process.poll() is not None or time.monotonic() - begun > READY_SECONDS:
                raise NotReady(f"{contender.name} did not come up")
            time.sleep(0.01)
        self.ready_seconds = round(time.monotonic() - begun, 2)

    @property
    def resident_mb(self) -> float:
        """The memory that the process and its children hold, in 10**6 bytes."""
        process = psutil.Process(self._process.pid)
        family = [process, *process.children(recursive=True)]
        return round(sum(each.memory_info().rss for each in family) / 1e6, 1)

    def check(self) -> None:
        """Ask each request once; raises NotReady where the score is not the one expected."""
        contender = self.contender
        for request, expected in zip(contender.target.requests, contender.expected, strict=False):
            found = contender.read(self._post(request)) if contender.read else expected
            if abs(found - expected) > 1e-6:
                raise NotReady(f"{contender.name} answers {found}, not {expected}")

    def _post(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        connection = HTTPConnection("127.0.0.1", self.contender.target.port, timeout=30)
        try:
            headers = dict(line.split(": ", 1) for line in lines)
            connection.request("POST", first.split()[1], body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise NotReady(f"{self.contender.name} answers {answer.status}: {content[:300]!r}")
        return content

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.contender.target.port, timeout=1)
        try:
            connection.request("GET", self.contender.ready)
            return connection.getresponse().status < 500
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def running(contender: Contender, folder: Path) -> Iterator[Running]:
    """Run a contender on the servers' core until the block ends; what it says goes to a file.

    Raises:
        NotReady: it did not come up.
    """
    with (folder / f"{contender.name}.log").open("wb") as log:
        with on_core(SERVER_CORE):
            process = subprocess.Popen(  # noqa: S603 - our own words
                contender.arguments,
                env={**os.environ, **contender.environment},
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Running(contender, process)
        finally:
            _stop(process)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started within runs on this core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _stop(process: subprocess.Popen[bytes]) -> None:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        if child.is_running():
            child.kill()
