"""Logs in files, CSV, Parquet or XES, read as records of a vendor."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from firm.mapping import LogMapping
from headway.xes import UnreadableLog, read_xes

FILES = ("*.csv.gz", "*.csv", "*.parquet", "*.xes.gz", "*.xes")
SLICE = 10_000
Record = dict[str, Any]


def read_records(file: Path, mapping: LogMapping, only_mapped: bool = False) -> Iterator[Record]:
    """The records of a file in their order; with `only_mapped`, just the columns that are read.

    A value of a CSV or XES file is a text, one of a Parquet file is what it is typed as; missing
    ones are None.

    Raises:
        UnreadableLog: it is no such file, or lacks a column that the mapping reads.
    """
    frame = _frame(file, mapping)
    if lacking := sorted(mapping.columns - set(frame.columns)):
        raise UnreadableLog(
            f"{file} has no column {lacking}, which mapping {mapping.name!r} reads; it has "
            f"{frame.columns}: mend the mapping, or name the right one with --mapping"
        )
    if only_mapped:
        frame = frame.select(sorted(mapping.columns))
    for part in frame.iter_slices(SLICE):
        yield from part.to_dicts()


def columns_of(file: Path, mapping: LogMapping) -> set[str]:
    """The columns of a file, as the mapping's separator cuts them."""
    return set(_frame(file, mapping, most=1).columns)


def _frame(file: Path, mapping: LogMapping, most: int | None = None) -> pl.DataFrame:
    """The rows of a file, or at most so many of them where its format says its columns at once."""
    kind = next((s for s in reversed(file.suffixes) if s != ".gz"), "")
    try:
        if kind == ".parquet":
            return pl.read_parquet(file, n_rows=most)
        if kind == ".xes":
            return pl.from_dicts(list(read_xes(file)), infer_schema_length=None)
        frame = pl.read_csv(file, infer_schema=False, separator=mapping.separator, n_rows=most)
        return frame.filter(pl.any_horizontal(pl.all().is_not_null()))  # a blank line is no record
    except (PolarsError, OSError) as error:
        why = _what_of_a_text(file, mapping, str(error))
        raise UnreadableLog(f"{file} cannot be read: {why}") from error


def _what_of_a_text(file: Path, mapping: LogMapping, said: str) -> str:
    """What of a CSV cannot be read, and in which line; what was `said` where it is not found."""
    open_ = gzip.open if file.suffix == ".gz" else open
    with suppress(OSError, EOFError, csv.Error), open_(file, "rb") as content:
        found = _other_text(content) if "utf-8" in said else _longer_line(content, mapping)
        return found or said
    return said


def _other_text(content: Iterable[bytes]) -> str:
    lines = enumerate(content, 1)
    other = next((n for n, line in lines if line.decode(errors="ignore").encode() != line), None)
    return f"line {other} is not UTF-8; save the file as UTF-8" if other else ""


def _longer_line(content: Iterable[bytes], mapping: LogMapping) -> str:
    text = (line.decode(errors="replace") for line in content)
    lines = csv.reader(text, delimiter=mapping.separator)
    width = len(next(lines, []))
    advice = f"put quotes around a value that holds a {mapping.separator!r}"
    if width == 1:
        advice = f"if another sign than {mapping.separator!r} parts them, name it in the mapping"
    for values in lines:
        if len(values) > width:
            return f"line {lines.line_num} has {len(values)} values for {width} columns; {advice}"
    return ""
