"""What a version was trained on, as far as watching it needs that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firm.time import Micros, day_of
from monitoring.arrivals import Arrivals, Span
from monitoring.cases import Floats, Ints

MOST_ROWS = 10_000
"""More rows, evenly spread, would change no figure by more than a hundredth."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The n questions asked before a version's cut, in the order of the log.

    All that were asked, not only those whose outcome was known: these are the quick ones.

    Attributes:
        names: the features, in the order of the columns of `features` (n, m).
        score: what the version says of them.
        outcome, known_at: as they were known at the cut; NaN and NEVER for the others.
        base_rate: what the version learned to be the share that happens.
    """

    names: tuple[str, ...]
    as_of: Ints
    features: Floats
    score: Floats
    outcome: Floats
    known_at: Ints
    base_rate: float
    cut: Micros

    def __len__(self) -> int:
        return len(self.as_of)

    def disturbed(self) -> list[Span]:
        """When labels came in batches, or not at all, before the cut."""
        known = ~np.isnan(self.outcome)
        arrivals = Arrivals()
        for as_of, known_at, outcome in zip(
            self.as_of[known].tolist(),
            self.known_at[known].tolist(),
            self.outcome[known].tolist(),
            strict=True,
        ):
            arrivals.add(as_of, known_at, outcome)
        arrivals.close_days(self.cut)
        return arrivals.disturbed(day_of(self.cut))

    def sample(self, most: int = MOST_ROWS) -> Floats:
        """At most so many rows of features, evenly spread."""
        step = -(-len(self) // most) or 1
        return self.features[::step]
