"""What lies between a caller and the service, and loses or refuses what it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Between:
    """A proxy; each of `moods` is spent on one request: "pass" (also once all are spent),
    "lose" (the service answers, the caller never hears it), or a status to answer with.

    Attributes:
        keys: the idempotency keys that came, in order.
    """

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.moods: list[str | int] = []
        self.keys: list[str | None] = []
        self.url = ""


@contextmanager
def between(behind: str) -> Iterator[Between]:
    """Serve such a proxy in front of an address."""
    state = Between(behind)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            state.keys.append(self.headers.get("idempotency-key"))
            mood = state.moods.pop(0) if state.moods else "pass"
            if isinstance(mood, int):
                self.send_response(mood)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            passed = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            got = httpx.post(f"{state.behind}{self.path}", content=body, headers=passed)
            if mood == "lose":
                self.close_connection = True
                return
            self.send_response(got.status_code)
            self.send_header("Content-Length", str(len(got.content)))
            self.end_headers()
            self.wfile.write(got.content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
