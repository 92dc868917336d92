"""The route of scores without a framework around it: the common request in a tenth of the time.

It takes what is plainly right: a known workflow, a JSON body of the declared form. Everything else,
and all that is wrong, goes on to the same route in FastAPI (serving/app.py), which says what is
wrong with it. Both call the same use case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated
from uuid import uuid4

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firm.access import Permission
from firm.envelope import check_time
from firm.errors import HeadwayError
from firm.ids import SubjectId
from firm.time import Micros
from serving.access import Login
from serving.answers import answer
from serving.explaining import Explaining
from serving.problems import refusal
from serving.scoring import Scoring

LONGEST_KEY = 200
_PATH = re.compile(r"/v1/workflows/([a-z0-9_]+)/score")
JSON = b"application/json"
PERMISSION: Permission = "scores:ask"


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


class QuickScore:
    """ASGI middleware that answers plain requests for a score, and passes on all others."""

    def __init__(
        self,
        app: ASGIApp,
        scoring: Scoring,
        explaining: Explaining,
        login: Login,
        now: Callable[[], Micros],
    ) -> None:
        self._app = app
        self._scoring = scoring
        self._explaining = explaining
        self._login = login
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on with the body as it came."""
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
        try:
            body = await self._score(slug, asked, head)
        except HeadwayError as error:
            await refusal(error)(scope, receive, send)
            return
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", JSON)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _slug(self, scope: Scope) -> str | None:
        """The workflow that is asked for a score; None if anything else is asked."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
            return None
        found = _PATH.fullmatch(scope["path"])
        slug = found[1] if found else None
        return slug if slug in self._scoring.workflows else None

    async def _score(self, slug: str, asked: _Asked, head: _Head) -> bytes:
        at = self._now()
        self._login.require(self._login.caller(head.authorization, at), PERMISSION, slug)
        as_of = at if asked.as_of is None else check_time(asked.as_of, at)
        scoring, key = self._scoring, head.key or str(uuid4())
        decision = await scoring.score(slug, SubjectId(asked.subject), as_of, key, at)
        workflow = scoring.workflows[slug]
        if workflow.reasons == "on request":
            return answer(workflow, decision)
        return await self._explaining.answer(workflow, decision)


def _head(headers: Iterable[tuple[bytes, bytes]]) -> _Head | None:
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
