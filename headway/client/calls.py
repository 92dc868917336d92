"""The requests and what their answers mean, for both clients: they only carry them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import msgspec

from firm.standing import Standing
from headway.client.answers import (
    Batch,
    Evidence,
    Explanation,
    Outcome,
    OutcomeAccepted,
    Problem,
    Ranked,
    Score,
    Workflow,
)
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


def score(
    slug: str, subject: str, as_of: datetime | None, explain: bool, key: str | None
) -> Call[Score]:
    """Score one subject."""
    asked = {"subject": subject, "as_of": as_of}
    return _keyed(f"{_workflow(slug)}/score", asked, key, _reads(Score), _explained(explain))


def batch(
    slug: str, subjects: Sequence[str], as_of: datetime | None, explain: bool, key: str | None
) -> Call[Batch]:
    """Score several subjects."""
    asked = {"subjects": list(subjects), "as_of": as_of}
    path = f"{_workflow(slug)}/score/batch"
    return _keyed(path, asked, key, _reads(Batch), _explained(explain))


def rank(
    slug: str,
    subject: str,
    candidates: Sequence[str] | None,
    top: int | None,
    as_of: datetime | None,
    explain: bool,
    key: str | None,
) -> Call[Ranked]:
    """Rank the candidates for a subject."""
    proposed = None if candidates is None else list(candidates)
    asked = {"subject": subject, "candidates": proposed, "top": top, "as_of": as_of}
    return _keyed(f"{_workflow(slug)}/rank", asked, key, _reads(Ranked), _explained(explain))


def decision(id_: str, explain: bool) -> Call[Score]:
    """A decision that was taken."""
    return Call("GET", _of(id_), _decision, params=_explained(explain))


def explanation(id_: str) -> Call[Explanation]:
    """Why a decision was taken."""
    return Call("GET", f"{_of(id_)}/explanation", _reads(Explanation))


def evidence(id_: str) -> Call[Evidence]:
    """How fresh all was that a decision rests on."""
    return Call("GET", f"{_of(id_)}/evidence", _reads(Evidence))


def outcome(id_: str) -> Call[Outcome]:
    """What became of a decision."""
    return Call("GET", f"{_of(id_)}/outcome", _reads(Outcome))


def report_outcome(
    decision_id: str, came_true: bool, known_at: datetime, key: str | None
) -> Call[OutcomeAccepted]:
    """Report what became of a decision."""
    said = {"decision_id": decision_id, "came_true": came_true, "known_at": known_at}
    return _keyed("/v1/outcomes", said, key, _reads(OutcomeAccepted))


def workflows() -> Call[list[Workflow]]:
    """All declared workflows."""
    return Call("GET", "/v1/workflows", _reads(list[Workflow]))


def workflow(slug: str) -> Call[Workflow]:
    """One declared workflow."""
    return Call("GET", _workflow(slug), _reads(Workflow))


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
    path: str,
    asked: Mapping[str, Any],
    key: str | None,
    read: Callable[[bytes], T],
    params: dict[str, str] = {},  # noqa: B006  (nobody changes it)
) -> Call[T]:
    """A request that counts once, however often it is sent: it has a key from the start."""
    body = msgspec.json.encode({name: value for name, value in asked.items() if value is not None})
    said = {"Content-Type": "application/json", "Idempotency-Key": key or str(uuid4())}
    return Call("POST", path, read, body, said, params)


def _explained(explain: bool) -> dict[str, str]:
    return {"explain": "true"} if explain else {}


def _of(decision: str) -> str:
    return f"/v1/decisions/{quote(decision, safe='')}"


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
