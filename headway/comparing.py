"""A challenger against what was decided, on the same decisions, once their outcomes are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from firm.errors import HeadwayError
from firm.store.shadows import Shadowed
from firm.time import DAY
from firm.workflow import Workflow
from training.contest import limits

CONFIDENCE = 0.95
"""Of each limit; both hold together with 90 %."""
LEAST = 30
SEED = 7


class TooFewOutcomes(HeadwayError):
    """Not enough is known yet to compare two versions."""

    kind = "too-few-outcomes"


def compare(workflow: Workflow, version: str, scored: Sequence[Shadowed]) -> dict[str, Any]:
    """Brier scores on the decisions whose outcome is known and that are old enough for the slow
    outcomes among them to be known as well; the difference with its limits (paired bootstrap by
    subject, `training.contest.limits`).

    Raises:
        TooFewOutcomes: fewer than LEAST decisions can be judged.
    """
    newest = max((one.decision.as_of for one in scored), default=0)
    mature = newest - int(workflow.label.maturity_days * DAY)
    judged = [one for one in scored if one.outcome is not None and one.decision.as_of <= mature]
    if len(judged) < LEAST:
        raise TooFewOutcomes(
            f"challenger {version} has scored {len(scored)} decisions, of {len(judged)} of which "
            f"the outcome is known after {workflow.label.maturity_days:g} days; it takes {LEAST}"
        )
    outcome = np.array([one.outcome for one in judged])
    decided = np.array([one.decision.probability for one in judged])
    tried = np.array([one.probability for one in judged])
    difference = (tried - outcome) ** 2 - (decided - outcome) ** 2
    subjects = [one.decision.subject for one in judged]
    low, high = limits(difference, subjects, CONFIDENCE, SEED)
    alarm_at = workflow.policy.alarm_at
    return {
        "challenger": version,
        "scored": len(scored),
        "judged": len(judged),
        "brier_decided": float(((decided - outcome) ** 2).mean()),
        "brier_challenger": float(((tried - outcome) ** 2).mean()),
        "difference": float(difference.mean()),
        "low": low,
        "high": high,
        "confidence": CONFIDENCE,
        "alarms_decided": float((decided >= alarm_at).mean()),
        "alarms_challenger": float((tried >= alarm_at).mean()),
        "verdict": _verdict(low, high),
    }


def _verdict(low: float, high: float) -> str:
    if high < 0:
        return "the challenger is better"
    return "the challenger is worse" if low > 0 else "neither is shown to be better"
