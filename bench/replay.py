"""A log into training rows: events a second and memory by its length, beside Feast's join."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from bench.feast_join import STORES, VIEWS, join, open_feast, write_views
from bench.memory import peak_mib
from bench.rounds import Goal, judged, load, ratio
from bench.work_items import WORKFLOW, arrivals, write_log
from firm.errors import HeadwayError
from training.columnar import replay_columns
from training.partitions import Parts
from training.streaming import replay_to_parts

SIZES = (100_000, 1_000_000, 10_000_000)
STREAMED = 100_000
"""Events of the log that is also replayed one by one, and whose rows Feast joins."""
GOALS = {
    "events_per_second": Goal(at_least=100_000),
    "slowest_vs_fastest_size": Goal(at_least=0.5),
    "memory_of_largest_vs_middle": Goal(below=1.5),
}


class Size(msgspec.Struct, frozen=True):
    """One log replayed in columns by a process of its own.

    Attributes:
        events_per_second: of wall time; `events_per_cpu_second` of the time on the core itself,
            which other processes on the machine do not lengthen.
        peak_mib: the most memory that the process ever held.
        start_mib: what it held once everything was imported.
    """

    events: int
    rows: int
    seconds: float
    cpu_seconds: float
    events_per_second: float
    events_per_cpu_second: float
    peak_mib: float
    start_mib: float


class Found(msgspec.Struct, frozen=True):
    """What the benchmark found; the fields are those of `bench.rounds.Found`, and

    Attributes:
        sizes: by the number of events that was asked for.
        streamed: the same log of STREAMED events folded one by one, as any declaration can be.
    """

    ratios: dict[str, float]
    spread: dict[str, tuple[float, float]]
    rounds: int
    how: str
    sizes: dict[str, Size]
    streamed: Size
    goals: dict[str, dict[str, Any]]
    load: float


def measure(folder: Path, most: int, rounds: int, say: Callable[[str], None]) -> Found:
    """Generate logs of up to `most` events in `folder`, replay each, and let Feast join the rows of
    the smallest by turns with its replay."""
    began, sizes = load(), {}
    for count in (size for size in SIZES if size <= most):
        say(f"generating {count:,} events")
        write_log(count, folder / str(count))
        say(f"replaying {count:,} events")
        sizes[str(count)] = _alone(_replay, folder / str(count), folder / f"{count}-rows")
    say(f"replaying {STREAMED:,} events one by one")
    log = folder / str(STREAMED)
    streamed = _alone(_stream, log, folder / "streamed")
    say(f"joining by Feast in {rounds} rounds")
    turns = [_turn(folder, log) for _ in range(rounds)]
    ratios, spread = _ratios(turns)
    return Found(
        ratios=ratios,
        spread=spread,
        rounds=rounds,
        how=_how(turns),
        sizes=sizes,
        streamed=streamed,
        goals=judged(GOALS, _figures(list(sizes.values()))),
        load=began,
    )


def _figures(sizes: Sequence[Size]) -> dict[str, float]:
    speeds = [size.events_per_cpu_second for size in sizes]
    found = {"events_per_second": min(speeds), "slowest_vs_fastest_size": min(speeds) / max(speeds)}
    if len(sizes) > 2:
        found["memory_of_largest_vs_middle"] = sizes[-1].peak_mib / sizes[-2].peak_mib
    return found


def _ratios(
    turns: Sequence[dict[str, float]],
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    ours = [turn["replay"] for turn in turns]
    found = {
        f"replay_vs_{name}": ratio([turn[name] for turn in turns], ours)
        for name in ("feast_join", "feast_duckdb_join")
    }
    return {n: times for n, (times, _) in found.items()}, {n: s for n, (_, s) in found.items()}


def _how(turns: Sequence[dict[str, float]]) -> str:
    middle = {n: statistics.median(turn[n] for turn in turns) for n in turns[0]}
    return (
        f"generated work items, {len(WORKFLOW.features)} features, 3 groups, 3 of 10 events ask "
        "for a score; from events in Parquet to rows and outcomes in Parquet; each size in a fresh "
        "process bound to one core, and goals are held against its time on that core, which other "
        "processes do not lengthen. By turns, not bound: "
        f"the replay of {STREAMED:,} events, and Feast joining its {middle['rows']:,.0f} rows "
        f"from {VIEWS} views of features that were computed for it before: by its own file store "
        "(Dask), and by DuckDB's ASOF join (features.offline). Medians in seconds: "
        + ", ".join(f"{n} {middle[n]:.2f}" for n in ("replay", "feast_join", "feast_duckdb_join"))
    )


def _alone(task: Callable[[Path, Path], Size], log: Path, folder: Path) -> Size:
    """What a task measures in a process of its own, on one core where the system can bind it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_bind) as pool:
        return pool.submit(task, log, folder).result()


def _bind() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _replay(log: Path, folder: Path) -> Size:
    return _measured(lambda: replay_columns(WORKFLOW, log, folder), log)


def _stream(log: Path, folder: Path) -> Size:
    return _measured(lambda: replay_to_parts(WORKFLOW, arrivals(log), folder), log)


def _measured(replay: Callable[[], Parts], log: Path) -> Size:
    start_mib, began, cpu = peak_mib(), time.perf_counter(), time.process_time()
    parts = replay()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    most_mib = peak_mib()
    events = sum(pq.read_metadata(file).num_rows for file in log.glob("*.parquet"))
    return Size(
        events=events,
        rows=sum(len(part) for part in parts.batches()),
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu_seconds, 2),
        events_per_second=round(events / seconds),
        events_per_cpu_second=round(events / cpu_seconds),
        peak_mib=round(most_mib, 1),
        start_mib=round(start_mib, 1),
    )


def _turn(folder: Path, log: Path) -> dict[str, float]:
    """Seconds of a replay and of Feast's joins of the rows that it gave."""
    began = time.perf_counter()
    parts = replay_columns(WORKFLOW, log, folder / "rows")
    found = {"replay": time.perf_counter() - began}
    asked, views = write_views(parts, folder / "views")
    for name, store in STORES.items():
        feast = open_feast(folder / name, store, views)
        began = time.perf_counter()
        joined = join(feast, asked, views)
        found[name] = time.perf_counter() - began
        if len(joined) != len(asked):
            raise HeadwayError(f"Feast joined {len(joined):,} of {len(asked):,} rows")
    return found | {"rows": float(len(asked))}
