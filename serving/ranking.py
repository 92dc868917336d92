"""Rank on request whom a subject could be given to: read its state and those of the candidates'
groups, ask, score all at once, record, answer. Nobody is given anything by it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool

from firm.decision import Decision
from firm.errors import HeadwayError, UnknownWorkflow
from firm.evidence import evidence_of
from firm.exceptions import exceptions
from firm.handlers import ask
from firm.ids import SubjectId
from firm.ports import Models, OnlineStates, Recorder
from firm.ranking import Considered, consider, group_ids
from firm.states import known_as_of
from firm.time import Micros, to_datetime
from firm.vocabulary import Known
from firm.workflow import Workflow
from serving.scoring import KeyReused, refuse_stale


class NoCandidates(HeadwayError):
    """The workflow declares nobody whom a request could be given to."""

    kind = "no-candidates"


class Rankings:
    """The use case of ranking, with the parts it needs behind their ports."""

    def __init__(
        self,
        workflows: dict[str, Workflow],
        online: OnlineStates,
        models: Models,
        recorder: Recorder,
    ) -> None:
        self._workflows = workflows
        self._online = online
        self._models = models
        self._recorder = recorder

    def workflow(self, slug: str) -> Workflow:
        """The workflow of this slug; raises UnknownWorkflow, or NoCandidates."""
        ranking = sorted(name for name, w in self._workflows.items() if w.candidates)
        if slug not in self._workflows:
            raise UnknownWorkflow(f"no workflow {slug!r} is declared; these rank: {ranking}")
        if slug not in ranking:
            raise NoCandidates(f"{slug!r} declares no candidates; these do: {ranking}")
        return self._workflows[slug]

    async def rank(
        self,
        slug: str,
        subject: SubjectId,
        as_of: Micros,
        key: str,
        now: Micros,
        proposed: Sequence[str] | None = None,
        top: int | None = None,
    ) -> Decision:
        """One recorded decision with its ranking; the same key with the same question gives the
        first one again. Those of `proposed` whom a filter leaves out wait for a person.

        Raises:
            UnknownWorkflow, NoCandidates, UnknownSubject: nothing to rank.
            Stale: the newest event is too old, and the workflow refuses such answers.
            KeyReused: the key belongs to another question.
        """
        workflow = self.workflow(slug)
        # The same key may be used for a score: that is another question, with its own decision.
        asked = workflow, subject, as_of, f"rank:{key}", now, proposed, top
        decision = await run_in_threadpool(self._decide, *asked)
        kept = decision, exceptions(workflow, decision)
        (recorded,) = await self._recorder.record_all([kept])
        if not _same_question(recorded, decision, now):
            raise KeyReused(
                f"key {key!r} was used before, for a ranking of {recorded.subject!r} as of "
                f"{to_datetime(recorded.as_of)} or with other candidates; take a new one"
            )
        return recorded

    def _decide(
        self,
        workflow: Workflow,
        subject: SubjectId,
        as_of: Micros,
        cause: str,
        now: Micros,
        proposed: Sequence[str] | None,
        top: int | None,
    ) -> Decision:
        """Read and score, which takes milliseconds: for a thread."""
        state, groups = self._online.read(workflow, subject, as_of)
        known = known_as_of(workflow, subject, state, groups, as_of)
        evidence = evidence_of(workflow, known, state.position if state else None)
        considered = self._considered(workflow, known, proposed, top)
        asked = ask(workflow, subject, known, evidence, cause, "http", considered=considered)
        (decision,) = self._models.now(workflow.slug).decide(workflow, [asked], now)
        refuse_stale(workflow, decision)
        return decision

    def _considered(
        self, workflow: Workflow, known: Known, proposed: Sequence[str] | None, top: int | None
    ) -> Considered:
        pool = self._online.pool(workflow) if proposed is None else proposed
        states = self._online.groups(workflow, group_ids(workflow, known, pool))
        return consider(workflow, known, states, pool, proposed, top)


def _same_question(recorded: Decision, decision: Decision, now: Micros) -> bool:
    first, ranking = recorded.ranking, decision.ranking
    return (
        recorded.subject == decision.subject
        and decision.as_of in {now, recorded.as_of}
        and first is not None
        and ranking is not None
        and (first.proposed, first.top) == (ranking.proposed, ranking.top)
    )
