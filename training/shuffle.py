"""A log in Parquet parted by subject: each bucket holds all that was said of some subjects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from firm.errors import CannotTrain
from firm.workflow import Workflow
from training.folding import ColumnFold
from training.partitions import BATCH
from training.rows import Ints

IN_MEMORY = 200_000
"""Events in a bucket."""
MOST_WORDS = 2**20
"""Different words of one text: codes of three texts together make one whole number."""


class OutOfOrder(CannotTrain):
    """The log is not in the order of time; `training.streaming` takes it in any order."""

    kind = "out-of-order"


@dataclass(slots=True)
class Shuffled:
    """The buckets, with what the codes in them stand for.

    Attributes:
        types: the code of each type of event.
        words: for each text that the fold keeps, its words in the order of their codes.
        numbers: the numbers that the fold keeps.
    """

    folder: Path
    types: dict[str, int] = field(default_factory=dict)
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)

    def buckets(self) -> Iterator[pl.DataFrame]:
        """Subject by subject, the events of each in the order of the log, repeated ones once."""
        for file in sorted(self.folder.glob("*.arrow")):
            frame = pl.read_ipc(file)
            if frame["id"].n_unique() < len(frame):
                frame = frame.unique(["subject", "id"], keep="first", maintain_order=True)
            yield frame.sort("subject", maintain_order=True)


def shuffle(workflow: Workflow, log: Path, folder: Path) -> Shuffled:
    """Read the log once, in its order, and write each event that the workflow folds to the bucket
    of its subject.

    Raises:
        CannotTrain: there is no log.
        OutOfOrder: an event is older than one before it.
    """
    files = sorted(log.glob("*.parquet"))
    if not files:
        raise CannotTrain(f"there is no log in {log}: it holds no Parquet file")
    fold = ColumnFold.of(workflow, pq.read_schema(files[0]))
    found = Shuffled(folder, {}, {name: {} for name in fold.texts}, fold.numbers)
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    offset, newest = 0, -1
    with _Buckets(folder, max(-(-rows // IN_MEMORY), 1)) as buckets:
        for file in files:
            for batch in _batches(file, fold.fields):
                at = batch["occurred_at"].cast(pa.int64()).to_numpy()
                newest = _check_order(at, newest, offset)
                coded = _coded(fold.fold(batch, offset), found)
                buckets.add(pl.DataFrame(pl.from_arrow(coded)))
                offset += len(batch)
    return found


def _batches(file: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """A reader keeps what it has decoded until it is let go of, so each lives for one file."""
    with pq.ParquetFile(file) as opened:
        yield from opened.iter_batches(BATCH, columns=columns)


def _coded(folded: pa.Table, found: Shuffled) -> pa.Table:
    columns = {
        "id": folded["id"],
        "subject": folded["subject"],
        "type": _codes(folded["type"], found.types),
        "occurred_at": folded["occurred_at"].cast(pa.int64()),
        "offset": folded["offset"],
        **{name: _codes(folded[name], words) for name, words in found.words.items()},
        **{name: folded[name].fill_null(np.nan) for name in found.numbers},
    }
    return pa.table(columns)


def _codes(column: pa.ChunkedArray, codes: dict[str, int]) -> pa.Array:
    """The words of a column as codes, new words with new codes; -1 where none stands."""
    encoded = column.combine_chunks().dictionary_encode()
    words = encoded.dictionary.to_pylist()
    table = np.array([codes.setdefault(word, len(codes)) for word in words] + [-1])
    if len(codes) > MOST_WORDS:
        raise CannotTrain(
            f"a text of the log has more than {MOST_WORDS:,} different words; leave it out of the "
            "fold, or replay with `training.streaming`"
        )
    return pa.array(table[encoded.indices.fill_null(-1).to_numpy()])


def _check_order(at: Ints, newest: int, offset: int) -> int:
    falls = np.flatnonzero(np.diff(at, prepend=newest) < 0)
    if len(falls):
        raise OutOfOrder(f"event {offset + int(falls[0]):,} of the log is older than one before it")
    return int(at[-1])


class _Buckets:
    """The files under way."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._open: dict[int, pa.RecordBatchFileWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._open.values():
            writer.close()

    def add(self, frame: pl.DataFrame) -> None:
        """Write events to the buckets of their subjects, in their order."""
        bucket = (frame["subject"].hash() % self._count).to_numpy()
        order = np.argsort(bucket, kind="stable")
        found, starts = np.unique(bucket[order], return_index=True)
        table = frame[order].to_arrow()
        ends = [*starts[1:].tolist(), len(order)]
        for number, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True):
            if number not in self._open:
                file = self._folder / f"{number:06d}.arrow"
                self._open[number] = pa.ipc.new_file(file, table.schema)
            self._open[number].write_table(table.slice(start, end - start))
