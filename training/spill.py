"""States of more subjects than memory holds: those not touched of late lie in a file."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from firm.history import Entry
from firm.ids import EventId, SubjectId
from firm.states import States, SubjectState, decode_subject, encode_state
from firm.time import Micros
from firm.vocabulary import Known
from firm.workflow import Workflow

FILE = "subjects.sqlite"
_TABLES = """
    create table subject (id text primary key, state blob not null) without rowid;
    create table came (event text primary key, at integer not null) without rowid;
"""


class SpilledStates(States):
    """States of which only the `in_memory` subjects touched last are in memory, or twice as many.

    The groups stay: they hold no more than their buckets.
    """

    def __init__(self, folder: Path, in_memory: int) -> None:
        super().__init__()
        (folder / FILE).unlink(missing_ok=True)
        self._in_memory = in_memory
        self._file = sqlite3.connect(folder / FILE, isolation_level=None)
        self._file.execute("pragma journal_mode = off")
        self._file.execute("pragma synchronous = off")
        self._file.executescript(_TABLES)

    def subject(self, subject: SubjectId) -> SubjectState:
        """The state of a subject, brought back from the file if it lies there."""
        self._recall(subject)
        return super().subject(subject)

    def known(self, workflow: Workflow, subject: SubjectId, as_of: Micros) -> Known:
        """What is known of a subject as of an instant; raises UnknownSubject."""
        self._recall(subject)
        return super().known(workflow, subject, as_of)

    def trim(self) -> None:
        """Write what has not been touched for long to the file, once there is enough of it."""
        if len(self.subjects) > 2 * self._in_memory:
            self._spill(len(self.subjects) - self._in_memory)

    def came(self, event: EventId, watermark: Micros) -> None:
        """Note of an event that is older than others before it how far the log had advanced."""
        self._file.execute("insert or ignore into came values (?, ?)", (event, watermark))

    def close(self) -> None:
        """Write all states to the file: `SubjectsOnDisk` reads them."""
        self._spill(len(self.subjects))
        self._file.close()

    def _recall(self, subject: SubjectId) -> None:
        state = self.subjects.pop(subject, None) or self._read(subject)
        if state is not None:
            self.subjects[subject] = state

    def _read(self, subject: SubjectId) -> SubjectState | None:
        found = self._file.execute("select state from subject where id = ?", (subject,)).fetchone()
        return None if found is None else decode_subject(found[0])

    def _spill(self, count: int) -> None:
        oldest = list(islice(self.subjects, count))
        states = ((subject, encode_state(self.subjects.pop(subject))) for subject in oldest)
        self._file.execute("begin")
        self._file.executemany("insert or replace into subject values (?, ?)", states)
        self._file.execute("commit")


class SubjectsOnDisk(Mapping[SubjectId, SubjectState]):
    """The states that a replay has left in a folder, read one by one."""

    def __init__(self, folder: Path) -> None:
        self._file = sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)

    def __getitem__(self, subject: SubjectId) -> SubjectState:
        query = "select state from subject where id = ?"
        found = self._file.execute(query, (subject,)).fetchone()
        if found is None:
            raise KeyError(subject)
        return decode_subject(found[0])

    def __iter__(self) -> Iterator[SubjectId]:
        for (subject,) in self._file.execute("select id from subject"):
            yield subject

    def __len__(self) -> int:
        (count,) = self._file.execute("select count(*) from subject").fetchone()
        return int(count)

    def histories(self, cut: Micros, every: int = 1) -> HistoriesOnDisk:
        """The entries of each subject, or of one in so many, that had happened, and had come,
        before the cut."""
        late = self._file.execute("select event from came where at >= ?", (cut,))
        return HistoriesOnDisk(self, cut, frozenset(event for (event,) in late), every)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def states(self, every: int) -> Iterator[SubjectState]:
        """The state of one subject in so many, in the order of their ids."""
        query = "select state from subject order by id"
        for (state,) in islice(self._file.execute(query), 0, None, every):
            yield decode_subject(state)


class HistoriesOnDisk(Sequence[Sequence[Entry]]):
    """The histories before a cut, to be gone through: each pass reads the file anew."""

    def __init__(
        self, subjects: SubjectsOnDisk, cut: Micros, came_after: frozenset[str], every: int
    ) -> None:
        self._subjects = subjects
        self._cut = cut
        self._came_after = came_after
        self._every = every

    def __iter__(self) -> Iterator[Sequence[Entry]]:
        for state in self._subjects.states(self._every):
            entries = state.history.entries
            before = entries[: bisect_left(entries, self._cut, key=lambda entry: entry.at)]
            if found := [e for e in before if e.event not in self._came_after]:
                yield found

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, place: int) -> Sequence[Entry]:  # type: ignore[override]
        return next(islice(self, place, None))
