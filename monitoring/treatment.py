"""Precision and recall where alerts are acted on: what would have happened had nothing been done.

An alert that is acted on may prevent its own label, so a good alert looks false. Where some alerts
were left alone, each of these stands for all of its kind: it is weighted by the inverse of the
share left alone among alerts of about the same score (Horvitz and Thompson (1952), "A
Generalization of Sampling Without Replacement", JASA 47; normalised as by Hájek (1971)). A declared
holdout leaves alone by chance, so the estimate is unbiased; without one, the alerts that nobody
acted on are taken, and it holds only if they were passed over for no reason but their score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitoring.cases import Cases, Flags, Floats
from monitoring.rates import Rate, rate

MOST_STRATA = 10
LEAST_OF_A_STRATUM = 50
"""Alerts; with fewer the share left alone says more of chance."""

Basis = Literal["holdout", "untreated", "none"]


@dataclass(frozen=True)
class Treated:
    """Alerts whose outcome is known, treated and untreated apart.

    Attributes:
        treated, untreated: the share that happened among each.
        precision, recall: corrected; None where every alert was acted on.
        basis: which untreated alerts the correction rests on.
        covered: the share of the alerts for which there are untreated ones of about their score.
    """

    treated: Rate | None
    untreated: Rate | None
    naive_precision: Rate | None
    naive_recall: Rate | None
    precision: Rate | None
    recall: Rate | None
    basis: Basis
    covered: float


def judge_treated(cases: Cases, threshold: float) -> Treated:
    """Judge the alerts of matured cases; those whose outcome is not known are left out."""
    known = cases.where(cases.known)
    alert = known.score >= threshold
    alerts, quiet = known.where(alert), known.where(~alert)
    basis, alone = _left_alone(alerts)
    weight, covered = _weights(alerts.score, alone)
    hits, missed = float(alerts.outcome.sum()), float(quiet.outcome.sum())
    precision = _weighted(alerts.outcome, weight)
    return Treated(
        treated=_share(alerts.outcome[alerts.treated]),
        untreated=_share(alerts.outcome[~alerts.treated]),
        naive_precision=rate(hits, len(alerts)),
        naive_recall=rate(hits, hits + missed),
        precision=precision,
        recall=_recall(precision, len(alerts), missed),
        basis=basis,
        covered=covered,
    )


def _left_alone(alerts: Cases) -> tuple[Basis, Flags]:
    if alerts.held.any():
        return "holdout", alerts.held & ~alerts.treated
    alone = ~alerts.treated
    return ("untreated" if alone.any() else "none"), alone


def _weights(score: Floats, alone: Flags) -> tuple[Floats, float]:
    """For each alert left alone, how many alerts it stands for; 0 for the others."""
    weight = np.zeros(len(score))
    if not len(score):
        return weight, 0.0
    strata = min(MOST_STRATA, max(1, len(score) // LEAST_OF_A_STRATUM))
    inner = np.unique(np.quantile(score, np.linspace(0, 1, strata + 1)[1:-1]))
    place, covered = np.searchsorted(inner, score, side="right"), 0
    for number in np.unique(place):
        here = place == number
        if (left := int((here & alone).sum())) > 0:
            weight[here & alone] = here.sum() / left
            covered += int(here.sum())
    return weight, covered / len(score)


def _weighted(outcome: Floats, weight: Floats) -> Rate | None:
    """The weighted share; its interval is that of the effective number of cases (Kish 1965)."""
    total = float(weight.sum())
    if not total:
        return None
    effective = total * total / float((weight * weight).sum())
    return rate(float((outcome * weight).sum()) / total * effective, effective)


def _recall(precision: Rate | None, alerts: int, missed: float) -> Rate | None:
    """Of all that would have happened, the share that had an alert."""
    if precision is None:
        return None
    low, share, high = (
        p * alerts / (p * alerts + missed) if p * alerts + missed else 0.0
        for p in (precision.low, precision.share, precision.high)
    )
    return Rate(share, low, high, precision.n)


def _share(outcome: Floats) -> Rate | None:
    return rate(float(outcome.sum()), len(outcome))
