"""What a plain request for a score says, and what goes back: the same over ASGI and without it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from starlette.responses import Response

from firm.access import Permission
from firm.errors import HeadwayError
from firm.ids import new_key
from serving.headers import ALWAYS
from serving.observed import HEADER, TRACE, request_id
from serving.problems import refusal, unexpected

LONGEST_KEY = 200
ROUTE = "/v1/workflows/{slug}/score"
JSON = b"application/json"
ONCE = frozenset({b"authorization", b"content-length", b"content-type", b"idempotency-key"})
"""Which of two would count is not for us to say."""
PERMISSION: Permission = "scores:ask"
Headers = Iterable[tuple[bytes, bytes]]


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


class Reply(msgspec.Struct, gc=False):
    """An answer.

    Attributes:
        headers: its own; those in ALWAYS and the request's id come after them.
    """

    status: int
    headers: Headers
    body: bytes
    id: bytes

    @property
    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """Those that go out."""
        return [*self.headers, *ALWAYS, (HEADER, self.id)]


def reply(head: Head, said: bytes | Exception) -> Reply:
    """The answer that has this body, or says what is wrong."""
    id_ = head.id or new_key().encode()
    if isinstance(said, bytes):
        own = ((b"content-length", b"%d" % len(said)), (b"content-type", JSON))
        return Reply(200, own, said, id_)
    if isinstance(said, HeadwayError):
        return _refused(refusal(said), id_)
    return _refused(unexpected(ROUTE, said, id_.decode()), id_)


def _refused(answer: Response, id_: bytes) -> Reply:
    return Reply(answer.status_code, answer.raw_headers, bytes(answer.body), id_)


def head_of(slug: str, headers: Headers) -> Head | None:
    """What the headers say; None if they are not those of a plain request."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in found and name in ONCE:
            return None
        found[name] = value
    key, length = found.get(b"idempotency-key", b""), found.get(b"content-length", b"")
    if found.get(b"content-type") != JSON or b"content-encoding" in found:
        return None
    if len(key) > LONGEST_KEY:
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
