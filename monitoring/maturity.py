"""When an outcome is known: the share of decisions that are judged by an age.

Of the young decisions only those are judged that ended early, so the share of known outcomes among
all decisions says too little. Waiting decisions count here as long as they have waited, and no
longer: the estimator of Kaplan and Meier (1958), "Nonparametric Estimation from Incomplete
Observations", JASA 53, with "becomes known" as the event and "is not older yet" as the censoring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firm.time import Micros
from monitoring.cases import Cases, Floats


@dataclass(frozen=True)
class MaturityCurve:
    """Steps of the curve.

    Attributes:
        age: rising ages in days at which outcomes became known.
        share: the estimated share of all decisions whose outcome is known by that age.
    """

    age: Floats
    share: Floats

    def known_by(self, days: float) -> float | None:
        """The share known by an age; None where no outcome is known at all."""
        if not len(self.age):
            return None
        place = int(np.searchsorted(self.age, days, side="right"))
        return float(self.share[place - 1]) if place else 0.0

    def age_at(self, share: float) -> float | None:
        """The age in days by which this share is known; None where that was never reached."""
        reached = np.flatnonzero(self.share >= share)
        return float(self.age[reached[0]]) if len(reached) else None


def maturity_curve(cases: Cases, now: Micros) -> MaturityCurve:
    """The curve of all cases as they stand at an instant."""
    ages, known = cases.ages(now), cases.known
    at, events = np.unique(ages[known], return_counts=True)
    at_risk = len(ages) - np.searchsorted(np.sort(ages), at, side="left")
    waiting = np.cumprod(1 - events / at_risk, dtype=np.float64)
    return MaturityCurve(at, 1 - waiting)
