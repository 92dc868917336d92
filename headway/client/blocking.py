"""The client for programs that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import httpx
import stamina

from firm.standing import Standing
from headway.client import calls
from headway.client.answers import (
    Batch,
    Evidence,
    Explanation,
    Outcome,
    OutcomeAccepted,
    Ranked,
    Score,
    Workflow,
)
from headway.client.calls import Call

T = TypeVar("T")


class Client:
    """Asks a running service. It may be shared by threads; `close` it, or use it in a `with`.

    A call that meets 503, 429 or a lost connection is sent again, with growing pauses, until
    `attempts` or half a minute are spent. That is safe: each call that decides has an idempotency
    key from the start, so the decision is taken once. Every method raises `CallFailed`.

    Args:
        url: of the service, as "https://headway.firm.example".
        token: an API key or a token of the firm's login; None for a service in developer mode.
        timeout: seconds to wait for each answer.
        attempts: how often a call is sent at most.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout: float = calls.TIMEOUT_SECONDS,
        attempts: int = calls.ATTEMPTS,
    ) -> None:
        self._http = httpx.Client(base_url=url, headers=calls.headers(token), timeout=timeout)
        self._attempts = attempts

    def score(
        self,
        workflow: str,
        subject: str,
        as_of: datetime | None = None,
        explain: bool = False,
        key: str | None = None,
    ) -> Score:
        """Score a subject now, or as of an earlier instant. The same `key` gives the same decision,
        also in another process; without one, each call is a decision of its own."""
        return self._ask(calls.score(workflow, subject, as_of, explain, key))

    def batch(
        self,
        workflow: str,
        subjects: Sequence[str],
        as_of: datetime | None = None,
        explain: bool = False,
        key: str | None = None,
    ) -> Batch:
        """Score up to 1,000 subjects; each is a decision of its own, or a problem."""
        return self._ask(calls.batch(workflow, subjects, as_of, explain, key))

    def rank(
        self,
        workflow: str,
        subject: str,
        candidates: Sequence[str] | None = None,
        top: int | None = None,
        as_of: datetime | None = None,
        explain: bool = False,
        key: str | None = None,
    ) -> Ranked:
        """Rank whom a subject could be given to: these candidates, or those that the workflow
        knows."""
        return self._ask(calls.rank(workflow, subject, candidates, top, as_of, explain, key))

    def decision(self, decision_id: str, explain: bool = False) -> Score:
        """A decision that was taken; a `Ranked` if it was a ranking."""
        return self._ask(calls.decision(decision_id, explain))

    def explanation(self, decision_id: str) -> Explanation:
        """Why a decision was taken: what each feature added to it."""
        return self._ask(calls.explanation(decision_id))

    def evidence(self, decision_id: str) -> Evidence:
        """How fresh each value was that a decision rests on."""
        return self._ask(calls.evidence(decision_id))

    def outcome(self, decision_id: str) -> Outcome:
        """What became of a decision, as far as it is known."""
        return self._ask(calls.outcome(decision_id))

    def report_outcome(
        self, decision_id: str, came_true: bool, known_at: datetime, key: str | None = None
    ) -> OutcomeAccepted:
        """Report whether what a decision foretold came true; a later `known_at` corrects it."""
        return self._ask(calls.report_outcome(decision_id, came_true, known_at, key))

    def workflows(self) -> list[Workflow]:
        """Every declared workflow that this service scores."""
        return self._ask(calls.workflows())

    def workflow(self, workflow: str) -> Workflow:
        """One declared workflow: its question, features, policy and promises, and who decides."""
        return self._ask(calls.workflow(workflow))

    def models(self, workflow: str, at: datetime | None = None) -> Standing:
        """Which versions are live in a workflow, or were at an instant, and who moved them."""
        return self._ask(calls.models(workflow, at))

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, call: Call[T]) -> T:
        for attempt in stamina.retry_context(**calls.patience(self._attempts)):
            with attempt:
                try:
                    got = self._http.request(**call.arguments)
                except httpx.TransportError as error:
                    raise call.unreached(error) from error
                return call.answer(got)
        raise AssertionError("the last attempt either answers or raises")
