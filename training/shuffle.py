"""A folded log parted by subject: each bucket holds all that was said of some subjects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa

from firm.errors import CannotTrain
from training.folding import KEYS, Folded

IN_MEMORY = 200_000
"""Events in a bucket."""
LATE = "(late)"
"""The column that says whether an event is older than one before it."""
MOST_WORDS = 2**20
"""Different words of one text: codes of three texts together make one whole number."""


class NotInColumns(CannotTrain):
    """The log holds what columns cannot answer; `training.streaming` replays any log."""

    kind = "not-in-columns"


class OutOfOrder(NotInColumns):
    """The log is not in the order of time."""

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
        """Subject by subject, the events of each in the order of the log, repeated ones once.

        Raises OutOfOrder where one that is not repeated is older than one before it.
        """
        for file in sorted(self.folder.glob("*.arrow")):
            frame = pl.read_ipc(file)
            if frame["id"].n_unique() < len(frame):
                frame = frame.unique(["subject", "id"], keep="first", maintain_order=True)
            if (late := frame.filter(LATE)["offset"]).len():
                raise OutOfOrder(f"event {late[0]:,} of the log is older than one before it")
            yield frame.sort("subject", maintain_order=True)


def shuffle(folded: Folded, folder: Path) -> Shuffled:
    """Go through the log once, and write each event to the bucket of its subject.

    Raises NotInColumns where the fold keeps something under the name of a column of the log.
    """
    if taken := {*KEYS, "offset", LATE}.intersection([*folded.texts, *folded.numbers]):
        raise NotInColumns(f"the fold keeps something as {', '.join(sorted(taken))}")
    found = Shuffled(folder, {}, {name: {} for name in folded.texts}, list(folded.numbers))
    newest = -1
    with _Buckets(folder, max(-(-folded.events // IN_MEMORY), 1)) as buckets:
        for table in filter(len, folded):
            coded = pl.DataFrame(pl.from_arrow(_coded(table, found)))
            at = coded["occurred_at"].to_numpy()
            before = np.maximum.accumulate(np.concatenate([[newest], at]))
            buckets.add(coded.with_columns(pl.Series(LATE, at < before[:-1])))
            newest = int(before[-1])
    return found


def _coded(folded: pa.Table, found: Shuffled) -> pa.Table:
    columns = {
        "id": folded["id"],
        "subject": folded["subject"],
        "type": _codes(folded["type"], found.types),
        "occurred_at": folded["occurred_at"].cast(pa.int64()),
        "offset": folded["offset"],
        **{name: _codes(_column(folded, name, pa.string()), w) for name, w in found.words.items()},
        **{n: _column(folded, n, pa.float64()).fill_null(np.nan) for n in found.numbers},
    }
    return pa.table(columns)


def _column(folded: pa.Table, name: str, type_: pa.DataType) -> pa.ChunkedArray:
    if name in folded.column_names:
        return folded[name]
    return pa.chunked_array([pa.nulls(len(folded), type_)])


def _codes(column: pa.ChunkedArray, codes: dict[str, int]) -> pa.Array:
    """The words of a column as codes, new words with new codes; -1 where none stands."""
    encoded = column.combine_chunks().dictionary_encode()
    words = encoded.dictionary.to_pylist()
    table = np.array([codes.setdefault(word, len(codes)) for word in words] + [-1])
    if len(codes) > MOST_WORDS:
        raise NotInColumns(
            f"a text of the log has more than {MOST_WORDS:,} different words; leave it out of the "
            "fold, or replay with `training.streaming`"
        )
    return pa.array(table[encoded.indices.fill_null(-1).to_numpy()])


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
