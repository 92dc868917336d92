"""What has to be agreed to before a candidate may be chosen whom a filter leaves out."""

from __future__ import annotations

from firm.decision import Action, Decision
from firm.ids import action_id
from firm.ranking import candidates_of
from firm.workflow import Workflow

ALLOW_EXCLUDED = "allow_excluded_candidates"


def exceptions(workflow: Workflow, decision: Decision) -> list[Action]:
    """One action that waits for the declared role, if the caller proposed candidates whom a filter
    leaves out; none otherwise. Whoever is ranked needs no exception, and is given nothing yet."""
    ranking = decision.ranking
    if ranking is None or ranking.proposed is None or not ranking.excluded:
        return []
    against = "; ".join(f"{', '.join(one.candidates)}: {one.says}" for one in ranking.excluded)
    return [
        Action(
            id=action_id(decision.id, ALLOW_EXCLUDED),
            decision=decision.id,
            workflow=decision.workflow,
            subject=decision.subject,
            kind=ALLOW_EXCLUDED,
            says=f"Allow candidates that the rules leave out. {against}.",
            approval=candidates_of(workflow).approval,
            asked_at=decision.as_of,
        )
    ]
