"""Training when the rows lie in files: models are fitted on all of them, and judged on a sample.

The use case is that of `training.train`. What it looks at (leaks, held-out rows, slices, the
served form) it sees in a sample of rows spread evenly over the log; what it fits, it fits from the
files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from firm.history import Entry
from firm.ids import EventId, decision_id
from firm.react import Arrival
from firm.time import Micros
from firm.workflow import Workflow
from training.either_way import replay_either_way
from training.fit import Fitted, parameters
from training.lessons import complemented
from training.material import Fits, Material, material
from training.partitions import Part, Parts
from training.rehearsal import rehearse
from training.replay import Replayed, Watch
from training.rows import UNKNOWN, Fingerprint, TrainingRows
from training.source import Source
from training.spill import SubjectsOnDisk

MOST_ROWS = 100_000
MOST_SUBJECTS = 20_000
"""Whose histories are looked through for values that know too much."""


@dataclass(frozen=True, slots=True)
class RowsInFiles(TrainingRows):
    """A sample of the rows to learn from, and where all of them lie."""

    material: Material

    def fingerprint(self) -> Fingerprint:
        """That of all rows."""
        return Parts(self.material.folder).fingerprint(self.material)


@dataclass(frozen=True, slots=True)
class SampledReplay(Replayed):
    """A replayed log of which only a sample of the rows is in memory."""

    on_disk: SubjectsOnDisk

    def histories(self, cut: Micros) -> list[Sequence[Entry]]:
        """The entries before the cut of up to MOST_SUBJECTS, spread over all."""
        every = max(len(self.on_disk) // MOST_SUBJECTS, 1)
        return list(self.on_disk.histories(cut, every))

    def entries(self) -> dict[EventId, Entry]:
        """The entries that asked for the rows of the sample, by the id of their event."""
        asked = set(self.rows.event.tolist())
        subjects = (self.on_disk[subject] for subject in set(self.rows.subject.tolist()))
        found = (entry for state in subjects for entry in state.history.entries)
        return {entry.event: entry for entry in found if entry.event in asked}


def in_files(
    folder: Path,
    fits: Fits,
    workflow: Workflow,
    arrivals: Iterable[Arrival],
    watch: Watch | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> Source:
    """A log of any length: replayed into the folder of the workflow in this one; `say` is told
    which way."""
    parts = replay_either_way(workflow, arrivals, folder / workflow.slug, watch, say)
    on_disk, rows = SubjectsOnDisk(parts.folder), _sample(workflow, parts)
    replayed = SampledReplay(rows, on_disk, {}, on_disk)
    return Source(replayed, partial(_learn, workflow, parts, rows), partial(_fit, fits))


def _fit(fits: Fits, workflow: Workflow, rows: TrainingRows) -> Fitted:
    assert isinstance(rows, RowsInFiles)  # noqa: S101  (`_learn` makes no others)
    return fits(workflow, rows.material, rehearse(workflow, rows, parameters(workflow)))


def _learn(workflow: Workflow, parts: Parts, sample: TrainingRows, cut: Micros) -> TrainingRows:
    taught = material(workflow, parts, cut)
    rows = sample.where((sample.as_of < cut) & (sample.as_of <= taught.until))
    known = rows.known_from < cut
    outcome = np.where(known, rows.outcome, np.nan)
    if taught.estimates is not None:
        outcome = complemented(workflow.slug, rows.event, outcome, known, taught.estimates)
    rows = rows.replace(outcome, np.where(known, rows.known_from, UNKNOWN))
    rows = rows.where(~np.isnan(outcome))
    columns = {field.name: getattr(rows, field.name) for field in fields(TrainingRows)}
    return RowsInFiles(**columns, material=taught)


def _sample(workflow: Workflow, parts: Parts) -> TrainingRows:
    every = max(-(-parts.count() // MOST_ROWS), 1)
    taken, seen = list[Part](), 0
    for part in parts.batches():
        taken.append(part.where((np.arange(len(part)) + seen) % every == 0))
        seen += len(part)
    names = ("subject", "event", "as_of", "outcome", "known_from", "partition", "offset")
    columns = {name: np.concatenate([getattr(part, name) for part in taken]) for name in names}
    decisions = [decision_id(workflow.slug, event) for event in columns["event"].tolist()]
    return TrainingRows(
        names=parts.names,
        decision=np.array(decisions, dtype=np.object_),
        features=np.concatenate([part.features for part in taken]).astype(np.float64),
        **columns,
    )
