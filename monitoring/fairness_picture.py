"""The picture of fairness: each value's rate of being shown, beside the highest."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from monitoring.fairness import BASES, Basis, FairnessReport
from monitoring.fairness_words import ADVERSE, TOO_FEW, Line, labelled, table

COLOURS = {ADVERSE: "#b3261e", TOO_FEW: "0.85"}
WIDTH_INCHES, ROW_INCHES, MARGIN_INCHES = 7.0, 0.28, 1.6
DOTS_PER_INCH = 120


def draw(report: FairnessReport, file: Path) -> Path:
    """Write the picture as PNG; returns its file."""
    lines = table(report)
    height = MARGIN_INCHES + ROW_INCHES * max(len(lines), 2)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    figure.suptitle(f"How often shown, beside those shown most\n{labelled(report)}", fontsize=9)
    bases: list[Basis] = list(BASES)
    for place, basis in enumerate(bases, 1):
        own = [line for line in lines if line.basis == basis]
        axes = figure.add_subplot(1, len(bases), place, xlim=(0, 1.1))
        axes.set_title(BASES[basis].partition(",")[0], fontsize=8)
        names = [f"{line.attribute}: {line.value} ({line.people})" for line in own]
        axes.barh(names, [line.ratio or 0 for line in own], color=[_colour(line) for line in own])
        for row, line in enumerate(own):
            axes.text(0.02, row, line.says, va="center", fontsize=7)
        axes.axvline(report.impact_ratio, color="0.4", linewidth=1, linestyle="--")
        axes.set_xlabel(f"impact ratio (dashed: {report.impact_ratio:g})", fontsize=8)
        axes.tick_params(labelsize=7, labelleft=place == 1)
        axes.invert_yaxis()
    figure.savefig(file, dpi=DOTS_PER_INCH)
    return file


def _colour(line: Line) -> str:
    return COLOURS.get(line.says, "#9ecae1")
