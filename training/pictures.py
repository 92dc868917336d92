"""Two pictures for the model card: how far to trust the score, and what an alarm costs."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from training.quality import reliability
from training.rows import Floats

SIZE_INCHES = (4.5, 4.0)


def draw(outcome: Floats, probability: Floats, folder: Path) -> list[Path]:
    """Write `reliability.png` of n outcomes into the folder, and, where any of them is 1,
    `precision_recall.png`."""
    pictures = {"reliability.png": _reliability(outcome, probability)}
    if outcome.any():
        pictures["precision_recall.png"] = _precision_recall(outcome, probability)
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=120)
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
    axes.step(recall, precision, where="post")
    axes.axhline(float(outcome.mean()), color="0.7", linewidth=1)
    axes.set_title("What an alarm costs (grey: alarm at random)", fontsize=9)
    return figure


def _axes(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=across, ylabel=up)
    return figure, axes
