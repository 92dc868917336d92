"""Training rows on disk: Parquet by month, for logs that outgrow memory.

    rows/month=2016-03/000001.parquet       what was asked: subject, event, as_of, step, features
    outcomes/month=2016-03/000001.parquet   what became of it, in the order in which it was learnt

An outcome lies in the month of the row that it judges, however much later it comes, so each month
is joined by itself; of several outcomes of one row the last one stands.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from firm.errors import CannotTrain
from firm.time import Micros, to_datetime
from training.rows import UNKNOWN, Fingerprint, Flags, Floats, Ints

Served = NDArray[np.float32]
BATCH = 50_000
"""Rows that are held at once, when they are written and when they are read."""
INSTANT = pa.timestamp("us", "UTC")
KEYS = pa.schema(
    [
        ("subject", pa.string()),
        ("event", pa.string()),
        ("as_of", INSTANT),
        ("step", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)
OUTCOMES = pa.schema([("event", pa.string()), ("value", pa.float64()), ("known_at", INSTANT)])


def rows_schema(names: Sequence[str]) -> pa.Schema:
    """The columns of rows: `KEYS`, and the features in 32 bits, NaN where missing, in a structure
    of their own: a feature may be called `step`."""
    return pa.schema([*KEYS, ("features", pa.struct([(name, pa.float32()) for name in names]))])


def instants(micros: Iterable[Micros]) -> pa.Array:
    """A column of times, from microseconds since 1970."""
    return pa.array(list(micros), pa.int64()).cast(INSTANT)


@dataclass(frozen=True, slots=True)
class Part:
    """Up to BATCH rows, in the columns of `TrainingRows` but for what only the log needs.

    Attributes:
        features: (n, number of names), as they are served.
        outcome: 1.0 or 0.0; NaN while unknown. An estimate may lie between.
        known_from: when the outcome could first be learnt from, microseconds; UNKNOWN before.
        step: of the process; None where the workflow has none.
    """

    subject: NDArray[np.object_]
    event: NDArray[np.object_]
    as_of: Ints
    step: NDArray[np.object_]
    partition: Ints
    offset: Ints
    features: Served
    outcome: Floats
    known_from: Ints

    def __len__(self) -> int:
        return len(self.as_of)

    def where(self, keep: Flags) -> Part:
        """The rows at which `keep` is true, in the same order."""
        return replace(self, **{name: getattr(self, name)[keep] for name in self.__slots__})

    def replace(self, outcome: Floats) -> Part:
        """The same questions with other answers."""
        return replace(self, outcome=outcome)


class Parts:
    """The rows of a folder, read month by month: memory holds a batch and a month's outcomes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = sorted((folder / "rows").rglob("*.parquet"))
        if not files:
            raise CannotTrain(f"there are no rows in {folder}; replay a log into it first")
        features = pq.read_schema(files[0]).field("features").type
        self.names = tuple(field.name for field in features)

    def count(self) -> int:
        """How many rows there are."""
        files = (self.folder / "rows").rglob("*.parquet")
        return sum(pq.read_metadata(file).num_rows for file in files)

    def months(self, before: Micros = UNKNOWN) -> list[str]:
        """The months that may hold rows asked before an instant, oldest first."""
        last = f"{to_datetime(before):%Y-%m}" if before != UNKNOWN else "9999"
        found = (folder.name.removeprefix("month=") for folder in (self.folder / "rows").iterdir())
        return sorted(month for month in found if month <= last)

    def batches(self, before: Micros = UNKNOWN) -> Iterator[Part]:
        """All rows asked before an instant, by month."""
        for month in self.months(before):
            for part in self.month(month):
                keep = part.as_of < before
                if keep.any():
                    yield part if keep.all() else part.where(keep)

    def month(self, month: str) -> Iterator[Part]:
        """The rows of one month, each with what became of it."""
        judged = self._judged(month)
        for file in sorted((self.folder / "rows" / f"month={month}").glob("*.parquet")):
            with pq.ParquetFile(file) as opened:
                for batch in opened.iter_batches(BATCH):
                    yield self._part(pl.DataFrame(pl.from_arrow(batch)), judged)

    def fingerprint(self, parts: Iterable[Part]) -> Fingerprint:
        """Which rows these are: the same rows give the same, however they are cut into batches."""
        shas = [hashlib.sha256(msgspec.json.encode(self.names)) for _ in range(4)]
        spans: dict[int, tuple[int, int]] = {}
        count = 0
        for part in parts:
            whole = np.stack([part.as_of, part.known_from, part.partition, part.offset], axis=1)
            shas[0].update(whole.astype("<i8").tobytes())
            shas[1].update(part.outcome.astype("<f8").tobytes())
            shas[2].update(part.features.astype("<f4").tobytes())
            shas[3].update("".join(f"{event}\n" for event in part.event.tolist()).encode())
            _widen(spans, part)
            count += len(part)
        whole_sha = hashlib.sha256(b"".join(sha.digest() for sha in shas)).hexdigest()
        found = tuple((partition, *spans[partition]) for partition in sorted(spans))
        return Fingerprint(count, found, whole_sha)

    def _judged(self, month: str) -> pl.DataFrame:
        files = sorted((self.folder / "outcomes" / f"month={month}").glob("*.parquet"))
        if not files:
            return pl.DataFrame(pl.from_arrow(OUTCOMES.empty_table()))
        return (
            pl.scan_parquet(files, hive_partitioning=False)
            .unique("event", keep="last", maintain_order=True)
            .drop_nulls("value")
            .collect()
        )

    def _part(self, rows: pl.DataFrame, judged: pl.DataFrame) -> Part:
        joined = rows.join(judged, on="event", how="left", maintain_order="left")
        known = joined["known_at"].to_physical().fill_null(UNKNOWN)
        return Part(
            subject=joined["subject"].to_numpy(),
            event=joined["event"].to_numpy(),
            as_of=joined["as_of"].to_physical().to_numpy(),
            step=joined["step"].to_numpy(),
            partition=joined["partition"].cast(pl.Int64).to_numpy(),
            offset=joined["offset"].to_numpy(),
            features=joined["features"].struct.unnest().to_numpy(order="c"),
            outcome=joined["value"].fill_null(np.nan).to_numpy(),
            known_from=known.to_numpy(),
        )


