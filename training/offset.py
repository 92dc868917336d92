"""The training rate of each value of one feature, from which the trees then only deviate."""

from __future__ import annotations

import json
from ctypes import c_float
from dataclasses import dataclass
from math import log
from typing import Self

import numpy as np

from firm.explanation import Contributions
from firm.workflow import Row
from training.rows import Flags, Floats

ATTRIBUTE = "headway_offset"
"""The attribute of the model file that holds the table, so that the file alone can score."""
LEAST_RATE = 1e-4
"""No rate is nearer to 0 or 1 than this: a logit is not finite there."""


@dataclass(frozen=True, slots=True)
class Offset:
    """The rates of the values of one feature, frozen with the model.

    Attributes:
        feature: its name.
        column: its place in a row.
        rates: by value, as it is served (32-bit).
        otherwise: the rate of all training rows, for a value that was not among them or is missing.
        alone: the values that are told by their rate alone: too little is known of them for the
            trees to deviate from it.
    """

    feature: str
    column: int
    rates: dict[float, float]
    otherwise: float
    alone: frozenset[float] = frozenset()

    @classmethod
    def learn(
        cls,
        names: tuple[str, ...],
        feature: str,
        features: Floats,
        outcome: Floats,
        prior: float = 1.0,
        least: int = 0,
    ) -> Self:
        """The rates in n training rows, each drawn toward the overall rate by `prior` cases.

        A value of which fewer than `least` rows have the rarer outcome is told by its rate alone,
        unless that holds for every value.
        """
        column = names.index(feature)
        values, overall = _served(features[:, column]), float(outcome.mean())
        of = {float(v): outcome[values == v] for v in np.unique(values[~np.isnan(values)])}
        rates = {v: (float(o.sum()) + overall * prior) / (len(o) + prior) for v, o in of.items()}
        scarce = frozenset(v for v, o in of.items() if min(o.sum(), len(o) - o.sum()) < least)
        return cls(
            feature, column, rates, overall, scarce if len(scarce) < len(of) else frozenset()
        )

    def margin(self, features: Floats) -> Floats:
        """The log-odds (n) from which the trees start."""
        values = _served(features[:, self.column]).tolist()
        rates = np.array([self.rates.get(value, self.otherwise) for value in values])
        rates = np.clip(rates, LEAST_RATE, 1 - LEAST_RATE)
        return np.asarray(np.log(rates / (1 - rates)), dtype=np.float64)

    def is_alone(self, features: Floats) -> Flags:
        """Which of n rows are told by their rate alone."""
        return np.isin(_served(features[:, self.column]), list(self.alone))

    def weight(self, features: Floats) -> Floats:
        """How much each of n rows weighs for the trees: nothing where its rate alone tells."""
        return np.where(self.is_alone(features), 0.0, 1.0)

    def tell(self, features: Floats, probability: Floats) -> Floats:
        """The probabilities of n rows, with the rates of those that are told by them alone."""
        rates = 1 / (1 + np.exp(-self.margin(features)))
        return np.where(self.is_alone(features), rates, probability)

    def hide(self, features: Floats) -> Floats:
        """The same rows with the feature missing: no tree splits on it."""
        hidden = features.copy()
        hidden[:, self.column] = np.nan
        return hidden

    def log_odds(self, row: Row) -> float:
        """The log-odds from which the trees start for one row, as it is served."""
        value = row[self.column]
        served = None if value is None else c_float(value).value
        rate = self.otherwise if served is None else self.rates.get(served, self.otherwise)
        return _log_odds(rate)

    def deviated(self, row: Row, margin: float) -> float:
        """The log-odds of one row, of which the trees say this margin."""
        return self.log_odds(row) + (0.0 if self._tells(row) else margin)

    def contribute(self, found: Contributions, row: Row) -> Contributions:
        """What the trees' features add to a row's log-odds, with what this feature adds: all that
        differs from the base, where its rate alone tells."""
        base, of = found.base + _log_odds(self.otherwise), list(found.of)
        if self._tells(row):
            of = [0.0] * len(of)
            of[self.column] = self.log_odds(row) - base
        else:
            of[self.column] += self.log_odds(row) - _log_odds(self.otherwise)
        return Contributions(base, tuple(of))

    def _tells(self, row: Row) -> bool:
        """Whether the rate alone tells of this row."""
        value = row[self.column]
        return value is not None and c_float(value).value in self.alone

    def hide_in(self, row: Row) -> Row:
        """The same row with the feature missing."""
        return (*row[: self.column], None, *row[self.column + 1 :])

    def to_json(self) -> str:
        """The table as the model file keeps it."""
        rates, alone = sorted(self.rates.items()), sorted(self.alone)
        table = {"feature": self.feature, "rates": rates, "otherwise": self.otherwise}
        return json.dumps({**table, "alone": alone})

    @classmethod
    def from_json(cls, text: str, names: tuple[str, ...]) -> Self:
        """The table back; ValueError (or a KeyError) where the text is none of these features."""
        found = json.loads(text)
        rates = {float(value): float(rate) for value, rate in found["rates"]}
        feature, alone = found["feature"], frozenset(map(float, found.get("alone", ())))
        return cls(feature, names.index(feature), rates, float(found["otherwise"]), alone)


def _log_odds(rate: float) -> float:
    rate = min(max(rate, LEAST_RATE), 1 - LEAST_RATE)
    return log(rate / (1 - rate))


def _served(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)
