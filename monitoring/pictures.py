"""Two pictures as numbers ready to draw: where points lie inside a box of fixed size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.calibration import Bin
from monitoring.words import percent

WIDTH, HEIGHT = 320, 200
"""The box inside the axes, in the units of the drawing; a phone shows it about one to one."""
BARS = 20
SMALLEST, LARGEST = 3.0, 7.0
"""Radius of a point of few and of most cases."""


@dataclass(frozen=True)
class Point:
    """A dot of the reliability picture, with what a reader hears or sees on touching it."""

    x: float
    y: float
    radius: float
    says: str


@dataclass(frozen=True)
class Bar:
    """A bar of the distribution: now, filled, and the height that training had, as a line."""

    x: float
    width: float
    now: float
    training: float
    says: str


def reliability(curve: tuple[Bin, ...]) -> tuple[Point, ...]:
    """For each bin what was said (to the right) and what happened (upwards)."""
    most = max((one.rows for one in curve), default=1)
    return tuple(
        Point(
            x=one.said * WIDTH,
            y=(1 - one.happened) * HEIGHT,
            radius=SMALLEST + (LARGEST - SMALLEST) * float(np.sqrt(one.rows / most)),
            says=f"said {percent(one.said)}, happened {percent(one.happened)}, {one.rows} cases",
        )
        for one in curve
    )


def distribution(now: pd.Series, training: pd.Series) -> tuple[Bar, ...]:
    """How the scores spread over 0 to 1, as shares of all cases, now and in training."""
    here, there = _shares(now), _shares(training)
    scale = HEIGHT / max(here.max(), there.max())
    return tuple(
        Bar(
            x=place * WIDTH / BARS,
            width=WIDTH / BARS,
            now=here[place] * scale,
            training=there[place] * scale,
            says=f"score {place / BARS:.0%} to {(place + 1) / BARS:.0%}: now"
            f" {percent(here[place])} of all cases, in training {percent(there[place])}",
        )
        for place in range(BARS)
    )


def _shares(scores: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    counts, _ = np.histogram(scores.to_numpy(np.float64), bins=BARS, range=(0, 1))
    return counts / max(1, len(scores))
