"""From questions to probabilities: by the live model in one call, or by the declared rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import isnan

from firm.decision import RULE_VERSION, Asked
from firm.errors import ModelRefused
from firm.ports import Scorer
from firm.ranking import Candidate, Ranking, rank
from firm.workflow import Workflow


def predict(
    workflow: Workflow, asked: Sequence[Asked], scorer: Scorer | None
) -> list[tuple[float, Ranking | None]]:
    """The probability of each question, and the ranking of its candidates where it has any.

    Raises:
        ModelRefused: the model scored NaN.
    """
    candidates = [c for a in asked if a.considered is not None for c in a.considered.admitted]
    found = iter(_probabilities(workflow, [*asked, *candidates], scorer))
    own = list(islice(found, len(asked)))
    return [(p, _ranking(workflow, a, found)) for a, p in zip(asked, own, strict=True)]


def _probabilities(
    workflow: Workflow, questions: Sequence[Asked | Candidate], scorer: Scorer | None
) -> list[float]:
    if scorer is None:
        found = [one.by_rule for one in questions]
    else:
        found = scorer.predict([one.row for one in questions])
    for one, probability in zip(questions, found, strict=True):
        if isnan(probability):
            version = RULE_VERSION if scorer is None else scorer.version
            whom = one.subject if isinstance(one, Asked) else one.key
            raise ModelRefused(f"{workflow.slug!r}: model {version!r} scored NaN for {whom!r}")
    return [min(max(probability, 0.0), 1.0) for probability in found]


def _ranking(workflow: Workflow, asked: Asked, found: Iterator[float]) -> Ranking | None:
    """The ranking of a question's candidates, whose probabilities come next."""
    if asked.considered is None:
        return None
    probabilities = list(islice(found, len(asked.considered.admitted)))
    return rank(workflow, asked.considered, asked.row, probabilities)
