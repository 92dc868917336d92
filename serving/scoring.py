"""Score one subject on request: read its state, ask, decide, record, answer."""

from __future__ import annotations

from datetime import datetime

from firm.decision import Decision
from firm.envelope import check_time
from firm.errors import HeadwayError, UnknownDecision, UnknownWorkflow
from firm.events import Event, ScoreRequested
from firm.evidence import evidence_of
from firm.handlers import actions, ask
from firm.ids import DecisionId, SubjectId
from firm.ports import LiveStates, Models, Recorder
from firm.reported import OutcomeReported
from firm.states import known_as_of
from firm.store import SqlStore
from firm.time import Micros, to_datetime
from firm.workflow import Workflow


class Stale(HeadwayError):
    """The features are older than the workflow allows, and it declares such answers refused."""

    kind = "stale"
    retry = True


class KeyReused(HeadwayError):
    """An idempotency key came back with another question."""

    kind = "key-reused"


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
        workflow = self.workflow(slug)
        state, groups = await self._online.read(workflow, subject, as_of)
        known = known_as_of(workflow, subject, state, groups, as_of)
        evidence = evidence_of(workflow, known, state.position if state else None)
        # A key that happens to be an event's id must not take the place of that event's decision.
        asked = ask(workflow, subject, known, evidence, f"http:{key}", "http")
        live = self.models.now(slug)
        (decision,) = live.decide(workflow, [asked], now)
        refuse_stale(workflow, decision)
        recorded = await self._recorder.record(decision, actions(workflow, decision))
        if recorded.subject != subject or as_of not in (now, recorded.as_of):
            raise KeyReused(
                f"key {key!r} was used before, for {recorded.subject!r} as of "
                f"{to_datetime(recorded.as_of)}; take a new one"
            )
        return recorded

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
