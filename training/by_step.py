"""Rows by the step of the process at which they were asked: pooled figures flatter the model that
only tells the steps apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firm.workflow import Workflow
from training.quality import Quality, quality
from training.replay import Replayed
from training.rows import Floats, TrainingRows


def steps_of(workflow: Workflow, replayed: Replayed, rows: TrainingRows) -> list[str | None]:
    """The step of each row's entry; None where the workflow has none."""
    if workflow.step is None:
        return [None] * len(rows)
    entries = replayed.entries()
    found = (entries.get(event) for event in rows.event.tolist())
    return [None if entry is None else workflow.step(entry) for entry in found]


def quality_by(
    keys: Sequence[str | None],
    outcome: Floats,
    probability: Floats,
    constant: Floats,
    least: int = 1,
    most: int | None = None,
) -> dict[str, Quality]:
    """The quality by key, of the `most` frequent keys that have at least so many of the n rows."""
    column = np.array(["" if key is None else key for key in keys], dtype=np.str_)
    names, counts = np.unique(column, return_counts=True)
    frequent = sorted(zip((-counts).tolist(), names.tolist(), strict=True))[:most]
    kept = sorted(name for count, name in frequent if name and -count >= least)
    return {
        name: quality(outcome[here], probability[here], constant[here])
        for name in kept
        for here in [column == name]
    }
