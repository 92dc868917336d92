"""A trial by walking forward: each model is judged on what came after all that it had seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from firm.errors import CannotTrain
from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from training.fit import Fitted, fit
from training.quality import Quality, quality
from training.rows import Floats, TrainingRows

HELD_OUT = 0.5
"""Share of the rows to judge on, the most recent ones, on which models are judged."""
STEPS = 5
"""How often in that time a model is fitted anew, as it would be in service: one fit on the oldest
half alone would say little about a model that has seen everything."""

Fitting = Callable[[Workflow, TrainingRows], Fitted]


class Split(NamedTuple):
    """Rows to learn from, and later ones to judge on; neither is empty.

    No outcome of the earlier rows became known at or after the first of the held-out ones.
    """

    earlier: TrainingRows
    held_out: TrainingRows


class Trial(NamedTuple):
    """The held-out outcomes (n), the scores (n) of models that had not seen them, the constants
    (n) that those models had to beat, the figures."""

    outcome: Floats
    probability: Floats
    constant: Floats
    quality: Quality


def walk_forward(
    workflow: Workflow,
    rows: TrainingRows,
    lessons: Callable[[Micros], TrainingRows] | None = None,
) -> list[Split]:
    """Part rows whose outcomes are known into up to STEPS splits, oldest first.

    `lessons` says what was to be learnt from at an instant; the rows known by then, without it.

    Raises:
        CannotTrain: there are too few rows for any split.
    """
    learn = lessons or rows.known_at
    splits = [
        Split(learn(start), rows.where((rows.as_of >= start) & (rows.as_of < end)))
        for start, end in _steps(rows)
    ]
    splits = [split for split in splits if len(split.earlier)]
    if not splits:
        raise CannotTrain(
            f"{workflow.slug}: {len(rows):,} rows with a known outcome{_until(rows)} are too few "
            "to learn from some and judge on later ones; choose a later cut or wait for outcomes"
        )
    return splits


def try_out(workflow: Workflow, splits: list[Split], fitting: Fitting = fit) -> Trial:
    """Fit on the earlier rows of each split, score its held-out ones, and judge all together.

    Raises:
        CannotTrain: the earlier rows of a split have one outcome only.
    """
    fitted = [fitting(workflow, split.earlier) for split in splits]
    sizes = [len(split.held_out) for split in splits]
    outcome = np.concatenate([split.held_out.outcome for split in splits])
    probability = np.concatenate(
        [
            model.predict(split.held_out.features)
            for model, split in zip(fitted, splits, strict=True)
        ]
    )
    constant = np.repeat([model.base_rate for model in fitted], sizes)
    return Trial(outcome, probability, constant, quality(outcome, probability, constant))


def _steps(rows: TrainingRows) -> list[tuple[Micros, Micros]]:
    if not len(rows):
        return []
    shares = np.linspace(1 - HELD_OUT, 1, STEPS, endpoint=False)
    starts = np.unique(np.quantile(rows.as_of, shares, method="lower")).tolist()
    ends = [*starts[1:], int(rows.as_of.max()) + 1]
    return list(zip(starts, ends, strict=True))


def _until(rows: TrainingRows) -> str:
    return f", the last of {to_datetime(int(rows.as_of.max())).date()}," if len(rows) else ""
