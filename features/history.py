"""The past of the features: Parquet by month of the event, joined by Feast as of any instant."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from features.errors import NoPast
from features.names import join_key
from firm.ids import EventId, SubjectId
from firm.time import Micros, to_datetime
from firm.workflow import Row, Workflow

if TYPE_CHECKING:
    import pandas as pd
    from feast import FeatureStore

IN_MEMORY = 50_000
"""So many rows are held at once while they are sorted into months."""


class PastRow(NamedTuple):
    """A subject's features as they were when an event of it had been folded.

    Attributes:
        at: when the event happened; the features are as of then.
        row: in the order of `Workflow.feature_names`.
    """

    subject: SubjectId
    event: EventId
    at: Micros
    row: Row


def write_rows(folder: Path, workflow: Workflow, rows: Iterable[PastRow]) -> int:
    """Make these the past of a workflow, in place of what was there; return how many are kept.

    Rows come in the order of the log; of several of one subject and instant the last is kept.
    Memory holds `IN_MEMORY` rows, or those of one month if that is more.
    """
    place, parts = folder / workflow.slug, folder / f".{workflow.slug}.parts"
    ready = folder / f".{workflow.slug}.ready"
    for left_over in (parts, ready):
        shutil.rmtree(left_over, ignore_errors=True)
        left_over.mkdir(parents=True)
    _write_parts(parts, workflow, rows)
    months = sorted(parts.iterdir())
    kept = sum(_write_month(month, ready, workflow) for month in months)
    shutil.rmtree(parts)
    shutil.rmtree(place, ignore_errors=True)
    ready.rename(place)
    return kept


def historical(store: FeatureStore, workflow: Workflow, entity_frame: pd.DataFrame) -> pd.DataFrame:
    """Feast's point-in-time join: the features at or before each row's `event_timestamp`.

    Args:
        entity_frame: the subject's key (`project_id`, say), `event_timestamp` (aware), and any
            other columns.

    Returns:
        Its rows in their order, with a column for each feature, NaN where it is missing.

    Raises:
        NoPast: nothing was written yet.
    """
    _check_past(Path(store.config.repo_path or "") / workflow.slug)
    service = store.get_feature_service(workflow.slug)
    return store.get_historical_features(entity_df=entity_frame, features=service).to_df()


def _check_past(folder: Path) -> None:
    if not any(folder.glob("*.parquet")):
        raise NoPast(f"there are no rows in {folder}; replay the log into it first")


def _write_parts(folder: Path, workflow: Workflow, rows: Iterable[PastRow]) -> None:
    left, number = iter(rows), 0
    while chunk := list(islice(left, IN_MEMORY)):
        number += 1
        for month, some in _by_month(chunk).items():
            (folder / month).mkdir(exist_ok=True)
            _table(workflow, some).write_parquet(folder / month / f"{number:06d}.parquet")


def _by_month(rows: Iterable[PastRow]) -> dict[str, list[PastRow]]:
    months = defaultdict(list)
    for row in rows:
        months[f"{to_datetime(row.at):%Y-%m}"].append(row)
    return months


def _table(workflow: Workflow, rows: list[PastRow]) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {
        join_key(workflow.subject): pl.String(),
        "event_timestamp": pl.Datetime("us", "UTC"),
        "event_id": pl.String(),
        **dict.fromkeys(workflow.feature_names, pl.Float64()),
    }
    flat = ((r.subject, r.at, r.event, *r.row) for r in rows)
    return pl.DataFrame(list(flat), schema, orient="row", strict=True)


def _write_month(parts: Path, ready: Path, workflow: Workflow) -> int:
    """Which of two rows of one instant a join finds is not certain, so only one may stand."""
    key = [join_key(workflow.subject), "event_timestamp"]
    rows = pl.read_parquet(sorted(parts.iterdir())).unique(key, keep="last", maintain_order=True)
    rows.sort("event_timestamp").write_parquet(ready / f"{parts.name}.parquet")
    return rows.height
