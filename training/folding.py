"""A log in Parquet folded by `firm.columns`: a batch of events at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from firm.columns import Amount, Keep, Stretch
from firm.errors import CannotTrain
from firm.time import DAY
from firm.workflow import Workflow
from training.partitions import BATCH

KEYS = ("id", "type", "subject", "occurred_at")


class Folded(Protocol):
    """The folded events of a log in its order, some at a time: `KEYS`, the `offset` in the log, and
    what is kept, texts as such and numbers as floats; what is missing is null, or its column is."""

    @property
    def texts(self) -> Sequence[str]:
        """The names under which texts are kept."""

    @property
    def numbers(self) -> Sequence[str]:
        """The names under which numbers are kept."""

    @property
    def events(self) -> int:
        """How many there are, or some more."""

    def __iter__(self) -> Iterator[pa.Table]: ...


class ParquetLog:
    """A log in a folder as a workflow whose fold is a `Keep` folds it.

    Raises CannotTrain where there is no log.
    """

    def __init__(self, workflow: Workflow, folder: Path) -> None:
        assert isinstance(workflow.fold, Keep)  # noqa: S101  (`columnar.unread` has looked)
        self._files = sorted(folder.glob("*.parquet"))
        if not self._files:
            raise CannotTrain(f"there is no log in {folder}: it holds no Parquet file")
        schema = pq.read_schema(self._files[0])
        kept = {n: k for n, k in workflow.fold.kept.items() if _field(k) in schema.names}
        self._types = pa.array([fact.type for fact in workflow.facts])
        self._kept = kept
        self.texts = [name for name, one in kept.items() if _is_text(one, schema)]
        self.numbers = [name for name in kept if name not in self.texts]
        self.events = sum(pq.read_metadata(file).num_rows for file in self._files)

    def __iter__(self) -> Iterator[pa.Table]:
        offset, fields = 0, [*KEYS, *dict.fromkeys(map(_field, self._kept.values()))]
        for file in self._files:
            for batch in _batches(file, fields):
                yield self._fold(batch, offset)
                offset += len(batch)

    def _fold(self, batch: pa.RecordBatch, offset: int) -> pa.Table:
        places = pa.array(np.arange(offset, offset + len(batch)))
        found = pa.table([*batch.columns, places], [*batch.schema.names, "offset"])
        found = found.filter(self._taken(batch)).combine_chunks()
        columns = {name: found[name] for name in (*KEYS, "offset")}
        columns |= {name: _kept(one, found) for name, one in self._kept.items()}
        return pa.table(columns)

    def _taken(self, batch: pa.RecordBatch) -> pa.Array:
        """An event with a sum in another currency is rejected, as the fold does when called."""
        taken = pc.is_in(batch["type"], self._types)
        for one in self._kept.values():
            if isinstance(one, Amount):
                currency = pc.struct_field(batch[one.field], "currency")
                taken = pc.and_(taken, pc.equal(currency, one.currency).fill_null(True))
        return taken


def _batches(file: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """A reader keeps what it has decoded until it is let go of, so each lives for one file."""
    with pq.ParquetFile(file) as opened:
        yield from opened.iter_batches(BATCH, columns=columns)


def _field(kept: str | Amount | Stretch) -> str:
    return kept if isinstance(kept, str) else kept.field


def _is_text(kept: str | Amount | Stretch, schema: pa.Schema) -> bool:
    if isinstance(kept, str):
        return bool(pa.types.is_string(schema.field(kept).type))
    return isinstance(kept, Stretch)


def _kept(kept: str | Amount | Stretch, events: pa.Table) -> pa.ChunkedArray | pa.Array:
    column = events[_field(kept)]
    if isinstance(kept, Amount):
        # through a text: the cast from a decimal does not give the nearest float
        return pc.struct_field(column, "amount").cast(pa.string()).cast(pa.float64())
    if isinstance(kept, Stretch):
        return _stretches(kept, column, events["occurred_at"])
    return column if pa.types.is_string(column.type) else _floats(column)


def _floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of numbers, flags or dates as `firm.columns.Keep` keeps them."""
    whole = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
    return whole.cast(pa.float64())


def _stretches(kept: Stretch, day: pa.ChunkedArray, occurred_at: pa.ChunkedArray) -> pa.Array:
    to_go = _floats(day).to_numpy() - occurred_at.cast(pa.int64()).to_numpy() / DAY
    place = np.searchsorted(kept.edges, to_go) + 1
    words = pa.array(["-1", *(str(n) for n in range(len(kept.edges) + 1))])
    return words.take(pa.array(np.where(np.isnan(to_go), 0, place)))
