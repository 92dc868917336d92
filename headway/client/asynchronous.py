"""The client for programs with an event loop."""

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


class AsyncClient:
    """Asks a running service from an event loop; `close` it, or use it in an `async with`.

    All else is as in `headway.client.Client`.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout: float = calls.TIMEOUT_SECONDS,
        attempts: int = calls.ATTEMPTS,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=calls.headers(token), timeout=timeout)
        self._attempts = attempts

    async def score(
        self,
        workflow: str,
        subject: str,
        as_of: datetime | None = None,
        explain: bool = False,
        key: str | None = None,
    ) -> Score:
        """Score a subject now, or as of an earlier instant. The same `key` gives the same decision,
        also in another process; without one, each call is a decision of its own."""
        return await self._ask(calls.score(workflow, subject, as_of, explain, key))

    async def batch(
        self,
        workflow: str,
        subjects: Sequence[str],
        as_of: datetime | None = None,
        explain: bool = False,
        key: str | None = None,
    ) -> Batch:
        """Score up to 1,000 subjects; each is a decision of its own, or a problem."""
        return await self._ask(calls.batch(workflow, subjects, as_of, explain, key))

    async def rank(
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
        return await self._ask(calls.rank(workflow, subject, candidates, top, as_of, explain, key))

    async def decision(self, decision_id: str, explain: bool = False) -> Score:
        """A decision that was taken; a `Ranked` if it was a ranking."""
        return await self._ask(calls.decision(decision_id, explain))

    async def explanation(self, decision_id: str) -> Explanation:
        """Why a decision was taken: what each feature added to it."""
        return await self._ask(calls.explanation(decision_id))

    async def evidence(self, decision_id: str) -> Evidence:
        """How fresh each value was that a decision rests on."""
        return await self._ask(calls.evidence(decision_id))

    async def outcome(self, decision_id: str) -> Outcome:
        """What became of a decision, as far as it is known."""
        return await self._ask(calls.outcome(decision_id))

    async def report_outcome(
        self, decision_id: str, came_true: bool, known_at: datetime, key: str | None = None
    ) -> OutcomeAccepted:
        """Report whether what a decision foretold came true; a later `known_at` corrects it."""
        return await self._ask(calls.report_outcome(decision_id, came_true, known_at, key))

    async def workflows(self) -> list[Workflow]:
        """Every declared workflow that this service scores."""
        return await self._ask(calls.workflows())

    async def workflow(self, workflow: str) -> Workflow:
        """One declared workflow: its question, features, policy and promises, and who decides."""
        return await self._ask(calls.workflow(workflow))

    async def models(self, workflow: str, at: datetime | None = None) -> Standing:
        """Which versions are live in a workflow, or were at an instant, and who moved them."""
        return await self._ask(calls.models(workflow, at))

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _ask(self, call: Call[T]) -> T:
        async for attempt in stamina.retry_context(**calls.patience(self._attempts)):
            with attempt:
                try:
                    got = await self._http.request(**call.arguments)
                except httpx.TransportError as error:
                    raise call.unreached(error) from error
                return call.answer(got)
        raise AssertionError("the last attempt either answers or raises")
