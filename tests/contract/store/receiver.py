"""A receiver of webhooks over real HTTP, which checks signatures by means of its own."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


class Receiver:
    """Attributes:
    got: each message taken in, as (webhook-id, CloudEvent), in order.
    refused: how many were answered with `mood`, an error's status.
    """

    def __init__(self) -> None:
        self.secret = b""
        self.mood = 204
        self.moods: dict[str, int] = {}
        self.slow = 0.0
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.refused: list[str] = []
        self.forged = 0
        self.headers: list[Any] = []
        self.url = ""

    @property
    def subjects(self) -> list[str]:
        return [event["subject"] for _, event in self.got]

    def take(self, headers: Any, body: bytes) -> int:
        time.sleep(self.slow)
        self.headers.append(headers)
        id_, seconds = headers["webhook-id"], headers["webhook-timestamp"]
        version, _, signature = headers["webhook-signature"].partition(",")
        mac = by_the_book(self.secret, f"{id_}.{seconds}.".encode() + body)
        fresh = abs(time.time() - int(seconds)) < 300
        if version != "v1" or base64.b64decode(signature) != mac or not fresh:
            self.forged += 1
            return 401
        event = msgspec.json.decode(body)
        status = self.moods.get(event["subject"], self.mood)
        if 200 <= status < 300:
            self.got.append((id_, event))
        else:
            self.refused.append(event["subject"])
        return status


def by_the_book(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 as RFC 2104 writes it."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in padded) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in padded) + inner).digest()


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver that answers until the block ends."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = state.take(self.headers, body)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/in"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
