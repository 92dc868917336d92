"""Whether a score can be taken at its word: of the cases scored 30 %, do 30 % happen?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_BINS = 10
ROWS_A_BIN = 10
"""With fewer rows in a bin its observed share says more about chance than about the model."""


@dataclass(frozen=True)
class Bin:
    """Rows of similar score: their number, their mean score and the share that happened."""

    rows: int
    said: float
    happened: float


def bins(scores: Floats, outcomes: Floats) -> tuple[Bin, ...]:
    """Up to ten bins of about as many rows each; equal scores always share a bin.

    Args:
        scores: shape (n,), probabilities.
        outcomes: shape (n,), 0.0 or 1.0.
    """
    if not len(scores):
        return ()
    wanted = min(MOST_BINS, max(1, len(scores) // ROWS_A_BIN))
    inner = np.unique(np.quantile(scores, np.linspace(0, 1, wanted + 1)[1:-1]))
    place = np.searchsorted(inner, scores, side="right")
    return tuple(
        Bin(int(here.sum()), float(scores[here].mean()), float(outcomes[here].mean()))
        for here in (place == number for number in np.unique(place))
    )


def expected_error(filled: tuple[Bin, ...]) -> float | None:
    """Expected calibration error: the mean of |said - happened| over all rows; None without any."""
    total = sum(one.rows for one in filled)
    if not total:
        return None
    return sum(one.rows * abs(one.said - one.happened) for one in filled) / total
