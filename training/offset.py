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
from training.rows import Floats

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
    """

    feature: str
    column: int
    rates: dict[float, float]
    otherwise: float

    @classmethod
    def learn(cls, names: tuple[str, ...], feature: str, features: Floats, outcome: Floats) -> Self:
        """The rates in n training rows, each drawn toward the overall rate by one case."""
        column = names.index(feature)
        values, overall = _served(features[:, column]), float(outcome.mean())
        rates = {
            float(value): (float(outcome[values == value].sum()) + overall)
            / (int((values == value).sum()) + 1)
            for value in np.unique(values[~np.isnan(values)])
        }
        return cls(feature, column, rates, overall)

    def margin(self, features: Floats) -> Floats:
        """The log-odds (n) from which the trees start."""
        values = _served(features[:, self.column]).tolist()
        rates = np.array([self.rates.get(value, self.otherwise) for value in values])
        rates = np.clip(rates, LEAST_RATE, 1 - LEAST_RATE)
        return np.asarray(np.log(rates / (1 - rates)), dtype=np.float64)

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

    def contribute(self, found: Contributions, row: Row) -> Contributions:
        """What the trees' features add to a row's log-odds, with what this feature adds."""
        base, of = _log_odds(self.otherwise), list(found.of)
        of[self.column] += self.log_odds(row) - base
        return Contributions(found.base + base, tuple(of))

    def hide_in(self, row: Row) -> Row:
        """The same row with the feature missing."""
        return (*row[: self.column], None, *row[self.column + 1 :])

    def to_json(self) -> str:
        """The table as the model file keeps it."""
        rates = sorted(self.rates.items())
        return json.dumps({"feature": self.feature, "rates": rates, "otherwise": self.otherwise})

    @classmethod
    def from_json(cls, text: str, names: tuple[str, ...]) -> Self:
        """The table back; ValueError (or a KeyError) where the text is none of these features."""
        found = json.loads(text)
        rates = {float(value): float(rate) for value, rate in found["rates"]}
        feature = found["feature"]
        return cls(feature, names.index(feature), rates, float(found["otherwise"]))


def _log_odds(rate: float) -> float:
    rate = min(max(rate, LEAST_RATE), 1 - LEAST_RATE)
    return log(rate / (1 - rate))


def _served(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)
