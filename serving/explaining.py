"""Why a decision was taken: by the very version that took it, on the values that are on record."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from firm.decision import Decision
from firm.errors import HeadwayError
from firm.explanation import Explanation, explain, explain_rule, is_by_rule, row_of
from firm.ports import Versions
from firm.workflow import Workflow
from serving.answers import answer


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
        if is_by_rule(decision):
            return explain_rule(workflow, decision)
        model = self._versions.version(decision.workflow, decision.model_version)
        (found,) = model.contributions([row_of(workflow, decision)])
        return explain(workflow, decision, found)

    async def answer(self, workflow: Workflow, decision: Decision, asked: bool = False) -> bytes:
        """The answer, with its reasons where they are asked for or declared.

        A decision stands without its reasons: where they cannot be had, the answer says why.
        """
        if not (asked or gives_reasons(workflow, decision)):
            return answer(workflow, decision)
        try:
            found = await run_in_threadpool(self.explanation, workflow, decision)
        except HeadwayError as error:
            return answer(workflow, decision, unexplained=str(error))
        return answer(workflow, decision, found.most())


def gives_reasons(workflow: Workflow, decision: Decision) -> bool:
    """Whether the workflow declares that such an answer gives its reasons unasked."""
    return (
        workflow.reasons == "on action"
        and decision.ranking is None
        and bool(workflow.policy.band(decision.probability).actions)
    )
