"""The load generator counts what came back, well or not, and from when it was due."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from bench.http_load import Target, closed_loop, open_loop, request

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def server(answer: bytes, most: int | None = None) -> Iterator[int]:
    """Answers each request so, and closes a connection after so many; yields its port."""

    class Connection(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            half, left = len(answer) // 2, most
            with suppress(ConnectionError):
                while left != 0 and self.request.recv(65_536):
                    self.request.sendall(answer[:half])
                    self.request.sendall(answer[half:])
                    left = None if left is None else left - 1

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=[0.01])
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()
        thread.join()


def target(port: int) -> Target:
    return Target(port, [request("/score", b"{}", {"Authorization": "Bearer x"})])


def test_a_request_is_whole() -> None:
    assert request("/score", b"{}", {"X": "y"}) == (
        b"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX: y\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED])
def test_answers_are_counted(answer: bytes) -> None:
    with server(answer) as port:
        sent = closed_loop(target(port), connections=4, seconds=0.3)
    assert sent.per_second > 0
    assert 0 < sent.p50_ms <= sent.p99_ms
    assert sent.failed == 0


def test_an_answer_that_is_no_200_is_no_answer() -> None:
    with server(BUSY) as port:
        sent = closed_loop(target(port), connections=2, seconds=0.2)
    assert sent.per_second == 0
    assert sent.failed > 0


def test_a_connection_that_was_closed_is_made_again() -> None:
    with server(WHOLE, most=3) as port:
        sent = closed_loop(target(port), connections=2, seconds=0.5)
    assert sent.per_second * 0.5 > 6


def test_what_a_slow_server_keeps_waiting_counts_from_when_it_was_due() -> None:
    """No connection: nothing is ever answered, and all that was due has failed."""
    with server(WHOLE) as port:
        sent = open_loop(target(port), connections=0, seconds=0.2, per_second=100)
    assert sent.per_second == 0
    assert sent.failed >= 15


def test_an_open_loop_sends_at_its_rate() -> None:
    with server(WHOLE) as port:
        sent = open_loop(target(port), connections=4, seconds=0.5, per_second=100)
    assert 0 < sent.per_second <= 110


def test_between_two_ticks_the_core_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The load shares its core with the database: a loop that polls would starve it."""
    looked, clock = 0, time.perf_counter

    def counted() -> float:
        nonlocal looked
        looked += 1
        return clock()

    monkeypatch.setattr("bench.http_load.time.perf_counter", counted)
    with server(WHOLE) as port:
        open_loop(target(port), connections=0, seconds=0.3, per_second=10)
    assert looked <= 350
