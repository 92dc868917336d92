"""Plain requests for scores that come in one turn of the event loop are answered together.

At 64 connections they come by dozens, since answers go out in groups; what is done once for many of
them costs each little.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence

import msgspec
import structlog

from firm.decision import Decision
from firm.ids import SubjectId, new_key
from firm.time import Micros
from firm.workflow import Workflow
from serving.access import Login
from serving.answers import answer
from serving.explaining import Explaining, gives_reasons
from serving.observed import Answered
from serving.plain import PERMISSION, ROUTE, Asked, Head, Reply, reply
from serving.scoring import AT_ONCE, Question, Scoring, asked_instant

log = structlog.get_logger(__name__)


class _Waiting(msgspec.Struct, gc=False, frozen=True):
    """A request, and who is told the answer."""

    head: Head
    asked: Asked
    address: str
    tell: Callable[[Reply], None]
    began: float


_Answered = tuple[_Waiting, bytes | Exception]


def question_of(login: Login, head: Head, asked: Asked, address: str, at: Micros) -> Question:
    """What is asked, by somebody who may ask it.

    Args:
        address: where the request comes from.

    Raises HeadwayError where they may not, or the instant is none to be asked of.
    """
    caller = login.caller(head.authorization, at, address)
    login.require(caller, PERMISSION, head.slug)
    as_of = asked_instant(asked.as_of, at)
    return Question(SubjectId(asked.subject), as_of, head.key or new_key())


class Together:
    """Answers requests within one event loop.

    Args:
        answered: told of the answers (see `serving.observed.Observed`).
    """

    def __init__(
        self,
        scoring: Scoring,
        explaining: Explaining,
        login: Login,
        now: Callable[[], Micros],
        answered: Answered,
    ) -> None:
        self._scoring = scoring
        self._explaining = explaining
        self._login = login
        self._now = now
        self._answered = answered
        self._waiting: list[_Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, head: Head, asked: Asked, address: str, tell: Callable[[Reply], None]) -> None:
        """Answer a request with those that come in the same turn.

        Args:
            address: where it comes from.
            tell: takes the answer, later.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._take)
        self._waiting.append(_Waiting(head, asked, address, tell, time.perf_counter()))

    async def close(self) -> None:
        """Return when all is answered that was asked, also where nobody waits for it any more."""
        self._take()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _take(self) -> None:
        waiting, self._waiting = self._waiting, []
        at = self._now()
        let_in: dict[str, list[tuple[_Waiting, Question]]] = defaultdict(list)
        refused: list[_Answered] = []
        for one in waiting:
            try:
                question = question_of(self._login, one.head, one.asked, one.address, at)
                let_in[one.head.slug].append((one, question))
            except Exception as error:
                refused.append((one, error))
        self._tell(refused)
        for slug, theirs in let_in.items():
            for start in range(0, len(theirs), AT_ONCE):
                self._run(self._answer(slug, theirs[start : start + AT_ONCE], at))

    async def _answer(
        self, slug: str, asked: Sequence[tuple[_Waiting, Question]], at: Micros
    ) -> None:
        found: Sequence[Decision | Exception]
        try:
            found = await self._scoring.score_all(slug, [question for _, question in asked], at)
        except Exception as error:
            found = [error] * len(asked)
        workflow = self._scoring.workflows[slug]
        said = [
            (one, self._said(one, workflow, made))
            for (one, _), made in zip(asked, found, strict=True)
        ]
        self._tell([(one, words) for one, words in said if words is not None])

    def _said(
        self, one: _Waiting, workflow: Workflow, made: Decision | Exception
    ) -> bytes | Exception | None:
        """The body, None where it comes later; what goes wrong with one is no matter of others."""
        if isinstance(made, Exception):
            return made
        try:
            if not gives_reasons(workflow, made):
                return answer(workflow, made)
        except Exception as error:
            return error
        self._run(self._explain(one, made))
        return None

    async def _explain(self, one: _Waiting, decided: Decision) -> None:
        """Reasons take a thread, and so long that others should not wait for them."""
        said: bytes | Exception
        try:
            said = await self._explaining.answer(self._scoring.workflows[one.head.slug], decided)
        except Exception as error:
            said = error
        self._tell([(one, said)])

    def _tell(self, answers: Sequence[_Answered]) -> None:
        taken: dict[int, list[float]] = defaultdict(list)
        for one, said in answers:
            found = reply(one.head, said)
            try:
                one.tell(found)
            except Exception as error:
                log.error("an answer could not be given", request=found.id.decode(), exc_info=error)
            taken[found.status].append(time.perf_counter() - one.began)
        for status, seconds in taken.items():
            self._answered(ROUTE, status, seconds)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
