"""A candidate against the champion, on rows that neither has seen."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from firm.errors import ModelRefused
from firm.workflow import Workflow
from training.registered import RegisteredVersion
from training.rows import Floats
from training.trial import Split, Trial

RESAMPLES = 2000
LEAST_ROWS = 100
"""On fewer rows hardly any champion could be held to a limit."""


class Contest(msgspec.Struct, frozen=True):
    """How much higher the candidate's Brier score is than the champion's on the same n rows.

    Attributes:
        champion: its version.
        difference: below 0 where the candidate is better.
        low, high: the limits, each of which holds with `confidence` (paired bootstrap by subject).
    """

    champion: str
    n: int
    difference: float
    low: float
    high: float
    confidence: float


def contest(
    workflow: Workflow, champion: RegisteredVersion | None, splits: Sequence[Split], trial: Trial
) -> Contest | str:
    """Score the held-out rows from the champion's cut on by both; or why they cannot be compared.

    The candidate is judged walking forward, so it has not seen them either.
    """
    if champion is None:
        return "no version is live"
    try:
        scorer = champion.scorer(workflow)
    except ModelRefused as error:
        return f"version {champion.version} cannot score these rows: {error}"
    fresh = np.concatenate([split.held_out.as_of for split in splits]) >= champion.cut
    if int(fresh.sum()) < LEAST_ROWS:
        return (
            f"version {champion.version} may have learnt from all but {int(fresh.sum())} of the "
            f"rows; it takes {LEAST_ROWS}"
        )
    features = np.concatenate([split.held_out.features for split in splits])[fresh]
    subject = np.concatenate([split.held_out.subject for split in splits])[fresh]
    outcome = trial.outcome[fresh]
    served = scorer.predict([tuple(_values(row)) for row in features.tolist()])
    difference = (trial.probability[fresh] - outcome) ** 2 - (np.array(served) - outcome) ** 2
    confidence = workflow.model.gates.confidence
    low, high = limits(difference, subject.tolist(), confidence, workflow.model.seed)
    mean = float(difference.mean())
    return Contest(champion.version, len(outcome), mean, low, high, confidence)


def limits(
    difference: Floats, subject: Sequence[str], confidence: float, seed: int
) -> tuple[float, float]:
    """The lower and the upper limit of the mean of n paired differences, each one-sided.

    Whole subjects are drawn again, as the rows of one subject fare alike: Efron, Tibshirani (1993),
    "An Introduction to the Bootstrap", chapter 8.
    """
    names, place = np.unique(np.array(subject, dtype=np.str_), return_inverse=True)
    total, count = np.bincount(place, difference), np.bincount(place)
    luck = np.random.default_rng(seed)
    means = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = luck.integers(0, len(names), len(names))
        means[number] = total[drawn].sum() / count[drawn].sum()
    low, high = np.quantile(means, [1 - confidence, confidence]).tolist()
    return low, high


def _values(row: Sequence[float]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in row]
