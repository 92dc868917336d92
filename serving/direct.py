"""Plain requests for a score without ASGI: uvicorn's own protocol, which answers them itself.

A request is taken where nothing about it is in doubt: it comes in one piece, asks the route of
scores over HTTP/1.1 on a kept connection that owes no other answer, and has no header but those in
PLAIN. All others go uvicorn's way, which stays the reference: a test holds the two together.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from serving.headers import ALWAYS
from serving.observed import HEADER
from serving.plain import Asked, Head, Reply, asked_of, head_of
from serving.quick import QuickScore

PLAIN = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"authorization",
        b"connection",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"traceparent",
        b"user-agent",
        b"x-request-id",
    }
)
MOST_HEADS, LONGEST_HEAD = 1_000, 2_000
"""So many heads of requests, of so many bytes at most, are known again: some megabytes."""
_END = b"\r\n\r\n"
_LAST = b"".join(b"%b: %b\r\n" % header for header in ALWAYS) + HEADER + b": "
"""The headers that each answer ends with, up to the id of its request."""


class _Nobody:
    """In the place of the event by which uvicorn wakes whoever reads a request."""

    def set(self) -> None:
        """Nobody sleeps."""


class _Exchange:
    """A request that is being answered, as uvicorn's protocol looks at its own (its `cycle`)."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    message_event = _Nobody()

    def __init__(self) -> None:
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = False


class ScoreProtocol(HttpToolsProtocol):
    """A connection (`uvicorn.Config(http=ScoreProtocol)`).

    It takes requests for the `QuickScore` that stands in front of the application; where somebody
    else stands there, or uvicorn itself is told to look at each request, it takes none.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        front = getattr(config.app, "front", None)
        told = config.access_log or self.root_path or self.limit_concurrency is not None
        self._quick = front if isinstance(front, QuickScore) and not told else None
        self._at_rest = True
        self._taken: Head | None = None
        self._begun: Head | None = None
        self._came = b""

    def data_received(self, data: bytes) -> None:
        """Take a request whose head is known, or let the parser tell what comes."""
        if self._quick is None:
            super().data_received(data)
            return
        end, at_rest = data.find(_END) + len(_END), self._at_rest
        if at_rest and self._knows(self._quick, data, end):
            return
        self._begun = None
        super().data_received(data)
        if self._taken is not None:  # the rest of its body comes later
            self._hand_over()
        elif at_rest and self._begun and len(data) == end + self._begun.length:
            self._remember(self._quick, data[:end], self._begun)

    def _knows(self, quick: QuickScore, data: bytes, end: int) -> bool:
        """Take a request of which the parser would say what it said of the same bytes before."""
        head = quick.heads.get(data[:end])
        if head is None or len(data) != end + head.length or not self._is_free():
            return False
        asked = asked_of(data[end:])
        if asked is None:
            return False
        self._unset_keepalive_if_required()
        self._begin(quick, head, asked)
        return True

    def _remember(self, quick: QuickScore, text: bytes, head: Head) -> None:
        if head.key or head.id or len(text) > LONGEST_HEAD:  # another will have others
            return
        if len(quick.heads) >= MOST_HEADS:
            quick.heads.clear()
        quick.heads[text] = head

    def _is_free(self) -> bool:
        """Whether no other answer is owed, and the caller reads those that were given."""
        owed = self.cycle is not None and not self.cycle.response_complete
        return not (owed or self.flow.write_paused or self.transport.is_closing())

    def on_message_begin(self) -> None:
        """See HttpToolsProtocol."""
        self._at_rest = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take the request, or begin uvicorn's own way."""
        self._taken = self._plain()
        if self._taken is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See HttpToolsProtocol."""
        if self._taken is None:
            super().on_body(body)
        else:
            self._came += body

    def on_message_complete(self) -> None:
        """Answer what was taken if its body is what was declared."""
        self._at_rest = self.parser.should_keep_alive() and not self.parser.should_upgrade()
        if self._quick is None or self._taken is None:
            super().on_message_complete()
            return
        asked = asked_of(self._came)
        if asked is None:
            self._hand_over()
            super().on_message_complete()
            return
        self._begun, self._taken, self._came = self._taken, None, b""
        self._begin(self._quick, self._begun, asked)

    def _plain(self) -> Head | None:
        """What the head says of a request that can be taken."""
        quick, parser = self._quick, self.parser
        if quick is None or not self._is_free() or parser.get_method() != b"POST":
            return None
        slug = quick.slugs.get(self.url.decode("latin-1"))
        if slug is None or parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return None
        if not all(name in PLAIN for name, _ in self.headers):
            return None
        return head_of(slug, self.headers)

    def _hand_over(self) -> None:
        """Go on with what was taken as uvicorn does, as far as it has come."""
        body, self._taken, self._came = self._came, None, b""
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def _begin(self, quick: QuickScore, head: Head, asked: Asked) -> None:
        exchange = _Exchange()
        self.cycle = exchange  # type: ignore[assignment]
        address = self.client[0] if self.client else ""
        quick.together.ask(head, asked, address, partial(self._answer, exchange))

    def _answer(self, exchange: _Exchange, reply: Reply) -> None:
        exchange.response_complete = True
        if exchange.disconnected or self.transport.is_closing():
            return
        parts = [STATUS_LINE[reply.status]]
        for name, value in (*self.server_state.default_headers, *reply.headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (_LAST, reply.id, b"\r\n")
        if not exchange.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", reply.body)
        self.transport.write(b"".join(parts))
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()
