"""The route of scores without a framework around it: the common request in a tenth of the time.

It takes what is plainly right: a known workflow, a JSON body of the declared form. Everything else,
and all that is wrong, goes on to the same route in FastAPI (serving/app.py), which says what is
wrong with it. Both call the same use case, and answer with the same headers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firm.access import Permission
from firm.errors import HeadwayError
from firm.ids import SubjectId, new_key
from firm.time import Micros
from serving.access import Login
from serving.access.guard import address_of
from serving.answers import answer
from serving.explaining import Explaining
from serving.headers import ALWAYS
from serving.observed import HEADER, TRACE, Answered, request_id
from serving.problems import refusal, unexpected
from serving.scoring import Scoring, asked_instant

LONGEST_KEY = 200
ROUTE = "/v1/workflows/{slug}/score"
JSON = b"application/json"
ONCE = frozenset({b"authorization", b"content-length", b"content-type", b"idempotency-key"})
"""Which of two would count is not for us to say."""
PERMISSION: Permission = "scores:ask"
Headers = Iterable[tuple[bytes, bytes]]
Reply = tuple[int, Headers, bytes]
"""The status, the headers and the body of an answer."""


class Asked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`serving.schemas.ScoreAsked`, as it is read here."""

    subject: Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]+:\S.{0,198}\Z", max_length=200)]
    as_of: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


_decode = msgspec.json.Decoder(Asked).decode


class Head(msgspec.Struct, gc=False, frozen=True):
    """What the headers of a plain request say.

    Attributes:
        id: the caller's own name for the request, or that of their trace.
        length: of the body in bytes, where it is told.
    """

    slug: str
    authorization: str | None
    key: str
    id: bytes
    length: int


class QuickScore:
    """ASGI application that answers plain requests for a score, and passes on all others.

    Args:
        answered: told of each answer (see `serving.observed.Observed`).

    Attributes:
        slugs: by path the workflow that is asked for a score.
        heads: by the bytes of a request's head what it says (see `serving.direct`).
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
        status, headers, body = await self.answer(head, asked, address_of(scope))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _slug(self, scope: Scope) -> str | None:
        """The workflow that is asked for a score; None if anything else is asked."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return None
        return self.slugs.get(scope["path"])

    async def answer(self, head: Head, asked: Asked, address: str) -> Reply:
        """The answer, with all headers of ours.

        Args:
            address: where the request comes from.
        """
        began, id_ = time.perf_counter(), head.id or new_key().encode()
        try:
            body = await self._score(head, asked, address)
        except HeadwayError as error:
            reply = _refused(refusal(error))
        except Exception as error:
            reply = _refused(unexpected(ROUTE, error, id_.decode()))
        else:
            reply = 200, ((b"content-length", b"%d" % len(body)), (b"content-type", JSON)), body
        status, headers, body = reply
        self._answered(ROUTE, status, time.perf_counter() - began)
        return status, [*headers, *ALWAYS, (HEADER, id_)], body

    async def _score(self, head: Head, asked: Asked, address: str) -> bytes:
        at, slug, scoring = self._now(), head.slug, self._scoring
        caller = self._login.caller(head.authorization, at, address)
        self._login.require(caller, PERMISSION, slug)
        as_of = asked_instant(asked.as_of, at)
        key = head.key or new_key()
        decision = await scoring.score(slug, SubjectId(asked.subject), as_of, key, at)
        workflow = scoring.workflows[slug]
        if workflow.reasons == "on request":
            return answer(workflow, decision)
        return await self._explaining.answer(workflow, decision)


def _refused(answer: Response) -> Reply:
    return answer.status_code, answer.raw_headers, bytes(answer.body)


def head_of(slug: str, headers: Headers) -> Head | None:
    """What the headers say; None if they are not those of a plain request."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in found and name in ONCE:
            return None
        found[name] = value
    key, length = found.get(b"idempotency-key", b""), found.get(b"content-length", b"")
    if found.get(b"content-type") != JSON or len(key) > LONGEST_KEY:
        return None
    authorization = found.get(b"authorization")
    named = HEADER in found or TRACE in found
    return Head(
        slug=slug,
        authorization=None if authorization is None else authorization.decode("latin-1"),
        key=key.decode("latin-1"),
        id=request_id(headers) if named else b"",
        length=int(length) if length.isdigit() else 0,
    )


def asked_of(body: bytes) -> Asked | None:
    """What a whole body asks; None if it asks for something else."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


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
