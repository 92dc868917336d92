"""A log replayed in columns gives the rows of the replay in memory, to the last bit."""

import gzip
from collections.abc import Callable, Sequence
from csv import DictReader
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from msgspec import structs

import data
from bench.work_items import PHASES, WORKFLOW, arrivals, write_log
from firm.canonical import Canonicaliser
from firm.errors import CannotTrain
from firm.events import Event, StatusReported
from firm.mapping import read_mapping
from firm.vocabulary import (
    Expr,
    code,
    constant,
    days_in,
    days_since_known,
    days_until,
    events,
    is_in,
    known_count,
    known_rate,
    known_total,
    newest_count,
    newest_total,
    ordered,
    series,
)
from firm.workflow import GroupBy, Workflow
from tests.unit.firm.samples import NOW, arriving
from tests.unit.training.small import WORKFLOW as CALLED
from tests.unit.training.small import feature
from tests.unit.training.test_partitions import require_same
from training import shuffle, vectors
from training.columnar import replay_columns, unread
from training.replay import replay_whole
from training.shuffle import OutOfOrder
from workflows.delivery_risk import WORKFLOW as DELIVERY_RISK

hours = series("hours")
week = hours.within(7)
WORDS: dict[str, Expr] = {
    "total": hours.total(),
    "mean": hours.mean(),
    "highest": hours.highest(),
    "lowest": hours.lowest(),
    "last": hours.last(),
    "before": hours.last(2),
    "first": hours.first(),
    "fading": hours.fading(0.7),
    "week_total": week.total(),
    "week_mean": week.mean(),
    "week_fading": week.fading(0.5),
    "week_changes": week.changes().total(),
    "month_lowest": hours.within(30).lowest(),
    "changes": hours.changes().mean(),
    "large": hours.above(5).total() / hours.above(5).count(),
    "gentle": hours.changes().clip(-3, 2).fading(0.5),
    "moved": hours.changes().clip(-2, 0).nonzero().days_since(),
    "age": events().days_from_first(),
    "reviews": events("bench.work_reviewed").count(),
    "unheard": events("bench.unheard").count(),
    "until": days_until("hours"),
    "phase": ordered("phase", {p: float(n) for n, p in enumerate(PHASES[:3])}),
    "phase_code": code("phase"),
    "building": is_in("phase", "build", "check"),
    "in_phase": days_in("phase"),
    "no_text": code("hours"),
    "no_number": series("phase").last().otherwise(-1),
    "both": hours.first() + hours.last(),
    "clipped": (hours.last() - 4).clip(-1, 1),
    "log": (hours.last() - 4).log().at_least(-0.5),
    "positive": (hours.last() - 4).positive().otherwise(hours.first()) * 2,
    "nothing": constant(1) / (hours.count() - hours.count()),
    "more": hours.last() > hours.first(),
    "rate": known_rate("team", prior="all"),
    "bare": known_rate("team", prior="all", strength=0),
    "lately": known_rate("pair", prior="all", half_life_days=9, strength=3),
    "window": known_rate("team", prior="team", half_life_days=9, within_days=20),
    "known": known_count("pair", within_days=30),
    "newest": newest_count("pair", 3),
    "newest_faded": newest_count("team", 4, fading=0.9),
    "newest_true": newest_total("pair", 5),
    "newest_true_faded": newest_total("all", 20, fading=0.8),
    "quiet": days_since_known("pair"),
    "came_true": known_total("all", half_life_days=2.5),
}


def declared(**changed: object) -> Workflow:
    fields = {name: getattr(WORKFLOW, name) for name in Workflow.model_fields}
    return Workflow(**{**fields, **changed})


EVERY_WORD = declared(
    features=tuple(feature(name, of) for name, of in WORDS.items()),
    groups=(
        GroupBy(name="all", grain_hours=6),
        GroupBy(name="team", key="team"),
        GroupBy(name="pair", key=("team", "phase")),
    ),
)


@pytest.mark.parametrize("workflow", [WORKFLOW, EVERY_WORD], ids=["generated", "every word"])
@pytest.mark.parametrize("seed", [7, 8])
def test_every_row_is_that_of_the_replay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workflow: Workflow, seed: int
) -> None:
    monkeypatch.setattr(shuffle, "IN_MEMORY", 700)
    write_log(3_000, tmp_path / "log", seed)
    parts = replay_columns(workflow, tmp_path / "log", tmp_path / "parts")
    require_same(parts, replay_whole(workflow, arrivals(tmp_path / "log")))


