"""Generated events of work items with a known truth, in the order of time, as many as asked for.

Each item is opened, logged at eight times, two of them reviews, and closed within some weeks. Of
ten events three ask for a score: the opening and the reviews. Items of some teams, and those that
have used up their plan early, are closed late more often.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from firm.columns import Keep, NextSays
from firm.events import Event, Fact, Position
from firm.ids import EventId, SubjectId
from firm.react import Arrival
from firm.time import DAY, to_micros
from firm.vocabulary import Expr, days_in, events, known_count, known_rate, ordered, series
from firm.workflow import (
    Band,
    Direction,
    Feature,
    Gates,
    GroupBy,
    Label,
    ModelSpec,
    Policy,
    Slo,
    Workflow,
)

START = to_micros(datetime(2022, 1, 1, tzinfo=UTC))
DAYS = 3 * 365
"""Over which the items are opened, however many there are."""
EVENTS = 10
"""Of one item."""
TEAMS, CLIENTS = 50, 2_000
PHASES = ("plan", "build", "check", "hand over")
BLOCK_DAYS = 15
LONGEST_DAYS = 40.0


class WorkOpened(Fact):
    """A work item is opened with a plan."""

    type: ClassVar[str] = "bench.work_opened"
    subject_kind: ClassVar[str] = "work_item"

    team: str
    client: str
    planned: float


class WorkLogged(Fact):
    """Hours are logged in a phase of it."""

    type: ClassVar[str] = "bench.work_logged"
    subject_kind: ClassVar[str] = "work_item"

    phase: str
    hours: float


class WorkReviewed(WorkLogged):
    """Hours are logged, and somebody asks how it stands."""

    type: ClassVar[str] = "bench.work_reviewed"


class WorkClosed(Fact):
    """It is closed, late or in time."""

    type: ClassVar[str] = "bench.work_closed"
    subject_kind: ClassVar[str] = "work_item"

    late: bool


FIELDS = ("team", "client", "planned", "phase", "hours", "late")
hours = series("hours")
planned = series("planned").last()


def _feature(name: str, of: Expr, unit: str, monotone: Direction = 0) -> Feature:
    why, source = "generated so that it tells something", "generated events"
    return Feature(name=name, of=of, unit=unit, why=why, source=source, monotone=monotone)


def _lately(group: str) -> Expr:
    return known_rate(group, prior="all", half_life_days=30)


FEATURES = (
    _feature("planned", planned, "hours"),
    _feature("used", hours.total() / planned.positive(), "share", monotone=1),
    _feature("used_week", hours.within(7).total(), "hours"),
    _feature("usual_entry", hours.mean(), "hours"),
    _feature("recent_entries", hours.fading(0.5), "hours"),
    _feature("largest_entry", hours.highest(), "hours"),
    _feature("change", hours.changes().last(), "hours"),
    _feature("entries", hours.count(), "count"),
    _feature("reviews", events(WorkReviewed.type).count(), "count"),
    _feature("age", events().days_from_first(), "days"),
    _feature("silence", hours.days_since(), "days"),
    _feature("phase", ordered("phase", {p: float(n) for n, p in enumerate(PHASES)}), "place"),
    _feature("in_phase", days_in("phase"), "days"),
    _feature("team_late", _lately("team") - _lately("all"), "share", monotone=1),
    _feature("client_late", known_rate("client", prior="all", within_days=365), "share"),
    _feature("client_known", known_count("client").log(), "log count"),
)
WORKFLOW = Workflow(
    slug="bench_work_items",
    question="Will the work item be closed late?",
    owner="Benchmarks",
    subject="work_item",
    facts=(WorkOpened, WorkLogged, WorkReviewed, WorkClosed),
    triggers=(WorkOpened, WorkReviewed),
    fold=Keep(FIELDS),
    features=FEATURES,
    groups=(
        GroupBy(name="all"),
        GroupBy(name="team", key="team"),
        GroupBy(name="client", key="client"),
    ),
    label=Label(
        question="it is closed late", settle=NextSays(WorkClosed.type, "late"), maturity_days=60
    ),
    rule=hours.total() * 0,
    model=ModelSpec(
        parameters={"max_depth": 4, "eta": 0.1}, rounds=50, gates=Gates(auc=0.6, least_rows=100)
    ),
    policy=Policy(bands=(Band(name="all", at_least=0, because="nothing follows"),)),
    slo=Slo(latency_p99_ms=50, freshness_days=60),
    lateness_days=1,
    risk_class="minimal",
)
FACTS: dict[str, type[Fact]] = {fact.type: fact for fact in WORKFLOW.facts}


def write_log(count: int, folder: Path, seed: int = 7) -> int:
    """Write about so many events as Parquet, in the order of time; return how many there are.

    Memory holds the events of BLOCK_DAYS, so any number can be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for number, table in enumerate(_blocks(count, seed)):
        pq.write_table(table, folder / f"{number:06d}.parquet", row_group_size=100_000)
        written += len(table)
    return written


