"""Headers that keep a browser from doing anything with an answer that was not meant."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ALWAYS = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]


class SecurityHeaders:
    """ASGI middleware: each answer carries them, whoever made it."""

    def __init__(self, app: ASGIApp, extra: dict[str, str] | None = None) -> None:
        self._app = app
        headers = {**HEADERS, **(extra or {})}
        self._headers = [(name.lower().encode(), text.encode()) for name, text in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                ours = [header for header in self._headers if header[0] not in there]
                message["headers"] = [*message["headers"], *ours]
            await send(message)

        await self._app(scope, receive, with_headers)
