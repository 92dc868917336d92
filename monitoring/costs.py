"""What wrong answers cost, at today's threshold and at others."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from firm.workflow import Stakes
from monitoring.cases import Floats

STEPS = 101
"""Thresholds of the curve: every hundredth from 0 to 1."""


@dataclass(frozen=True)
class Costs:
    """Money and days lost to wrong answers on n judged cases.

    Attributes:
        false_alerts, missed: counts at today's threshold.
        cost, days: what these cost at the declared stakes, in their currency.
        thresholds, curve: the cost at each threshold.
        cheapest: the threshold at which these cases would have cost least.
    """

    n: int
    false_alerts: int
    missed: int
    cost: Decimal
    days: float
    thresholds: tuple[float, ...]
    curve: tuple[Decimal, ...]
    cheapest: float
    least: Decimal


def costs(score: Floats, outcome: Floats, threshold: float, stakes: Stakes) -> Costs | None:
    """The cost of alerts at or above a threshold on cases whose outcome is known."""
    if not len(score):
        return None
    thresholds = tuple(number / (STEPS - 1) for number in range(STEPS))
    counts = [_wrong(score, outcome, at) for at in thresholds]
    curve = tuple(_cost(false, missed, stakes) for false, missed in counts)
    cheapest = min(range(STEPS), key=lambda place: curve[place])
    false, missed = _wrong(score, outcome, threshold)
    return Costs(
        n=len(score),
        false_alerts=false,
        missed=missed,
        cost=_cost(false, missed, stakes),
        days=missed * stakes.missed_days,
        thresholds=thresholds,
        curve=curve,
        cheapest=thresholds[cheapest],
        least=curve[cheapest],
    )


def _wrong(score: Floats, outcome: Floats, threshold: float) -> tuple[int, int]:
    alert, happened = score >= threshold, outcome == 1
    return int(np.sum(alert & ~happened)), int(np.sum(~alert & happened))


def _cost(false: int, missed: int, stakes: Stakes) -> Decimal:
    return false * stakes.false_alert.amount + missed * stakes.missed.amount