def status_reports() -> list[Event]:
    folder = Path(data.__file__).parent / "capital_projects"
    mapping = read_mapping(folder / "mapping.toml")
    read = Canonicaliser([StatusReported], [mapping]).from_record
    with gzip.open(folder / "status_reports.csv.gz", "rt", encoding="utf-8", newline="") as file:
        events = [read(mapping, mapping.event[0], record, NOW) for record in DictReader(file)]
    return sorted(events, key=lambda event: (event.occurred_at, event.id))


def write_facts(events: Sequence[Event], folder: Path) -> None:
    """A log with the fields of the facts as they are, money as a structure."""
    folder.mkdir()
    said = [event.fact.model_dump() for event in events]
    columns = {
        "id": [event.id for event in events],
        "type": [event.type for event in events],
        "subject": [event.subject for event in events],
        "occurred_at": pa.array([e.occurred_at for e in events]).cast(pa.timestamp("us", "UTC")),
        **{name: [fields[name] for fields in said] for name in StatusReported.model_fields},
    }
    pq.write_table(pa.table(columns), folder / "0.parquet")


def test_real_status_reports_give_delivery_risk_the_same_rows(tmp_path: Path) -> None:
    events = status_reports()
    fact = events[700].fact
    assert isinstance(fact, StatusReported)
    assert fact.budget_forecast is not None
    euros = fact.budget_forecast.model_copy(update={"currency": "EUR"})
    rejected = fact.model_copy(update={"budget_forecast": euros})
    events[700] = structs.replace(events[700], fact=rejected)
    write_facts(events, tmp_path / "log")
    parts = replay_columns(DELIVERY_RISK, tmp_path / "log", tmp_path / "parts")
    assert parts.count() == len(events) - 1
    require_same(parts, replay_whole(DELIVERY_RISK, arriving(*events)))


def test_every_word_that_columns_know_is_tried() -> None:
    tried: set[str] = set()

    def walk(part: object) -> None:
        how = getattr(part, "how", ())
        tried.update(how[:1])
        for inner in how:
            walk(inner)

    for expr in WORDS.values():
        walk(expr)
    assert {*vectors.WORDS, *vectors.SERIES} <= tried


def rewrite(log: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    for file in log.glob("*.parquet"):
        pq.write_table(change(pq.read_table(file)), file)


def on_whole_days(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("occurred_at")
    days = pc.floor_temporal(table["occurred_at"], unit="day")
    return table.set_column(place, table.schema.field(place), days)


def test_at_the_edges_of_windows_and_buckets_every_row_is_the_same_too(tmp_path: Path) -> None:
    write_log(1_000, tmp_path / "log")
    rewrite(tmp_path / "log", on_whole_days)
    parts = replay_columns(EVERY_WORD, tmp_path / "log", tmp_path / "parts")
    require_same(parts, replay_whole(EVERY_WORD, arrivals(tmp_path / "log")))


def test_repeated_events_count_once(tmp_path: Path) -> None:
    write_log(500, tmp_path / "log")
    rewrite(tmp_path / "log", lambda table: table.take(np.repeat(np.arange(len(table)), 2)))
    parts = replay_columns(WORKFLOW, tmp_path / "log", tmp_path / "parts")
    require_same(parts, replay_whole(WORKFLOW, arrivals(tmp_path / "log")))


def test_what_is_held_while_a_log_is_read_does_not_grow_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    add = shuffle._Buckets.add

    def measured(buckets: shuffle._Buckets, frame: pl.DataFrame) -> None:
        held.append(pa.total_allocated_bytes())
        add(buckets, frame)

    monkeypatch.setattr(shuffle._Buckets, "add", measured)
    write_log(20_000, tmp_path / "log")
    replay_columns(WORKFLOW, tmp_path / "log", tmp_path / "parts")
    quarter = len(held) // 4
    assert max(held[-quarter:]) < 1.2 * max(held[quarter : 2 * quarter])


def test_a_log_out_of_order_is_refused(tmp_path: Path) -> None:
    write_log(500, tmp_path / "log")
    file = sorted((tmp_path / "log").glob("*.parquet"))[3]
    table = pq.read_table(file)
    pq.write_table(table.take(pa.array(range(len(table))[::-1])), file)
    with pytest.raises(OutOfOrder, match="older than one before it"):
        replay_columns(WORKFLOW, tmp_path / "log", tmp_path / "parts")


def test_what_can_only_be_called_is_named(tmp_path: Path) -> None:
    assert unread(WORKFLOW) == []
    assert unread(CALLED) == ["fold", "label.settle"]
    trend = declared(features=(feature("trend", hours.trend()),))
    with pytest.raises(CannotTrain, match="trend: trend of hours"):
        replay_columns(trend, tmp_path, tmp_path)
