"""Events as they arrive, replayed in columns: each is folded once, and then no longer an object."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any

import pyarrow as pa

from firm.errors import HeadwayError
from firm.events import Event, Position, ScoreRequested
from firm.history import Entry, History, Value, Values
from firm.ids import EventId, SubjectId
from firm.react import Arrival
from firm.reported import OutcomeReported
from firm.states import SubjectState
from firm.workflow import Workflow
from training.columnar import require_read, unread, write_rows
from training.folding import KEYS
from training.partitions import BATCH, Parts
from training.replay import concerns
from training.shuffle import NotInColumns, Shuffled, shuffle
from training.spill import SpilledStates
from training.streaming import SUBJECTS_IN_MEMORY


def replay_arrivals(workflow: Workflow, arrivals: Iterable[Arrival], folder: Path) -> Parts:
    """What `training.streaming.replay_to_parts` leaves in a folder, the states of subjects too (but
    for their outcomes), in columns. The fold is called, so it may be any function.

    Raises:
        NotInColumns: the rest of the declaration, or the log, cannot be replayed so.
        CannotTrain: the log asks for no score at all.
    """
    require_read(workflow, [part for part in unread(workflow) if part != "fold"])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        buckets = Path(scratch) / "buckets"
        buckets.mkdir()
        shuffled = shuffle(FoldedArrivals(workflow, arrivals, Path(scratch)), buckets)
        write_rows(workflow, shuffled, folder)
        _write_subjects(shuffled, folder)
    return Parts(folder)


class FoldedArrivals:
    """Arrivals, folded and written to a folder, to be gone through (`training.folding.Folded`)."""

    def __init__(self, workflow: Workflow, arrivals: Iterable[Arrival], folder: Path) -> None:
        self._folder = folder
        self._files = 0
        self.events = 0
        self._kinds: dict[str, type] = {}
        rows = _folded(workflow, arrivals)
        while some := list(islice(rows, BATCH)):
            self._write(some)

    @property
    def texts(self) -> list[str]:
        """The names under which texts are kept."""
        return [name for name, kind in self._kinds.items() if kind is str]

    @property
    def numbers(self) -> list[str]:
        """The names under which numbers are kept."""
        return [name for name, kind in self._kinds.items() if kind is float]

    def __iter__(self) -> Iterator[pa.Table]:
        for number in range(self._files):
            with pa.ipc.open_file(self._file(number)) as opened:
                yield opened.read_all()

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}.folded"

    def _write(self, some: list[tuple[Event, int, Values]]) -> None:
        events = [event for event, _, _ in some]
        columns = {key: pa.array([getattr(event, key) for event in events]) for key in KEYS}
        columns["offset"] = pa.array([offset for _, offset, _ in some], pa.int64())
        for name in dict.fromkeys(name for _, _, values in some for name in values):
            found = [values.get(name) for _, _, values in some]
            if (kind := self._kind(name, found)) is not None:
                columns[name] = pa.array(found, pa.string() if kind is str else pa.float64())
        table = pa.table(columns)
        with pa.ipc.new_file(self._file(self._files), table.schema) as opened:
            opened.write_table(table)
        self._files += 1
        self.events += len(some)

    def _kind(self, name: str, values: list[Value]) -> type | None:
        """Whether texts or numbers stand under a name; None where nothing does."""
        kinds = {type(value) for value in values if value is not None}
        if not kinds:
            return None
        known = self._kinds.setdefault(name, next(iter(kinds)))
        if kinds != {known} or known not in {str, float}:
            raise NotInColumns(f"{name!r} of the fold is neither a text nor a number throughout")
        return known


def _folded(workflow: Workflow, arrivals: Iterable[Arrival]) -> Iterator[tuple[Event, int, Values]]:
    """Each event with its offset and its values; what the fold rejects is left out."""
    for arrival in arrivals:
        event, position = arrival.event, arrival.position
        if not concerns(workflow, event):
            continue
        if isinstance(event.fact, ScoreRequested | OutcomeReported):
            raise NotInColumns(f"event {position.offset:,} of the log is a {event.type}")
        if position.partition:
            raise NotInColumns("the log has several partitions")
        try:
            values = workflow.fold(event)
        except HeadwayError:
            continue
        yield event, position.offset, values


def _write_subjects(shuffled: Shuffled, folder: Path) -> None:
    states = SpilledStates(folder, SUBJECTS_IN_MEMORY)
    types = {code: type_ for type_, code in shuffled.types.items()}
    words = {name: list(codes) for name, codes in shuffled.words.items()}
    for frame in shuffled.buckets():
        lives: dict[SubjectId, list[Entry]] = defaultdict(list)
        newest: dict[SubjectId, int] = {}
        for row in frame.iter_rows(named=True):
            lives[row["subject"]].append(_entry(row, types, words, shuffled.numbers))
            newest[row["subject"]] = row["offset"]
        for subject, entries in lives.items():
            place = Position(0, newest[subject])
            states.subjects[subject] = SubjectState(subject, History(entries), place)
        states.trim()
    states.close()


def _entry(
    row: Mapping[str, Any],
    types: Mapping[int, str],
    words: Mapping[str, Sequence[str]],
    numbers: Sequence[str],
) -> Entry:
    values: Values = {
        name: said[row[name]] if row[name] >= 0 else None for name, said in words.items()
    }
    values |= {name: None if isnan(row[name]) else row[name] for name in numbers}
    return Entry(row["occurred_at"], EventId(row["id"]), types[row["type"]], values)
