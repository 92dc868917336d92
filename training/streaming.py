"""The log replayed into Parquet: the rows of `training.replay` in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from firm.decision import Asked, Judged
from firm.events import Position
from firm.history import Entry
from firm.ids import EventId
from firm.react import Arrival, Batch
from firm.time import Micros
from firm.workflow import Workflow
from training.partitions import BATCH, Parts, PartsWriter, Served, instants
from training.replay import Watch, one_by_one
from training.rows import matrix
from training.spill import SpilledStates

SUBJECTS_IN_MEMORY = 20_000


def replay_to_parts(
    workflow: Workflow,
    arrivals: Iterable[Arrival],
    folder: Path,
    subjects_in_memory: int = SUBJECTS_IN_MEMORY,
    watch: Watch | None = None,
) -> Parts:
    """Fold the log in its order from nothing, and write each question, and what became of it.

    What stood in the folder of an earlier replay is replaced. Beside the rows it keeps the states
    of all subjects, from which leaks are seen and labels estimated (`training.spill`). `watch` is
    that of `training.replay`.

    Raises:
        CannotTrain: the log asks for no score at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    states = SpilledStates(folder, subjects_in_memory)
    kept = _Kept(workflow, PartsWriter(folder, workflow.feature_names))
    for arrival, batch in one_by_one(workflow, arrivals, states, states.came):
        kept.take(batch, arrival.position, states.watermark)
        if watch is not None:
            for asked in batch.asked:
                watch(asked, states)
        states.trim()
    kept.flush()
    states.close()
    return Parts(folder)


class _Kept:
    """Questions and outcomes on their way to the files."""

    def __init__(self, workflow: Workflow, writer: PartsWriter) -> None:
        self._workflow = workflow
        self._writer = writer
        self._asked: list[tuple[Asked, str | None, Position]] = []
        self._judged: list[tuple[Judged, Micros, Micros]] = []

    def take(self, batch: Batch, position: Position, watermark: Micros) -> None:
        """Take over what one arrival asked and judged."""
        entries = {e.event: e for s in batch.subjects.values() for e in s.history.entries}
        for judged in batch.judged.values():
            known_from = max(judged.known_at, watermark)
            self._judged.append((judged, known_from, entries[judged.event].at))
        for asked in batch.asked:
            entry = entries.get(EventId(asked.cause))
            self._asked.append((asked, self._step(entry), position))
        if len(self._asked) + len(self._judged) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what has been taken over."""
        if self._asked:
            self._writer.rows(self._keys(), self._features())
        if self._judged:
            self._writer.outcomes(self._outcomes(), instants(at for _, _, at in self._judged))
        self._asked, self._judged = [], []

    def _step(self, entry: Entry | None) -> str | None:
        step = self._workflow.step
        return None if entry is None or step is None else step(entry)

    def _keys(self) -> list[pa.Array]:
        return [
            pa.array([asked.subject for asked, _, _ in self._asked]),
            pa.array([asked.cause for asked, _, _ in self._asked]),
            instants(asked.as_of for asked, _, _ in self._asked),
            pa.array([step for _, step, _ in self._asked], pa.string()),
            pa.array([position.partition for _, _, position in self._asked], pa.int32()),
            pa.array([position.offset for _, _, position in self._asked], pa.int64()),
        ]

    def _features(self) -> Served:
        rows = [asked.row for asked, _, _ in self._asked]
        return matrix(rows, len(self._workflow.feature_names)).astype(np.float32)

    def _outcomes(self) -> list[pa.Array]:
        return [
            pa.array([judged.event for judged, _, _ in self._judged]),
            pa.array([judged.value for judged, _, _ in self._judged], pa.float64()),
            instants(known_from for _, known_from, _ in self._judged),
        ]
