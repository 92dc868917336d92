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

from firm.decision import Decision
from firm.workflow import Workflow
from headway.api import build
from headway.settings import Settings
from serving import direct, together
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
METHODS = ["GET", "HEAD", "PUT", "OPTIONS", "post"]
VERSIONS = ["HTTP/1.0", "HTTP/2.0"]
CHUNKED = ("Transfer-Encoding", "chunked")
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


def wire_of(
    method: str = "POST",
    target: str = SCORE,
    version: str = "HTTP/1.1",
    body: bytes = BODIES[0],
    headers: Sequence[tuple[str, str]] = (),
    left_out: str = "",
) -> bytes:
    """The bytes of a request: of a plain one but for what is given."""
    told = [*PLAIN.items(), ("Content-Length", str(len(body))), *headers]
    lines = [f"{name}: {value}" for name, value in told if name != left_out]
    return "\r\n".join([f"{method} {target} {version}", *lines, "", ""]).encode("latin-1") + body


def chunked(body: bytes) -> bytes:
    end = b"0\r\n\r\n"
    return b"%x\r\n%b\r\n%b" % (len(body), body, end) if body else end


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """The method and the bytes of a request, most often a plain one with something odd about it."""
    method = draw(seldom("POST", st.sampled_from(METHODS)))
    headers = draw(seldom([], st.lists(st.sampled_from(ODD), max_size=3)))
    body: bytes = draw(seldom(BODIES[0], st.sampled_from(BODIES)))
    left_out = draw(seldom("", st.sampled_from(list(PLAIN))))
    if draw(seldom(False, st.just(True))):
        headers, body = [*headers, CHUNKED], chunked(body)
        left_out = "Content-Length"
    return method, wire_of(
        method,
        draw(seldom(SCORE, st.sampled_from(TARGETS))),
        draw(seldom("HTTP/1.1", st.sampled_from(VERSIONS))),
        body,
        headers,
        left_out,
    )


KEPT = ("Connection", "keep-alive")
ALONE = [
    *((method, wire_of(method)) for method in METHODS),
    *(("POST", wire_of(target=target)) for target in TARGETS),
    *(("POST", wire_of(version=version)) for version in VERSIONS),
    *(("POST", wire_of(version=version, headers=[KEPT])) for version in VERSIONS),
    *(("POST", wire_of(body=body)) for body in BODIES),
    *(("POST", wire_of(headers=[header])) for header in ODD),
    *(("POST", wire_of(left_out=name)) for name in PLAIN),
    *(
        ("POST", wire_of(body=chunked(body), headers=[CHUNKED], left_out="Content-Length"))
        for body in BODIES
    ),
    ("POST", wire_of().replace(b"Content-", b"CONTENT-")),
    ("POST", wire_of(left_out="Content-Length")),
]


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


def quick_of(side: Side) -> QuickScore:
    assert isinstance(side.config.app, Application)
    return side.config.app.quick


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
    return filled(wire_of(), headers)


def filled(wire: bytes, headers: dict[str, str]) -> bytes:
    return wire.replace(f"Bearer {TOKEN}".encode(), headers["Authorization"].encode())


@pytest.mark.parametrize(("method", "asking"), ALONE)
def test_each_odd_thing_alone_gets_the_same_answer_both_ways(
    sides: tuple[Side, Side],
    loop: asyncio.Runner,
    headers: dict[str, str],
    method: str,
    asking: bytes,
) -> None:
    pieces = [filled(asking, headers), LAST]
    ours, theirs = (loop.run(one.told(pieces, patient=True)) for one in sides)
    assert list(answers(ours, [method, "GET"])) == list(answers(theirs, [method, "GET"]))
    assert ours.count(b" 100 Continue") == theirs.count(b" 100 Continue")


