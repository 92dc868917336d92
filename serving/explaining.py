"""Why decisions were taken: by the very versions that took them, on the values on record."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from starlette.concurrency import run_in_threadpool

from firm.decision import Decision
from firm.errors import HeadwayError, NotReproduced
from firm.explanation import (
    Contributions,
    Explanation,
    explain,
    explain_rule,
    is_by_rule,
    row_of,
    with_candidates,
)
from firm.ports import Versions
from firm.workflow import Workflow
from serving.answers import Why, answer, batch_answer
from serving.batch import Refused


class Explaining:
    """The use case of explaining, with the versions behind their port."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def explanation(self, workflow: Workflow, decision: Decision) -> Explanation:
        """All reasons of a decision. It takes milliseconds: call it from a thread.

        Raises:
            ModelRefused: the version cannot be had any more.
            NotReproduced: it gives another score for the recorded values.
        """
        (found,) = self.explanations(workflow, [decision])
        if isinstance(found, HeadwayError):
            raise found
        return found

    def explanations(
        self, workflow: Workflow, decisions: Sequence[Decision]
    ) -> list[Explanation | HeadwayError]:
        """For each decision all its reasons, or why there are none (see `explanation`).

        Each version is asked once, for all that it decided.
        """
        found = {
            version: iter(self._by_one_version(workflow, list(theirs)))
            for version, theirs in groupby(sorted(decisions, key=_version), _version)
        }
        return [next(found[one.model_version]) for one in decisions]

    async def answer(self, workflow: Workflow, decision: Decision, asked: bool = False) -> bytes:
        """The answer, with its reasons where they are asked for or declared.

        A decision stands without its reasons: where they cannot be had, the answer says why.
        """
        if not (asked or gives_reasons(workflow, decision)):
            return answer(workflow, decision)
        (why,) = await run_in_threadpool(self._whys, workflow, [decision])
        return answer(workflow, decision, why)

    async def batch_answer(
        self, workflow: Workflow, found: Sequence[Decision | Refused], asked: bool = False
    ) -> bytes:
        """The answers of a batch, each with what it would say of its reasons alone."""
        decisions = [one for one in found if isinstance(one, Decision)]
        told = [one for one in decisions if asked or gives_reasons(workflow, one)]
        whys = await run_in_threadpool(self._whys, workflow, told) if told else []
        by_id = {one.id: why for one, why in zip(told, whys, strict=True)}
        return batch_answer(workflow, found, by_id)

    def _whys(self, workflow: Workflow, decisions: Sequence[Decision]) -> list[Why]:
        cases = [with_candidates(one) for one in decisions]
        found = iter(self.explanations(workflow, [case for each in cases for case in each]))
        return [_why([next(found) for _ in each]) for each in cases]

    def _by_one_version(
        self, workflow: Workflow, decisions: Sequence[Decision]
    ) -> Sequence[Explanation | HeadwayError]:
        first = decisions[0]
        if is_by_rule(first):
            return [explain_rule(workflow, one) for one in decisions]
        try:
            model = self._versions.version(first.workflow, first.model_version)
            found = model.contributions([row_of(workflow, one) for one in decisions])
        except HeadwayError as error:  # of the version: none of its decisions can be explained
            return [error] * len(decisions)
        return [_explained(workflow, d, one) for d, one in zip(decisions, found, strict=True)]


def _version(decision: Decision) -> str:
    return decision.model_version


def _explained(
    workflow: Workflow, decision: Decision, found: Contributions
) -> Explanation | HeadwayError:
    try:
        return explain(workflow, decision, found)
    except NotReproduced as error:
        return error


def _why(found: Sequence[Explanation | HeadwayError]) -> Why:
    """What is said of a decision, and after it of each of its candidates."""
    own, *theirs = found
    candidates = tuple(_why([one]) for one in theirs)
    if isinstance(own, HeadwayError):
        return Why(unexplained=str(own), candidates=candidates)
    return Why(reasons=own.most(), candidates=candidates)


def gives_reasons(workflow: Workflow, decision: Decision) -> bool:
    """Whether the workflow declares that such an answer gives its reasons unasked."""
    return (
        workflow.reasons == "on action"
        and decision.ranking is None
        and bool(workflow.policy.band(decision.probability).actions)
    )
