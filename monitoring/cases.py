"""Decisions of one version in columns, with what became of them and what was done about them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from firm.time import DAY, Micros

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NEVER: Micros = np.iinfo(np.int64).max
"""`known_at` of an outcome that is not known: later than any instant."""


@dataclass(frozen=True, slots=True)
class Cases:
    """n decisions in the order in which they were taken; every column has n entries.

    Attributes:
        as_of: when each was taken, microseconds since 1970.
        score: probabilities.
        outcome: 1.0 or 0.0, NaN while it is not known.
        known_at: when the outcome was known, NEVER while it is not.
        treated: something was done because of it, so the outcome may be one that was prevented.
        held: nothing was done on purpose: it belongs to the declared holdout.
    """

    as_of: Ints
    score: Floats
    outcome: Floats
    known_at: Ints
    treated: Flags
    held: Flags

    @classmethod
    def untreated(cls, as_of: Ints, score: Floats, outcome: Floats, known_at: Ints) -> Self:
        """Cases about which nothing was done."""
        nothing = np.zeros(len(as_of), dtype=np.bool_)
        return cls(as_of, score, outcome, known_at, nothing, nothing)

    def __len__(self) -> int:
        return len(self.as_of)

    @property
    def known(self) -> Flags:
        """Whose outcome is known."""
        return ~np.isnan(self.outcome)

    def where(self, keep: Flags) -> Self:
        """The cases at which `keep` is true, in the same order."""
        return type(self)(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def seen_at(self, now: Micros) -> Self:
        """The cases taken before an instant, with the outcomes that were known by then."""
        taken = self.where(self.as_of <= now)
        late = taken.known_at > now
        return replace(
            taken,
            outcome=np.where(late, np.nan, taken.outcome),
            known_at=np.where(late, NEVER, taken.known_at),
        )

    def matured(self, now: Micros, maturity_days: float) -> Self:
        """The cases that are old enough to be judged, known or overdue.

        Younger ones are left out even where their outcome is known: those that end early end
        otherwise than those that end late.
        """
        return self.where(self.is_matured(now, maturity_days))

    def is_matured(self, now: Micros, maturity_days: float) -> Flags:
        """Which they are."""
        return self.as_of <= now - int(maturity_days * DAY)

    def ages(self, now: Micros) -> Floats:
        """Days until the outcome was known; for the others, days waited so far."""
        ends = np.where(self.known, np.minimum(self.known_at, now), now)
        return np.maximum(ends - self.as_of, 0) / DAY