@pytest.mark.parametrize(
    "header",
    [("Connection", "close"), ("Expect", "100-continue"), ("X-Forwarded-For", "10.0.0.1"), CHUNKED],
)
def test_what_means_something_to_uvicorn_goes_its_way(
    sides: tuple[Side, Side],
    loop: asyncio.Runner,
    headers: dict[str, str],
    header: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(ScoreProtocol, "_begin")
    is_chunked = header == CHUNKED
    body = chunked(BODIES[0]) if is_chunked else BODIES[0]
    left_out = "Content-Length" if is_chunked else ""
    asking = filled(wire_of(body=body, headers=[header], left_out=left_out), headers)
    ((status, *_), *_) = answers(loop.run(sides[0].told([asking, LAST], True)), ["POST", "GET"])
    assert status == 200


@examples(max_examples=100)
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


def test_several_requests_in_one_piece_are_answered_in_their_order(
    sides: tuple[Side, Side], loop: asyncio.Runner, headers: dict[str, str], plain: bytes
) -> None:
    named = [
        filled(wire_of(headers=[("X-Request-ID", f"number-{number}")]), headers)
        for number in range(3)
    ]
    pieces = [plain, plain + b"".join(named) + LAST]
    found = list(answers(loop.run(sides[0].told(pieces, patient=True)), ["POST"] * 5 + ["GET"]))
    assert [status for status, *_ in found] == [200] * 6
    assert [dict(headers)["x-request-id"] for _, headers, _ in found[2:5]] == [
        f"number-{number}" for number in range(3)
    ]


def test_what_looks_like_a_request_within_a_body_is_none(
    sides: tuple[Side, Side], loop: asyncio.Runner, plain: bytes
) -> None:
    get = b"GET /health/live HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(plain)
    told = loop.run(sides[0].told([plain, get, plain, LAST], patient=True))
    found = list(answers(told, ["POST", "GET", "GET", "GET"]))
    assert [body.get("status") for *_, body in found[1:]] == ["live", "live"]


def test_a_request_whose_body_is_still_to_come_is_answered_before_the_service_ends(
    sides: tuple[Side, Side], loop: asyncio.Runner, plain: bytes
) -> None:
    async def asked() -> bytes:
        spoken, line = sides[0].connected()
        spoken.data_received(plain[:-5])
        spoken.shutdown()
        spoken.data_received(plain[-5:])
        async with asyncio.timeout(PATIENCE_SECONDS):
            await line.ended.wait()
        return b"".join(line.written)

    assert [status for status, *_ in answers(loop.run(asked()), ["POST"])] == [200]


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


async def asked_in_one_turn(side: Side, asking: Sequence[bytes]) -> list[bytes]:
    """What each of several connections is told."""
    lines = [side.connected() for _ in asking]
    for (spoken, _), wire in zip(lines, asking, strict=True):
        spoken.data_received(wire)
    for spoken, line in lines:
        await _answered(spoken, line)
    return [b"".join(line.written) for _, line in lines]


@pytest.mark.parametrize("where", ["gives_reasons", "answer"])
def test_what_goes_wrong_with_one_answer_leaves_the_others_as_they_are(
    sides: tuple[Side, Side],
    loop: asyncio.Runner,
    headers: dict[str, str],
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = getattr(together, where)

    def broken(workflow: Workflow, decision: Decision) -> object:
        if decision.subject == "project:p2":
            raise ValueError("nobody has thought of this")
        return usual(workflow, decision)

    monkeypatch.setattr(together, where, broken)
    bodies = [b'{"subject": "project:p2"}', b'{"subject": "project:p1"}']
    asking = [filled(wire_of(body=body), headers) for body in bodies]
    told = loop.run(asked_in_one_turn(sides[0], asking))
    assert [status for wire in told for status, *_ in answers(wire, ["POST"])] == [500, 200]


def test_a_connection_that_cannot_be_written_to_keeps_no_answer_from_others(
    sides: tuple[Side, Side],
    loop: asyncio.Runner,
    plain: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual, broken = Line.write, []

    def write(line: Line, data: bytes) -> None:
        if not broken or line in broken:
            broken.append(line)
            raise RuntimeError("the handler is closed")
        usual(line, data)

    monkeypatch.setattr(Line, "write", write)
    told = loop.run(asked_in_one_turn(sides[0], [plain, plain]))
    assert [[status for status, *_ in answers(wire, ["POST"])] for wire in told] == [[], [200]]


def test_whoever_has_gone_is_told_nothing_and_their_decision_stands(
    sides: tuple[Side, Side], loop: asyncio.Runner, headers: dict[str, str], api: httpx.Client
) -> None:
    asking = wire_of(headers=[("Idempotency-Key", "went away")])

    async def asked() -> list[bytes]:
        spoken, line = sides[0].connected()
        spoken.data_received(filled(asking, headers))
        spoken.connection_lost(ConnectionResetError())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await quick_of(sides[0]).close()
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
    heads = quick_of(sides[0]).heads
    heads.clear()
    for number in range(5):
        named = plain.replace(b"tests", b"tests/%d" % number)
        loop.run(sides[0].told([named, LAST], patient=True))
        assert 1 <= len(heads) <= 2
