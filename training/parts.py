"""Rows by the part that they belong to (the step of the process, a declared slice): pooled figures
flatter the model that only tells the parts apart, and hide the part in which it fails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firm.errors import CannotTrain
from firm.workflow import Workflow, newest_text
from training.quality import Quality, quality
from training.replay import Replayed
from training.rows import Floats, TrainingRows


class Parting:
    """Which part each row of a log belongs to.

    Args:
        rows: all rows of the log.
        keys: the part of each; None where it belongs to none.
    """

    def __init__(self, rows: TrainingRows, keys: Sequence[str | None]) -> None:
        self._of = dict(zip(rows.event.tolist(), keys, strict=True))

    def of(self, rows: TrainingRows) -> list[str | None]:
        """The part of each of these rows."""
        return [self._of[event] for event in rows.event.tolist()]

    def constant(self, learnt: TrainingRows, judged: TrainingRows) -> Floats:
        """What a constant for each part would answer to the judged rows (n): the part's own base
        rate in what was learnt from; that of all of it, for a part that was not among it."""
        overall = float(learnt.outcome.mean())
        column = _column(self.of(learnt))
        rates = {
            name: float(learnt.outcome[column == name].mean()) for name in np.unique(column) if name
        }
        return np.array([rates.get(key or "", overall) for key in self.of(judged)])


def steps(workflow: Workflow, replayed: Replayed) -> Parting:
    """By the step of the process at which it was asked; none where the workflow has no steps."""
    if workflow.step is None:
        return Parting(replayed.rows, [None] * len(replayed.rows))
    entries = replayed.entries()
    found = (entries.get(event) for event in replayed.rows.event.tolist())
    keys = [None if entry is None else workflow.step(entry) for entry in found]
    return Parting(replayed.rows, keys)


def slices(workflow: Workflow, replayed: Replayed) -> dict[str, Parting]:
    """By each of the declared slices: a text as it was folded last, else the value of a feature.

    Raises:
        CannotTrain: one is neither. A text that the log leaves empty parts nothing.
    """
    declared = workflow.model.gates.slices
    return {name: _sliced(replayed, name) for name in (declared.by if declared else ())}


def _sliced(replayed: Replayed, name: str) -> Parting:
    rows = replayed.rows
    asked = zip(rows.subject.tolist(), rows.as_of.tolist(), strict=True)
    keys = [newest_text(replayed.history(subject, at), name) for subject, at in asked]
    if any(keys) or (name not in rows.names and _is_folded(replayed, name)):
        return Parting(rows, keys)
    if name not in rows.names:
        raise CannotTrain(
            f"the gates are to be held for each {name!r}, which is neither a text that is folded "
            "nor a feature; name one in `Slices.by`"
        )
    values = rows.features[:, rows.names.index(name)].tolist()
    return Parting(rows, [None if np.isnan(value) else f"{value:g}" for value in values])


def _is_folded(replayed: Replayed, name: str) -> bool:
    """Whether entries have a value of this name, though the log may leave each of them empty."""
    histories = (state.history.entries for state in replayed.subjects.values())
    return any(name in entry.values for entries in histories for entry in entries)


def quality_by(
    keys: Sequence[str | None],
    outcome: Floats,
    probability: Floats,
    constant: Floats,
    least: int = 1,
    most: int | None = None,
) -> dict[str, Quality]:
    """The quality by key, of the `most` frequent keys that have at least so many of the n rows."""
    column = _column(keys)
    names, counts = np.unique(column, return_counts=True)
    frequent = sorted(zip((-counts).tolist(), names.tolist(), strict=True))[:most]
    kept = sorted(name for count, name in frequent if name and -count >= least)
    return {
        name: quality(outcome[here], probability[here], constant[here])
        for name in kept
        for here in [column == name]
    }


def _column(keys: Sequence[str | None]) -> NDArray[np.str_]:
    return np.array(["" if key is None else key for key in keys], dtype=np.str_)
