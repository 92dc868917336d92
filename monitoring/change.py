"""Hears a change in a stream of values as it comes, with a declared chance of any false alarm.

Each value is ranked among those of training and all that came before it. While nothing changes all
orders are equally likely, so the ranks are independent and uniform (Vovk, Gammerman, Shafer (2022),
"Algorithmic Learning in a Random World", 2nd ed., section 2.6, conformal transducers), whatever
the values are. Against that bets are laid: 1 + e (p - 1/2) for several e and for every instant from
which on it may have changed, the later ones with less of the stake. The capital starts at 1 and
cannot be expected to grow; it reaches 1 / chance with at most that chance, ever (Ville 1939).
Restarting bets: Shin, Ramdas, Rinaldo (2022), "E-detectors", arXiv:2203.03532.
"""

from __future__ import annotations

from math import log

import numpy as np

from monitoring.cases import Floats, Ints

BETS: Floats = np.array([-1.9, -1.2, -0.6, 0.6, 1.2, 1.9])
"""Falling and rising values, by much and by little; beyond 2 a bet could lose more than its stake.
"""
STAKES_SUM = 2.1098
"""Of 1 / (n log(n)^2) over n from 2: so divided, the stakes of all instants sum to no more than 1.
"""


LEAST_SINCE = 100
"""Values since the change: a run of a few like cases, as work comes in runs, is no change of it."""


class ChangeDetector:
    """Ranks values of a few levels (an ordinal, or the bins of a number).

    Args:
        reference: how many values of each level training had.
        chance: of a false alarm, ever.

    Attributes:
        seen: how many values came.
        alarmed_at: after how many of them it was heard, None while it was not.
        since: from which of them on it has probably changed (the bet that gained most), counted
            from 0; as it stood at the alarm.
    """

    def __init__(self, reference: Ints, chance: float) -> None:
        self._counts = reference.astype(np.float64)
        self._limit = 1 / chance
        self._stakes = np.zeros(len(BETS))
        self._gains = np.zeros(len(BETS))
        self._starts = np.zeros(len(BETS), dtype=np.int64)
        self._laid = 0.0
        self.seen = 0
        self.alarmed_at: int | None = None
        self.since = 0

    @property
    def evidence(self) -> float:
        """The capital; 1 / chance is the alarm."""
        return float(self._stakes.mean()) + 1 - self._laid

    def see(self, level: int, tie: float) -> None:
        """Take one value in; `tie` in [0, 1) breaks ties and must not depend on the value.

        After the alarm there is nothing left to bet on: begin anew, with what came since.
        """
        above = float(self._counts[level + 1 :].sum())
        same = float(self._counts[level]) + 1
        self._counts[level] += 1
        rank = (above + tie * same) / float(self._counts.sum())
        self._bet(1 + BETS * (rank - 0.5))
        self.seen += 1
        since = int(self._starts[int(np.argmax(self._gains))])
        if self.evidence >= self._limit and self.seen - since >= LEAST_SINCE:
            self.alarmed_at, self.since = self.seen, since

    def _bet(self, factor: Floats) -> None:
        place = self.seen + 2
        stake = 1 / (STAKES_SUM * place * log(place) ** 2)
        self._laid += stake
        self._stakes = (self._stakes + stake) * factor
        self._starts = np.where(self._gains <= 0, self.seen, self._starts)
        self._gains = np.maximum(self._gains, 0) + np.log(factor)
