"""Columns of numbers in bounded memory, however many rows come: counts between fixed edges.

The edges are taken from training, so that two sketches can be compared: up to MOST_EDGES different
values are kept exactly, more of them at evenly spaced quantiles. From that come the two statistics
that the report takes from Evidently: Kolmogorov-Smirnov for few rows, and for many the Wasserstein
distance in standard deviations of training (its `wasserstein`, "normed").
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import kolmogorov  # type: ignore[import-untyped]  # SciPy carries no types

from monitoring.cases import Floats, Ints

MOST_EDGES = 512
LEAST_SPREAD = 0.001
"""Evidently's own floor of the standard deviation, so that a constant column can be compared."""


@dataclass(frozen=True, slots=True)
class Grid:
    """For each of m columns its edges (rising) and the standard deviation of training.

    Attributes:
        exact: for each column whether its edges are all the values that training had.
    """

    names: tuple[str, ...]
    edges: tuple[Floats, ...]
    spread: Floats
    exact: tuple[bool, ...]

    @classmethod
    def of(cls, names: tuple[str, ...], training: Floats) -> Grid:
        """The grid of training rows (n, m); NaN is a missing value."""
        columns = [_finite(training[:, place]) for place in range(training.shape[1])]
        unique = [np.unique(column) for column in columns]
        edges = tuple(
            values if len(values) <= MOST_EDGES else _quantiles(column)
            for column, values in zip(columns, unique, strict=True)
        )
        spread = np.array([float(column.std()) if len(column) else 0.0 for column in columns])
        exact = tuple(len(values) <= MOST_EDGES for values in unique)
        return cls(names, edges, np.maximum(spread, LEAST_SPREAD), exact)


class Sketch:
    """The rows of one stretch of time, column by column.

    Attributes:
        rows: how many were added.
        missing: for each column how many of them had no finite value.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.rows = 0
        self.missing: Ints = np.zeros(len(grid.edges), dtype=np.int64)
        self._counts: list[Ints] = [np.zeros(len(e) + 1, dtype=np.int64) for e in grid.edges]
        self._below = np.zeros(len(grid.edges))
        self._above = np.zeros(len(grid.edges))

    def add(self, rows: Floats) -> None:
        """Take rows (n, m) in."""
        self.rows += len(rows)
        for place, edges in enumerate(self.grid.edges):
            values = _finite(rows[:, place])
            self.missing[place] += len(rows) - len(values)
            if len(edges):
                found = np.searchsorted(edges, values, side="left")
                self._counts[place] += np.bincount(found, minlength=len(edges) + 1)
                self._below[place] += float(np.maximum(edges[0] - values, 0).sum())
                self._above[place] += float(np.maximum(values - edges[-1], 0).sum())

    def count(self, column: int) -> int:
        """How many finite values a column had."""
        return self.rows - int(self.missing[column])

    def shares(self, column: int) -> Floats:
        """At each edge the share of values that are not above it."""
        at_most = np.cumsum(self._counts[column])[:-1]
        return np.asarray(at_most / max(self.count(column), 1), dtype=np.float64)

    def beyond(self, column: int) -> tuple[float, float]:
        """How far values lie below the first edge and above the last, in the mean."""
        count = max(self.count(column), 1)
        return float(self._below[column]) / count, float(self._above[column]) / count


def chance(then: Sketch, now: Sketch, column: int) -> float:
    """The probability with which chance alone explains the difference (two-sided KS, asymptotic:
    Smirnov (1948), "Table for Estimating the Goodness of Fit of Empirical Distributions")."""
    n, m = then.count(column), now.count(column)
    if not n or not m or not len(then.grid.edges[column]):
        return 1.0
    largest = float(np.abs(then.shares(column) - now.shares(column)).max())
    return float(kolmogorov(largest * sqrt(n * m / (n + m))))


def distance(then: Sketch, now: Sketch, column: int) -> float:
    """The Wasserstein distance in standard deviations of training."""
    edges = then.grid.edges[column]
    if not len(edges) or not then.count(column) or not now.count(column):
        return 0.0
    apart = then.shares(column) - now.shares(column)
    if not then.grid.exact[column]:
        apart = np.append((apart[:-1] + apart[1:]) / 2, 0.0)
    between = float(np.sum(np.abs(apart[:-1]) * np.diff(edges)))
    beyond = sum(abs(a - b) for a, b in zip(then.beyond(column), now.beyond(column), strict=True))
    return (between + beyond) / float(then.grid.spread[column])


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _quantiles(values: Floats) -> Floats:
    return np.unique(np.quantile(values, np.linspace(0, 1, MOST_EDGES)))
