"""Score one subject on request: read its state, ask, decide, record, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from firm.decision import Asked, Decision
from firm.envelope import check_time
from firm.errors import HeadwayError, UnknownDecision, UnknownWorkflow
from firm.events import Event, ScoreRequested
from firm.evidence import evidence_of
from firm.handlers import actions, ask
from firm.ids import DecisionId, SubjectId
from firm.ports import LiveStates, Models, Recorder
from firm.reported import OutcomeReported
from firm.states import GroupState, SubjectState, known_as_of
from firm.store import SqlStore
from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from serving.turns import Turns

AT_ONCE = 16
"""Questions that are computed, and mostly recorded, together: with as many as can come, the
database would have nothing to do while they are computed, and nobody while it writes."""
_Found = tuple[SubjectState | None, Mapping[str, GroupState]]


class Stale(HeadwayError):
    """The features are older than the workflow allows, and it declares such answers refused."""

    kind = "stale"
    retry = True


class KeyReused(HeadwayError):
    """An idempotency key came back with another question."""

    kind = "key-reused"


class Question(msgspec.Struct, frozen=True, gc=False):
    """Whom to score, as of when; the same key with the same question gets the same decision."""

    subject: SubjectId
    as_of: Micros
    key: str


def asked_instant(as_of: datetime | None, now: Micros) -> Micros:
    """As of when a request asks: now, where it does not say; raises TimeOutOfRange."""
    return now if as_of is None else check_time(as_of, now)


def refuse_stale(workflow: Workflow, decision: Decision) -> None:
    """Raise Stale where a decision rests on older ground than the workflow answers on."""
    if decision.stale and workflow.slo.stale == "refuse":
        raise Stale(
            f"the newest event of {decision.subject!r} is older than "
            f"{workflow.slo.freshness_days:g} days, and this workflow does not answer on such old "
            "ground"
        )


class Scoring:
    """The use case of scoring, with the parts it needs behind their ports."""

    def __init__(
        self,
        workflows: dict[str, Workflow],
        store: SqlStore,
        online: LiveStates,
        models: Models,
        recorder: Recorder,
    ) -> None:
        self.workflows = workflows
        self.models = models
        self._store = store
        self._online = online
        self._recorder = recorder
        self._turns = Turns()

    def workflow(self, slug: str) -> Workflow:
        """The workflow of this slug; raises UnknownWorkflow."""
        if slug not in self.workflows:
            raise UnknownWorkflow(
                f"no workflow {slug!r} is declared; there are {sorted(self.workflows)}"
            )
        return self.workflows[slug]

    async def score(
        self, slug: str, subject: SubjectId, as_of: Micros, key: str, now: Micros
    ) -> Decision:
        """One recorded decision; the same key with the same question gives the first one again.

        Raises:
            UnknownWorkflow, UnknownSubject: nothing to score.
            Stale: the newest event is too old, and the workflow refuses such answers.
            KeyReused: the key belongs to a decision on another subject, or as of another instant.
        """
        (found,) = await self.score_all(slug, [Question(subject, as_of, key)], now)
        if isinstance(found, Exception):
            raise found
        return found

    async def score_all(
        self, slug: str, questions: Sequence[Question], now: Micros
    ) -> list[Decision | Exception]:
        """What `score` gives to each question, or raises of it alone, in their order.

        All that is computed is computed for AT_ONCE questions together, and for no more in one
        turn of the event loop: the database writes down those while the next ones are computed.

        Raises:
            UnknownWorkflow: nothing can be scored.
            HeadwayError: with `retry`, what would be raised of any question now.
        """
        workflow = self.workflow(slug)
        if len(questions) <= AT_ONCE:
            return await self._score(workflow, questions, now)
        starts = range(0, len(questions), AT_ONCE)
        slices = [questions[start : start + AT_ONCE] for start in starts]
        found = await asyncio.gather(*(self._score(workflow, one, now) for one in slices))
        return [decided for each in found for decided in each]

    async def _score(
        self, workflow: Workflow, questions: Sequence[Question], now: Micros
    ) -> list[Decision | Exception]:
        states = await self._online.read_all(workflow, [(q.subject, q.as_of) for q in questions])
        await self._turns.take()
        pairs = zip(questions, states, strict=True)
        found = self._decide(workflow, [_ask(workflow, *pair) for pair in pairs], now)
        decided = [one for one in found if isinstance(one, Decision)]
        if not decided:
            return found
        kept = [(one, actions(workflow, one)) for one in decided]
        recorded = iter(await self._recorder.record_all(kept))
        return [
            _of_question(asked, next(recorded), now) if isinstance(one, Decision) else one
            for asked, one in zip(questions, found, strict=True)
        ]

    def _decide(
        self, workflow: Workflow, asked: Sequence[Asked | Exception], now: Micros
    ) -> list[Decision | Exception]:
        """All that are asked in one call of the model; where that fails, each for itself."""
        live = self.models.now(workflow.slug)
        questions = [one for one in asked if isinstance(one, Asked)]
        try:
            found = iter(live.decide(workflow, questions, now))
        except Exception as error:
            if len(questions) == 1:
                return [error if isinstance(one, Asked) else one for one in asked]
            return [decided for one in asked for decided in self._decide(workflow, [one], now)]
        return [_fresh(workflow, next(found)) if isinstance(one, Asked) else one for one in asked]

    def try_fold(self, event: Event) -> None:
        """Raise what a workflow would refuse the event for, while its sender can hear it."""
        if isinstance(event.fact, ScoreRequested | OutcomeReported):
            self.workflow(event.fact.workflow)
        for workflow in self.workflows.values():
            if workflow.folds(event):
                workflow.fold(event)

    def decision(self, decision_id: str) -> Decision:
        """A recorded decision; raises UnknownDecision."""
        if not decision_id.isprintable():  # PostgreSQL takes no NUL, not even to look for it
            raise UnknownDecision(f"no decision has the id {decision_id!r}")
        return self._store.decision(DecisionId(decision_id))


def _ask(workflow: Workflow, question: Question, found: _Found | HeadwayError) -> Asked | Exception:
    """The question with its features, or what is wrong with it."""
    if isinstance(found, HeadwayError):
        return found
    state, groups = found
    try:
        known = known_as_of(workflow, question.subject, state, groups, question.as_of)
        evidence = evidence_of(workflow, known, state.position if state else None)
        # A key that happens to be an event's id must not take the place of that event's decision.
        cause = f"http:{question.key}"
        return ask(workflow, question.subject, known, evidence, cause, "http")
    except Exception as error:  # whatever it is, it concerns nobody else
        return error


def _fresh(workflow: Workflow, decision: Decision) -> Decision | Stale:
    try:
        refuse_stale(workflow, decision)
    except Stale as error:
        return error
    return decision


def _of_question(question: Question, recorded: Decision, now: Micros) -> Decision | KeyReused:
    """What is on record under a question's key, if it is an answer to it."""
    if recorded.subject == question.subject and question.as_of in (now, recorded.as_of):
        return recorded
    return KeyReused(
        f"key {question.key!r} was used before, for {recorded.subject!r} as of "
        f"{to_datetime(recorded.as_of)}; take a new one"
    )
