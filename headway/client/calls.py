"""The requests and what their answers mean, for both clients: they only carry them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import msgspec

from firm.standing import Standing
from headway.client.answers import Batch, Problem, Ranked, Score, Workflow
from headway.client.errors import CallFailed, CannotReach, UnexpectedAnswer, error_of

T = TypeVar("T")
TIMEOUT_SECONDS = 10.0
ATTEMPTS = 5
PATIENCE_SECONDS = 30.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, JITTER_SECONDS = 0.1, 3.0, 0.2


class Call(msgspec.Struct, Generic[T], frozen=True):
    """A request that can be sent any number of times: a reading one, or one with a key of its own.

    Attributes:
        read: from the bytes of a good answer to what they say.
    """

    method: Literal["GET", "POST"]
    path: str
    read: Callable[[bytes], T]
    body: bytes | None = None
    headers: dict[str, str] = {}
    params: dict[str, str] = {}

    @property
    def arguments(self) -> dict[str, Any]:
        """The request as httpx takes it."""
        return {
            "method": self.method,
            "url": self.path,
            "content": self.body,
            "headers": self.headers,
            "params": self.params,
        }

    def answer(self, got: httpx.Response) -> T:
        """What the service says.

        Raises:
            CallFailed: it refuses, or says something that this client does not know.
        """
        if not got.is_success:
            raise self._refusal(got)
        try:
            return self.read(got.content)
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(
                f"{self._words} answered what this client cannot read ({error})",
                request_id=got.headers.get("x-request-id"),
            ) from error

    def unreached(self, error: httpx.TransportError) -> CannotReach:
        """The error for a request without an answer."""
        return CannotReach(f"{self._words} got no answer ({type(error).__name__}: {error})")

    def _refusal(self, got: httpx.Response) -> CallFailed:
        problem = _problem(got)
        says = problem.detail if problem else got.reason_phrase
        return error_of(got.status_code)(
            f"{self._words} was answered {got.status_code}: {says}",
            problem,
            got.headers.get("x-request-id"),
            _seconds(got.headers.get("retry-after", "")),
        )

    @property
    def _words(self) -> str:
        return f"{self.method} {self.path}"


def score(slug: str, subject: str, as_of: datetime | None, key: str | None) -> Call[Score]:
    """Score one subject."""
    return _keyed(slug, "score", {"subject": subject, "as_of": as_of}, key, _reads(Score))


def batch(
    slug: str, subjects: Sequence[str], as_of: datetime | None, key: str | None
) -> Call[Batch]:
    """Score several subjects."""
    asked = {"subjects": list(subjects), "as_of": as_of}
    return _keyed(slug, "score/batch", asked, key, _reads(Batch))


def rank(
    slug: str,
    subject: str,
    candidates: Sequence[str] | None,
    top: int | None,
    as_of: datetime | None,
    key: str | None,
) -> Call[Ranked]:
    """Rank the candidates for a subject."""
    proposed = None if candidates is None else list(candidates)
    asked = {"subject": subject, "candidates": proposed, "top": top, "as_of": as_of}
    return _keyed(slug, "rank", asked, key, _reads(Ranked))


def decision(id_: str) -> Call[Score]:
    """A decision that was taken."""
    return Call("GET", f"/v1/decisions/{quote(id_, safe='')}", _decision)


def workflows() -> Call[list[Workflow]]:
    """All declared workflows."""
    return Call("GET", "/v1/workflows", _reads(list[Workflow]))


def models(slug: str, at: datetime | None) -> Call[Standing]:
    """What is live in a workflow, or was at an instant."""
    params = {} if at is None else {"at": at.isoformat()}
    return Call("GET", f"{_workflow(slug)}/models", _reads(Standing), params=params)


def headers(token: str | None) -> dict[str, str]:
    """What goes with each request of a client."""
    said = {"Accept": "application/json", "User-Agent": f"headway-client/{version('headway')}"}
    return said if token is None else {**said, "Authorization": f"Bearer {token}"}


def patience(attempts: int) -> dict[str, Any]:
    """How stamina sends again: with growing pauses, spread so that callers do not come at once."""
    return {
        "on": when_to_retry,
        "attempts": attempts,
        "timeout": PATIENCE_SECONDS,
        "wait_initial": FIRST_WAIT_SECONDS,
        "wait_max": LONGEST_WAIT_SECONDS,
        "wait_jitter": JITTER_SECONDS,
    }


def when_to_retry(error: Exception) -> bool | float:
    """For stamina: whether to send again what failed so, or the seconds after which the service
    asks for it."""
    if not isinstance(error, CallFailed) or not error.retry:
        return False
    asked = error.retry_after
    return True if asked is None else min(asked, PATIENCE_SECONDS)


def _keyed(
    slug: str, what: str, asked: dict[str, Any], key: str | None, read: Callable[[bytes], T]
) -> Call[T]:
    """A request that is one decision, however often it is sent: it has a key from the start."""
    body = msgspec.json.encode({name: value for name, value in asked.items() if value is not None})
    said = {"Content-Type": "application/json", "Idempotency-Key": key or str(uuid4())}
    return Call("POST", f"{_workflow(slug)}/{what}", read, body, said)


def _workflow(slug: str) -> str:
    return f"/v1/workflows/{quote(slug, safe='')}"


def _reads(form: type[T]) -> Callable[[bytes], T]:
    return msgspec.json.Decoder(form).decode


class _Form(msgspec.Struct):
    """What tells a ranking from a score."""

    ranking: list[Any] | None = None


def _decision(body: bytes) -> Score:
    form = Score if msgspec.json.decode(body, type=_Form).ranking is None else Ranked
    return msgspec.json.decode(body, type=form)


def _problem(got: httpx.Response) -> Problem | None:
    try:
        return msgspec.json.decode(got.content, type=Problem)
    except msgspec.MsgspecError:
        return None


def _seconds(header: str) -> float | None:
    return float(header) if header.isdigit() else None