def arrivals(folder: Path) -> Iterator[Arrival]:
    """The events of a written log one by one, as the stream would read them."""
    offset = 0
    for file in sorted(folder.glob("*.parquet")):
        for record in pq.read_table(file).to_pylist():
            fact = FACTS[record["type"]]
            said = {name: record[name] for name in fact.model_fields}
            event = Event(
                id=EventId(record["id"]),
                type=record["type"],
                subject=SubjectId(record["subject"]),
                occurred_at=to_micros(record["occurred_at"]),
                source="/bench",
                fact=fact(**said),
            )
            yield Arrival(event, Position(0, offset))
            offset += 1


def _blocks(count: int, seed: int) -> Iterator[pa.Table]:
    luck = np.random.default_rng(seed)
    starts = np.arange(0, DAYS, BLOCK_DAYS)
    bounds = np.linspace(0, max(count // EVENTS, 1), len(starts) + 1).astype(int)
    left: list[pa.Table] = []
    for day, first, last in zip(starts.tolist(), bounds[:-1], bounds[1:], strict=True):
        opened = START + ((day + BLOCK_DAYS * luck.random(last - first)) * DAY).astype(np.int64)
        merged = pa.concat_tables([*left, _items(luck, np.arange(first, last), opened)])
        merged = merged.sort_by([("occurred_at", "ascending"), ("id", "ascending")])
        until = START + (day + BLOCK_DAYS) * DAY
        come = int(np.searchsorted(merged["occurred_at"].cast(pa.int64()).to_numpy(), until))
        yield merged.slice(0, come)
        left = [merged.slice(come).combine_chunks()]
    yield left[0]


def _items(luck: np.random.Generator, numbers: np.ndarray, opened: np.ndarray) -> pa.Table:
    """All events of some items, in no order."""
    count = len(numbers)
    team, client = luck.integers(TEAMS, size=count), luck.integers(CLIENTS, size=count)
    plan = np.round(luck.uniform(8, 80, count), 1)
    step = np.round(plan[:, None] * luck.uniform(0.02, 0.3, (count, EVENTS)), 2)
    used = step[:, 1:-1].sum(axis=1) / plan
    late = luck.random(count) < 0.1 + 0.4 * (team % 5 == 0) + 0.3 * (used > 1.3)
    took = np.sort(luck.random((count, EVENTS - 1)), axis=1) * (LONGEST_DAYS * DAY)
    at = np.column_stack([opened, opened[:, None] + 1 + took.astype(np.int64)])
    places = np.tile(np.arange(EVENTS), count)
    item = np.repeat(numbers, EVENTS).astype(str)
    type_ = np.array([WorkLogged.type] * EVENTS, dtype="<U32")
    type_[[0, 3, 6, -1]] = [WorkOpened.type, *[WorkReviewed.type] * 2, WorkClosed.type]
    logs = (places > 0) & (places < EVENTS - 1)
    first, closes = places == 0, places == EVENTS - 1
    names = np.array(PHASES)[np.minimum(places * len(PHASES) // EVENTS, len(PHASES) - 1)]

    def where(there: np.ndarray, values: np.ndarray) -> pa.Array:
        return pa.array(values, mask=~there)

    return pa.table(
        {
            "id": np.char.add(np.char.add(item, "-"), places.astype(str)),
            "type": np.tile(type_, count),
            "subject": np.char.add("work_item:", item),
            "occurred_at": pa.array(at.ravel()).cast(pa.timestamp("us", "UTC")),
            "team": where(first, np.char.add("team ", np.repeat(team, EVENTS).astype(str))),
            "client": where(first, np.char.add("client ", np.repeat(client, EVENTS).astype(str))),
            "planned": where(first, np.repeat(plan, EVENTS)),
            "phase": where(logs, names),
            "hours": where(logs, step.ravel()),
            "late": where(closes, np.repeat(late, EVENTS)),
        }
    )
