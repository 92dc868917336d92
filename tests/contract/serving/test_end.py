"""Told to end, the service answers what it has begun, waits for nobody for ever, and ends."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from headway.children import Program
from headway.parts import free_port
from headway.settings import Settings
from tests.contract.serving.test_api import P1, SCORE
from tests.contract.serving.test_workers import running
from tests.stage import PATIENCE_SECONDS, until

CALLERS = 8
IS_TOLD_TO_END = f"""
import asyncio, os, signal
from headway import api
from headway.settings import Settings
asked, all_have = [], asyncio.Event()
class Waiting(api.MeteredRecorder):
    async def record_all(self, of_these):
        asked.extend(of_these)
        if len(asked) == {CALLERS}:
            os.kill(os.getpid(), signal.SIGTERM)
            all_have.set()
        await all_have.wait()
        await asyncio.sleep(0.5)
        return await super().record_all(of_these)
api.MeteredRecorder = Waiting
api.GRACE_SECONDS = 1
api._tracing = lambda settings: (None, lambda: print("the last spans are sent", flush=True))
api.run(Settings())
"""


class Caller:
    """A connection on which whoever calls reads when they want to."""

    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._key = key

    def ask(
        self, method: str, path: str, body: bytes = b"", header: str = "", more: int = 0
    ) -> None:
        """Send a request whose body is said to have `more` bytes than come."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: h\r\nAuthorization: {self._key}\r\n{header}"
            f"Content-Type: application/json\r\nContent-Length: {len(body) + more}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)

    def hears(self, words: bytes) -> None:
        """Wait until the service has said this."""
        said = b""
        while words not in said:
            came = self._socket.recv(65_536)
            assert came, said
            said += came

    def rest(self) -> bytes:
        """What comes until the connection is closed."""
        said = b""
        with suppress(ConnectionResetError):
            while came := self._socket.recv(65_536):
                said += came
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def test_what_is_under_way_is_answered_and_nobody_keeps_it_from_its_end(
    settings: Settings, headers: dict[str, str], tmp_path: Path
) -> None:
    """One caller asks nothing more, one sends half of a body, one reads no answer."""
    alone = settings.model_copy(update={"port": free_port()})
    words = [sys.executable, "-c", IS_TOLD_TO_END]
    ending = Program("ending", words, tmp_path, alone.environment())
    with running(alone, [ending]), ExitStack() as callers:

        def caller() -> Caller:
            return callers.enter_context(Caller(alone.port, headers["Authorization"]))

        idle, slow, deaf = caller(), caller(), caller()
        idle.ask("GET", "/health/live")
        idle.hears(b'"live"}')
        slow.ask("POST", SCORE, header="Expect: 100-continue\r\n", more=10)
        slow.hears(b"100 Continue")
        for _ in range(100):
            deaf.ask("GET", "/openapi.json")
        asking = [caller() for _ in range(CALLERS)]
        for one in asking:
            one.ask("POST", SCORE, json.dumps(P1).encode())
        answers = [one.rest() for one in asking]
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
        assert idle.rest() == b""
        cut_off = slow.rest()
        assert cut_off.startswith(b"HTTP/1.1 503 ")
        assert b"urn:headway:problem:ending" in cut_off
        assert b"\r\nx-request-id: " in cut_off
        until(lambda: ending.pid is None)
    assert "the last spans are sent" in (tmp_path / "ending" / "log.txt").read_text()
