"""How good the scores are likely to be, before any outcome is known.

Confidence-based performance estimation: a calibrated score p is itself the chance that the case
happens, so an alert is expected to be right p times, and so on for every cell of the confusion
matrix. Białek, Kuberski, Perrakis, Bifet (2024), "Estimating Model Performance Under Covariate
Shift Without Labels", arXiv:2401.08348, section 3; for the ranking, every pair of cases is weighted
by the chance that the first happens and the second does not. The estimate holds only as far as the
scores are calibrated: it cannot see that the same case now ends otherwise. So it is kept, and held
against the truth when that is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitoring.cases import Floats


@dataclass(frozen=True)
class Expected:
    """Expected figures of n scores; None where there is nothing to divide by.

    Attributes:
        rate: the expected share that happens.
        false_alerts, missed: expected counts.
    """

    n: int
    rate: float | None
    alerts: int
    false_alerts: float
    missed: float
    precision: float | None
    recall: float | None
    brier: float | None
    auc: float | None


def expected(score: Floats, threshold: float) -> Expected:
    """What calibrated scores (n) lead one to expect of alerts at or above the threshold."""
    alert = score >= threshold
    hits, happens = float(score[alert].sum()), float(score.sum())
    n, alerts = len(score), int(alert.sum())
    return Expected(
        n=n,
        rate=happens / n if n else None,
        alerts=alerts,
        false_alerts=alerts - hits,
        missed=happens - hits,
        precision=hits / alerts if alerts else None,
        recall=hits / happens if happens else None,
        brier=float(np.mean(score * (1 - score))) if n else None,
        auc=_auc(score),
    )


def _auc(score: Floats) -> float | None:
    """The expected chance that a case that happens outranks one that does not; ties count half.

    Over pairs i != j: sum p_i (1 - p_j) [s_i > s_j] / sum p_i (1 - p_j).
    """
    levels, counts = np.unique(score, return_counts=True)
    ones, zeros = levels * counts, (1 - levels) * counts
    below = np.cumsum(zeros) - zeros
    same = levels * (1 - levels) * counts  # a case is no pair with itself
    pairs = float(ones.sum() * zeros.sum() - same.sum())
    if pairs <= 0:
        return None
    return float((ones * below).sum() + ((ones * zeros) - same).sum() / 2) / pairs
