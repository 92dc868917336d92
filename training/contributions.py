"""Which features move the score, and which way: exact TreeSHAP values of a sample of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from training.fit import Fitted
from training.pictures import DOTS_PER_INCH
from training.rows import Floats, TrainingRows

MOST_ROWS = 1000
MOST_FEATURES = 15
COLOURS = ListedColormap(
    [(0.13 + 0.72 * x, 0.40 - 0.10 * x, 0.85 - 0.62 * x) for x in np.linspace(0, 1, 64)]
)
MISSING = "0.75"
WIDEST = 0.4
"""Of a feature's band, to each side, where most rows lie."""


def draw_contributions(fitted: Fitted, rows: TrainingRows, folder: Path) -> Path:
    """Write `contributions.png`: a dot a row and feature, across by how far it moves the log-odds,
    coloured by the feature's value; the features that move most on top."""
    luck = np.random.default_rng(0)
    sample = rows.features[luck.permutation(len(rows))[:MOST_ROWS]]
    moved = fitted.contributions(sample)[:, :-1]
    top = np.argsort(-np.abs(moved).mean(axis=0), kind="stable")[:MOST_FEATURES][::-1]
    figure = Figure(figsize=(7.5, 1.2 + 0.3 * len(top)), layout="constrained")
    axes = figure.add_subplot(xlabel="moves the log-odds by")
    axes.axvline(0, color="0.7", linewidth=1)
    for band, column in enumerate(top):
        _swarm(axes, band, moved[:, column], sample[:, column], luck)
    axes.set_yticks(range(len(top)), [fitted.names[column] for column in top], fontsize=8)
    axes.set_title("What moves the score (blue: low values, red: high, grey: missing)", fontsize=9)
    figure.savefig(folder / "contributions.png", dpi=DOTS_PER_INCH)
    return folder / "contributions.png"


def _swarm(axes: Axes, band: int, moved: Floats, values: Floats, luck: np.random.Generator) -> None:
    there = ~np.isnan(values)
    y = band + luck.uniform(-1, 1, len(moved)) * WIDEST * _crowded(moved)
    axes.scatter(moved[~there], y[~there], s=5, color=MISSING, linewidths=0)
    axes.scatter(
        *(moved[there], y[there]),
        s=5,
        c=_rank(values[there]),
        cmap=COLOURS,
        linewidths=0,
        vmin=0,
        vmax=1,
    )


def _crowded(moved: Floats) -> Floats:
    """How many rows lie at about the same place, as a share of the most crowded one's."""
    counts, edges = np.histogram(moved, bins=40)
    place = np.clip(np.searchsorted(edges, moved, side="right") - 1, 0, len(counts) - 1)
    return np.asarray(counts[place] / counts.max(), dtype=np.float64)


def _rank(values: Floats) -> Floats:
    """Where each value stands among them, from 0 to 1; equal ones stand together."""
    _, place = np.unique(values, return_inverse=True)
    return place / max(int(place.max(initial=0)), 1)
