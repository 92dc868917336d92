"""Requests for a score that uvicorn's protocol answers itself get what FastAPI would have said."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from http.client import HTTPResponse
from io import BytesIO
from itertools import count, pairwise
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from headway.api import build
from headway.settings import Settings
from serving import direct
from serving.app import Application
from serving.direct import ScoreProtocol
from serving.quick import QuickScore
from tests.contract.serving.test_api import P1, SCORE, at, z
from tests.stage import PATIENCE_SECONDS

TOKEN = "TOKEN"  # noqa: S105 - a place that is filled in
LAST = b"GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
"""After it the server closes: all that was answered has then come."""
TURNS = 20
"""So many turns of the loop are enough to refuse a request before all of it has come."""
CHANGING = {"as_of", "decision_id", "features", "freshness", "probability"}
"""What differs between two answers to one question without a key."""
TARGETS = [
    SCORE,
    f"{SCORE}?explain=true",
    f"{SCORE}?",
    f"{SCORE}/",
    f"/{SCORE}",
    f"http://elsewhere{SCORE}",
    SCORE.replace("score", "%73core"),
    SCORE.replace("delivery_risk", "nothing"),
    "/v1/workflows",
]
BODIES = [
    json.dumps(P1 | {"as_of": at(0)}).encode(),
    json.dumps(P1).encode(),
    b' {"subject" : "project:p2", "as_of": null}\n',
    b'{"subject": "project:p1", "subject": "project:p2"}',
    b'{"subject": "project:unheard-of"}',
    b'{"subject": "project:p1", "more": 1}',
    b'{"subject": "project:p1", "as_of": "2017-09-01T00:00:00"}',
    b'{"subject": "project:p1", "as_of": 1504224000}',
    b'{"subject": "project:p1", "as_of": "0001-01-01T00:00:00Z"}',
    b'{"subject": 3}',
    b'{"subject": "project:\\ud800"}',
    b'{"subject": "project:\\u0000"}',
    b'{"subject": "project: "}',
    b'{"subject": "project:\xff"}',
    b'{"subject": "project:%b"}' % (b"x" * 300),
    b'{"subject": "project:p1", "as_of": %b}' % (b"[" * 100),
    b"",
    b"null",
    b"{",
]
PLAIN = {
    "Host": "h",
    "Content-Type": "application/json",
    "Authorization": f"Bearer {TOKEN}",
    "User-Agent": "tests",
}
ODD = [
    ("Accept", "text/html"),
    ("Authorization", "Bearer hw_nobody_secret"),
    ("Authorization", "Basic dXNlcg=="),
    ("Connection", "close"),
    ("Connection", "keep-alive"),
    ("Connection", "Upgrade"),
    ("Content-Encoding", "gzip"),
    ("Content-Length", "3"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Content-Type", "text/plain"),
    ("Cookie", "a=b"),
    ("Expect", "100-continue"),
    ("Idempotency-Key", "once"),
    ("Idempotency-Key", "twice"),
    ("Idempotency-Key", "k" * 300),
    ("Idempotency-Key", "k\xe9y"),
    ("Transfer-Encoding", "gzip"),
    ("Upgrade", "h2c"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Request-ID", "theirs"),
    ("X-Request-ID", 'n"t'),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-nothing", ""),
]


def seldom(usual: Any, odd: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), odd)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """The method and the bytes of a request, most often a plain one with something odd about it."""
    method = draw(seldom("POST", st.sampled_from(["GET", "HEAD", "PUT", "OPTIONS", "post"])))
    target = draw(seldom(SCORE, st.sampled_from(TARGETS)))
    version = draw(seldom("HTTP/1.1", st.sampled_from(["HTTP/1.0", "HTTP/2.0"])))
    body: bytes = draw(seldom(BODIES[0], st.sampled_from(BODIES)))
    left_out = draw(seldom("", st.sampled_from(list(PLAIN))))
    headers = [one for one in PLAIN.items() if one[0] != left_out]
    headers += draw(seldom([], st.lists(st.sampled_from(ODD), max_size=3)))
    if draw(seldom(False, st.just(True))):
        headers.append(("Transfer-Encoding", "chunked"))
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    else:
        headers.append(("Content-Length", str(len(body))))
    if draw(st.booleans()):
        headers = [(name.swapcase(), value) for name, value in headers]
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in headers)]
    return method, "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Line(asyncio.Transport):
    """A connection without a network: what is written stays, and nothing comes after the end."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 4_000), "sockname": ("127.0.0.1", 8_000)})
        self.written: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()
        self.ended = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.is_closing():
            self.written.append(bytes(data))

    def close(self) -> None:
        self.ended.set()
        self.open.set()

    def is_closing(self) -> bool:
        return self.ended.is_set()

    def pause_reading(self) -> None:
        self.open.clear()

    def resume_reading(self) -> None:
        self.open.set()


