"""The route of scores without a framework around it: the common request in a tenth of the time.

It takes what is plainly right: a known workflow, a JSON body of the declared form. Everything else,
and all that is wrong, goes on to the same route in FastAPI (serving/app.py), which says what is
wrong with it. Both call the same use case, and answer with the same headers.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firm.time import Micros
from serving.access import Login
from serving.access.guard import address_of
from serving.explaining import Explaining
from serving.observed import Answered
from serving.plain import ROUTE, Asked, Head, Reply, asked_of, head_of, reply
from serving.scoring import Scoring
from serving.together import Together, question_of


class QuickScore:
    """ASGI application that answers plain requests for a score, and passes on all others.

    Args:
        answered: told of each answer (see `serving.observed.Observed`).

    Attributes:
        slugs: by path the workflow that is asked for a score.
        heads: by the bytes of a request's head what it says (see `serving.direct`).
        together: answers those that come without ASGI.
    """

    def __init__(
        self,
        app: ASGIApp,
        scoring: Scoring,
        explaining: Explaining,
        login: Login,
        now: Callable[[], Micros],
        answered: Answered,
    ) -> None:
        self._app = app
        self._scoring = scoring
        self._explaining = explaining
        self._login = login
        self._now = now
        self._answered = answered
        self.heads: dict[bytes, Head] = {}
        self.slugs = {ROUTE.format(slug=slug): slug for slug in scoring.workflows}
        self.together = Together(scoring, explaining, login, now, answered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on with the body as it came."""
        slug = self._slug(scope)
        head = head_of(slug, scope["headers"]) if slug is not None else None
        if head is None:
            await self._app(scope, receive, send)
            return
        first = await receive()
        asked = _asked(first)
        if asked is None:
            await self._app(scope, _again(first, receive), send)
            return
        answer = await self._answer(head, asked, address_of(scope))
        start = {"status": answer.status, "headers": answer.all_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": answer.body})

    async def close(self) -> None:
        """Return when all is answered that came without ASGI; a server waits for the rest."""
        await self.together.close()

    def _slug(self, scope: Scope) -> str | None:
        """The workflow that is asked for a score; None if anything else is asked."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return None
        return self.slugs.get(scope["path"])

    async def _answer(self, head: Head, asked: Asked, address: str) -> Reply:
        began = time.perf_counter()
        said: bytes | Exception
        try:
            said = await self._score(head, asked, address)
        except Exception as error:
            said = error
        answer = reply(head, said)
        self._answered(ROUTE, answer.status, [time.perf_counter() - began])
        return answer

    async def _score(self, head: Head, asked: Asked, address: str) -> bytes:
        at, slug, scoring = self._now(), head.slug, self._scoring
        one = question_of(self._login, head, asked, address, at)
        decision = await scoring.score(slug, one.subject, one.as_of, one.key, at)
        return await self._explaining.answer(scoring.workflows[slug], decision)


def _asked(message: Message) -> Asked | None:
    """What a body asks; None if it came in pieces or asks for something else."""
    if message["type"] != "http.request" or message.get("more_body"):
        return None
    return asked_of(message.get("body", b""))


def _again(first: Message, receive: Receive) -> Receive:
    """The same messages from the first on."""
    left = [first]

    async def messages() -> Message:
        return left.pop() if left else await receive()

    return messages