def _widen(spans: dict[int, tuple[int, int]], part: Part) -> None:
    for partition in np.unique(part.partition).tolist():
        offsets = part.offset[part.partition == partition]
        low, high = spans.get(partition, (int(offsets[0]), int(offsets[0])))
        spans[partition] = (min(low, int(offsets.min())), max(high, int(offsets.max())))


class PartsWriter:
    """Writes rows and outcomes into a folder; each call adds a file to the months it touches."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._schema = rows_schema(names)
        self._files = 0
        for kind in ("rows", "outcomes"):
            shutil.rmtree(folder / kind, ignore_errors=True)
            (folder / kind).mkdir(parents=True)

    def rows(self, keys: Sequence[pa.Array], features: Served) -> None:
        """Add n rows: the columns of `KEYS`, and the features (n, number of names)."""
        kind = self._schema.field("features").type
        packed = pa.StructArray.from_arrays([pa.array(c) for c in features.T], fields=list(kind))
        self._write("rows", pa.table([*keys, packed], self._schema), keys[2])

    def outcomes(self, columns: Sequence[pa.Array], asked: pa.Array) -> None:
        """Add outcomes: the columns of `OUTCOMES`, and when each of the rows that they judge was
        asked."""
        self._write("outcomes", pa.table(columns, OUTCOMES), asked)

    def _write(self, kind: str, table: pa.Table, at: pa.Array) -> None:
        self._files += 1
        months = at.cast(pa.int64()).to_numpy().astype("datetime64[us]").astype("datetime64[M]")
        order = np.argsort(months, kind="stable")
        found, starts = np.unique(months[order], return_index=True)
        for month, some in zip(found, np.split(order, starts[1:]), strict=True):
            folder = self._folder / kind / f"month={month}"
            folder.mkdir(exist_ok=True)
            file = folder / f"{self._files:06d}.parquet"
            pq.write_table(table.take(some), file, row_group_size=BATCH)