class Side:
    """One way to serve an application, with nothing but the network left out."""

    def __init__(self, app: FastAPI, protocol: type[HttpToolsProtocol]) -> None:
        self.config = uvicorn.Config(app, log_level="critical", access_log=False, http=protocol)
        self.config.load()
        self.state = ServerState()
        self.protocol = protocol

    def connected(self) -> tuple[HttpToolsProtocol, Line]:
        """A new connection, from the server's side and from the caller's."""
        line = Line()
        spoken = self.protocol(self.config, self.state, {}, asyncio.get_running_loop())
        spoken.connection_made(line)
        return spoken, line

    async def told(self, pieces: Sequence[bytes], patient: bool = False) -> bytes:
        """All that it says to these pieces.

        Args:
            patient: whether the caller waits for an answer before they go on.
        """
        spoken, line = self.connected()
        for piece in pieces:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await line.open.wait()
            if line.is_closing():
                break
            spoken.data_received(piece)
            await asyncio.sleep(0)
            if patient:
                await _answered(spoken, line)
        await _answered(spoken, line)
        spoken.connection_lost(None)
        return b"".join(line.written)


async def _answered(spoken: HttpToolsProtocol, line: Line) -> None:
    """Wait for all that can be answered; for a request without its end, not for long."""
    turns = count()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while _owes(spoken) and not line.is_closing():
            if getattr(spoken.cycle, "more_body", False) and next(turns) > TURNS:
                return
            await asyncio.sleep(0.001)


def _owes(spoken: HttpToolsProtocol) -> bool:
    return spoken.cycle is not None and not spoken.cycle.response_complete


class _Wire(BytesIO):
    """Answers one after the other, of which each would close what it came from."""

    def makefile(self, _mode: str) -> _Wire:
        return self

    def close(self) -> None:
        pass


def answers(wire: bytes, methods: Sequence[str]) -> Iterator[tuple[int, list[Any], Any]]:
    """Status, headers and body of each answer, without what no two answers share."""
    coming = _Wire(wire)
    for method in methods:
        if coming.tell() == len(wire):
            return
        found = HTTPResponse(coming, method=method)  # type: ignore[arg-type]
        found.begin()
        names = {"date", "content-length"}
        headers = [(n.lower(), v) for n, v in found.getheaders() if n.lower() not in names]
        yield found.status, [*map(_unnamed, headers)], _alike(found.read())


def _unnamed(header: tuple[str, str]) -> tuple[str, str]:
    made = header[0] == "x-request-id" and len(header[1]) == 32
    return (header[0], "made") if made else header


def _alike(body: bytes) -> Any:
    said = json.loads(body) if body.startswith(b"{") else body
    if isinstance(said, dict):
        return {name: None if name in CHANGING else value for name, value in said.items()}
    return said


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    thresholds = gc.get_threshold()
    with asyncio.Runner() as runner:
        yield runner
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.fixture(scope="module")
def sides(
    settings: Settings, headers: dict[str, str], loop: asyncio.Runner
) -> Iterator[tuple[Side, Side]]:
    """The API as it is served, and with nobody in front of FastAPI."""
    ours, plain = build(settings), build(settings)
    plain.front = plain.behind
    stack = AsyncExitStack()
    for app in (ours, plain):
        loop.run(stack.enter_async_context(app.router.lifespan_context(app)))
    yield Side(ours, ScoreProtocol), Side(plain, HttpToolsProtocol)
    loop.run(stack.aclose())


