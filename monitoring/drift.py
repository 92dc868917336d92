"""What is compared with training, by which statistic, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monitoring.window import DriftLimits

MANY_ROWS = 1_000
"""From here on in both frames a test by chance calls every trifle drift: distances take over."""

Kind = Literal["numeric", "categorical"]


@dataclass(frozen=True)
class Method:
    """A statistic of Evidently, and from where on it means drift.

    Attributes:
        name: the name under which Evidently knows it.
        by_chance: whether it is a p-value, so that a small one means drift.
    """

    name: str
    limit: float
    by_chance: bool

    def drifted(self, value: float) -> bool:
        """Whether this value of the statistic means drift."""
        return value <= self.limit if self.by_chance else value >= self.limit


def method(kind: Kind, least_rows: int, limits: DriftLimits) -> Method:
    """The statistic for a kind of column, given the rows of the smaller frame.

    Few rows: Kolmogorov-Smirnov and chi-square of homogeneity. Many: Wasserstein distance in
    standard deviations of training, and Jensen-Shannon distance.
    """
    if least_rows < MANY_ROWS:
        return Method("ks" if kind == "numeric" else "homogeneity", limits.chance, True)
    return Method("wasserstein" if kind == "numeric" else "jensenshannon", limits.distance, False)


@dataclass(frozen=True)
class ColumnDrift:
    """One compared column: its statistic, and the share of values missing then and now."""

    column: str
    kind: Kind
    statistic: str
    value: float
    limit: float
    drifted: bool
    missing_training: float
    missing_now: float


@dataclass(frozen=True)
class NotCompared:
    """A column that cannot be compared, and why not."""

    column: str
    reason: str


@dataclass(frozen=True)
class Drift:
    """How the inputs and the scores of the window differ from training.

    Attributes:
        columns: the compared feature columns, in the order of their declaration.
        silent: columns with values in training from which nothing comes any more.
        score: the drift of the score itself; None if too few rows were scored.
    """

    columns: tuple[ColumnDrift, ...]
    not_compared: tuple[NotCompared, ...]
    silent: tuple[str, ...]
    score: ColumnDrift | None

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that have drifted."""
        return tuple(column for column in self.columns if column.drifted)

    @property
    def share(self) -> float | None:
        """Of the compared columns, the share that has drifted; None if none was compared."""
        return len(self.drifted) / len(self.columns) if self.columns else None
