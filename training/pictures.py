"""Pictures for the model card: how far to trust the score, what an alarm costs, what it finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from training.quality import reliability
from training.rows import Floats
from training.trial import Trial

SIZE_INCHES = (4.5, 4.0)
DOTS_PER_INCH = 120
STOPS = (0.1, 0.2, 0.5)
"""Shares of the cases at which the gains are told in figures."""


def draw(trial: Trial, folder: Path) -> list[Path]:
    """Write `reliability.png` into the folder and, where any outcome is 1, `precision_recall.png`
    and `gains.png`."""
    outcome, probability = trial.outcome, trial.probability
    pictures = {"reliability.png": _reliability(outcome, probability)}
    if outcome.any():
        pictures["precision_recall.png"] = _precision_recall(outcome, probability)
        pictures["gains.png"] = _gains(outcome, probability)
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=DOTS_PER_INCH)
    return [folder / name for name in pictures]


def _reliability(outcome: Floats, probability: Floats) -> Figure:
    bins = reliability(outcome, probability)
    figure, axes = _axes("score", "share that came true")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot([b.predicted for b in bins], [b.observed for b in bins], marker="o")
    for b in bins:
        axes.annotate(
            f"{b.n:,}",
            (b.predicted, b.observed),
            fontsize=7,
            xytext=(3, -9),
            textcoords="offset points",
        )
    axes.set_title("When it says 30 %, is it 30 %? (rows per point)", fontsize=9)
    return figure


def _precision_recall(outcome: Floats, probability: Floats) -> Figure:
    precision, recall, _ = precision_recall_curve(outcome, probability)
    figure, axes = _axes(
        "recall: share of the true ones that are found", "precision: share of alarms that are true"
    )
    found = recall > 0
    axes.step(recall[found], precision[found], where="post")
    axes.axhline(float(outcome.mean()), color="0.7", linewidth=1)
    axes.set_title("What an alarm costs (grey: alarm at random)", fontsize=9)
    return figure


def _gains(outcome: Floats, probability: Floats) -> Figure:
    found = np.cumsum(outcome[np.argsort(-probability, kind="stable")]) / outcome.sum()
    looked_at = np.arange(1, len(outcome) + 1) / len(outcome)
    figure, axes = _axes(
        "share of cases looked at, highest score first", "share of the true ones found"
    )
    axes.plot([0, outcome.mean(), 1], [0, 1, 1], color="0.7", linewidth=1, linestyle="--")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot([0, *looked_at], [0, *found])
    for stop in STOPS:
        at = float(np.interp(stop, looked_at, found))
        axes.plot(stop, at, marker="o", color="C0", markersize=4)
        axes.annotate(f"{at:.0%}", (stop, at), (6, -10), textcoords="offset points", fontsize=8)
    axes.set_title("What a part finds (grey: at random; dashed: at best)", fontsize=9)
    return figure


def _axes(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot(xlim=(-0.03, 1.03), ylim=(-0.05, 1.03), xlabel=across, ylabel=up)
    return figure, axes
