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
PERMISSION: Permission = "scores:ask"
_Headers = Iterable[tuple[bytes, bytes]]


class _Asked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`serving.schemas.ScoreAsked`, as it is read here."""

    subject: Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]+:\S.{0,198}\Z", max_length=200)]
    as_of: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


_decode = msgspec.json.Decoder(_Asked).decode


class _Head(msgspec.Struct, gc=False):
    """What the headers of a plain request say."""

    authorization: str | None = None
    key: str = ""
    is_json: bool = False
    named: bool = False
    address: str = ""


class QuickScore:
    """ASGI application that answers plain requests for a score, and passes on all others.

    Args:
        answered: told of each answer (see `serving.observed.Observed`).
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
        self._slugs = {ROUTE.format(slug=slug): slug for slug in scoring.workflows}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on with the body as it came."""
        began = time.perf_counter()
        slug = self._slug(scope)
        head = _head(scope["headers"]) if slug is not None else None
        if slug is None or head is None:
            await self._app(scope, receive, send)
            return
        first = await receive()
        asked = _asked(first)
        if asked is None:
            await self._app(scope, _again(first, receive), send)
            return
        head.address = address_of(scope)
        id_ = request_id(scope) if head.named else new_key().encode()
        status, headers, body = await self._answer(slug, asked, head, id_)
        headers = [*headers, *ALWAYS, (HEADER, id_)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._answered(ROUTE, status, time.perf_counter() - began)

    def _slug(self, scope: Scope) -> str | None:
        """The workflow that is asked for a score; None if anything else is asked."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return None
        return self._slugs.get(scope["path"])

    async def _answer(
        self, slug: str, asked: _Asked, head: _Head, id_: bytes
    ) -> tuple[int, _Headers, bytes]:
        """The status, the headers of its own and the body."""
        try:
            body = await self._score(slug, asked, head)
        except HeadwayError as error:
            refused = refusal(error)
        except Exception as error:
            refused = unexpected(ROUTE, error, id_.decode())
        else:
            return 200, ((b"content-length", b"%d" % len(body)), (b"content-type", JSON)), body
        return refused.status_code, refused.raw_headers, bytes(refused.body)

    async def _score(self, slug: str, asked: _Asked, head: _Head) -> bytes:
        at = self._now()
        caller = self._login.caller(head.authorization, at, head.address)
        self._login.require(caller, PERMISSION, slug)
        as_of = asked_instant(asked.as_of, at)
        scoring, key = self._scoring, head.key or new_key()
        decision = await scoring.score(slug, SubjectId(asked.subject), as_of, key, at)
        workflow = scoring.workflows[slug]
        if workflow.reasons == "on request":
            return answer(workflow, decision)
        return await self._explaining.answer(workflow, decision)


def _head(headers: _Headers) -> _Head | None:
    """What the headers say; None if they are not those of a plain request."""
    found = _Head()
    for name, value in headers:
        if name == b"authorization":
            found.authorization = value.decode("latin-1")
        elif name == b"content-type":
            found.is_json = value == JSON
        elif name == b"idempotency-key":
            if found.key or len(value) > LONGEST_KEY:
                return None
            found.key = value.decode("latin-1")
        elif name in (HEADER, TRACE):
            found.named = True
    return found if found.is_json else None


def _asked(message: Message) -> _Asked | None:
    """What a whole body asks; None if it came in pieces or asks for something else."""
    if message["type"] != "http.request" or message.get("more_body"):
        return None
    try:
        return _decode(message.get("body", b""))
    except msgspec.MsgspecError:
        return None


def _again(first: Message, receive: Receive) -> Receive:
    """The same messages from the first on."""
    left = [first]

    async def messages() -> Message:
        return left.pop() if left else await receive()

    return messages