@pytest.fixture
def plain(headers: dict[str, str]) -> bytes:
    """A request as most are."""
    return filled(wire_of([*PLAIN.items(), ("Content-Length", str(len(BODIES[0])))]), headers)


def wire_of(headers: Sequence[tuple[str, str]], body: bytes = BODIES[0]) -> bytes:
    lines = [f"POST {SCORE} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def filled(wire: bytes, headers: dict[str, str]) -> bytes:
    return wire.replace(f"Bearer {TOKEN}".encode(), headers["Authorization"].encode())


@examples(max_examples=150)
@given(
    asked=st.lists(requests(), min_size=1, max_size=3),
    cuts=st.none() | st.lists(st.floats(0, 1), max_size=3),
    patient=st.booleans(),
)
def test_whatever_is_asked_both_ways_give_the_same_answers(
    sides: tuple[Side, Side],
    loop: asyncio.Runner,
    headers: dict[str, str],
    asked: list[tuple[str, bytes]],
    cuts: list[float] | None,
    patient: bool,
) -> None:
    pieces = [filled(one, headers) for _, one in asked] + [LAST]
    if cuts is not None:
        wire = b"".join(pieces)
        places = [0, *sorted(int(cut * len(wire)) for cut in cuts), len(wire)]
        pieces = [wire[a:b] for a, b in pairwise(places) if a != b]
    methods = [*(method for method, _ in asked), "GET"]
    ours, theirs = (list(answers(loop.run(one.told(pieces, patient)), methods)) for one in sides)
    assert ours == theirs


def test_a_plain_request_needs_no_asgi_and_its_head_is_known_again(
    sides: tuple[Side, Side],
    loop: asyncio.Runner,
    plain: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def asked() -> list[int]:
        spoken, line = sides[0].connected()
        for _ in range(2):
            spoken.data_received(plain)
            await _answered(spoken, line)
            monkeypatch.setattr(spoken, "parser", None)
        return [status for status, *_ in answers(b"".join(line.written), ["POST"] * 2)]

    monkeypatch.delattr(QuickScore, "__call__")
    assert loop.run(asked()) == [200, 200]


def test_an_answer_that_is_owed_is_given_before_the_service_ends(
    sides: tuple[Side, Side], loop: asyncio.Runner, plain: bytes
) -> None:
    async def asked() -> bytes:
        spoken, line = sides[0].connected()
        spoken.data_received(plain)
        spoken.shutdown()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await line.ended.wait()
        return b"".join(line.written)

    ((status, headers, _),) = answers(loop.run(asked()), ["POST"])
    assert (status, dict(headers)["connection"]) == (200, "close")


def test_whoever_has_gone_is_told_nothing_and_their_decision_stands(
    sides: tuple[Side, Side], loop: asyncio.Runner, headers: dict[str, str], api: httpx.Client
) -> None:
    length = ("Content-Length", str(len(BODIES[0])))
    asking = wire_of([*PLAIN.items(), length, ("Idempotency-Key", "went away")])

    async def asked() -> list[bytes]:
        spoken, line = sides[0].connected()
        spoken.data_received(filled(asking, headers))
        spoken.connection_lost(ConnectionResetError())
        await _answered(spoken, line)
        return line.written

    assert loop.run(asked()) == []
    again = api.post(SCORE, json=P1, headers={"Idempotency-Key": "went away"})
    assert (again.status_code, again.json()["as_of"]) == (200, z(at(0)))


def test_the_heads_that_are_known_are_no_more_than_so_many(
    sides: tuple[Side, Side],
    loop: asyncio.Runner,
    plain: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(direct, "MOST_HEADS", 2)
    app = sides[0].config.app
    assert isinstance(app, Application)
    assert isinstance(app.front, QuickScore)
    app.front.heads.clear()
    for number in range(5):
        named = plain.replace(b"tests", b"tests/%d" % number)
        loop.run(sides[0].told([named, LAST], patient=True))
        assert 1 <= len(app.front.heads) <= 2
