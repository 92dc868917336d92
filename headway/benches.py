"""`headway bench`: what Headway promises of speed and memory, measured beside what else does it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headway.parts import exit_on_signals
from headway.progress import Progress
from headway.settings import Settings
from headway.terminal import AsJson, clear_errors, errors, print_found

if TYPE_CHECKING:
    from bench.rounds import Found

bench = typer.Typer(
    name="bench",
    help="Measure, side by side with what a user would use instead; every figure is printed with "
    "how it was measured.",
    no_args_is_help=True,
)

Rounds = Annotated[int, typer.Option(min=1, help="How often each has its turn.")]


@bench.command()
def score(rounds: Rounds = 15, as_json: AsJson = False) -> None:
    """One score, features in hand, beside XGBoost's `Booster.inplace_predict`: same values."""
    from bench.score import measure  # noqa: PLC0415  (imports XGBoost)

    with clear_errors(), TemporaryDirectory() as folder:
        _print(measure(Path(folder), rounds, Progress(errors).say), as_json)


@bench.command()
def features(rounds: Rounds = 15, as_json: AsJson = False) -> None:
    """30 features in 3 views by id, of one subject and of 100, beside Feast's SDK: same values."""
    from headway.feature_bench import bench_features  # noqa: PLC0415  (imports Feast)

    with clear_errors(), exit_on_signals(), TemporaryDirectory() as folder:
        _print(bench_features(Path(folder), rounds, Progress(errors).say), as_json)


@bench.command()
def shadow(
    rounds: Rounds = 7,
    pace: Annotated[float, typer.Option(min=1, help="Requests a second.")] = 50.0,
    as_json: AsJson = False,
) -> None:
    """The champion's median latency with a challenger in the shadow, beside that without one."""
    from headway.shadowing import measure_shadow  # noqa: PLC0415  (imports all rooms)

    with clear_errors(), TemporaryDirectory() as folder:
        _print(measure_shadow(Path(folder), rounds, pace, Progress(errors).say), as_json)


@bench.command()
def report(
    rows: Annotated[int, typer.Option(min=1_000, help="Decisions.")] = 1_000_000,
    columns: Annotated[int, typer.Option(min=3, help="Features of each.")] = 30,
    as_json: AsJson = False,
) -> None:
    """A report over a million decisions: seconds and megabytes of the whole process."""
    from bench.report import measure  # noqa: PLC0415  (imports pandas)

    with clear_errors():
        found = measure(rows, columns)
    print_found(found, as_json)


@bench.command()
def replay(
    events: Annotated[
        int, typer.Option(min=100_000, help="Of the sizes, leave out those above.")
    ] = 10_000_000,
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Events into training rows, at 10^5, 10^6 and 10^7 generated events, beside Feast's join.

    Each size is replayed in columns by a process of its own, bound to one core: events a second,
    and the most memory it held. By turns, the rows of the smallest are joined by Feast, by its own
    file store and by DuckDB, from features that were computed for it before. Takes 5 minutes.
    """
    from bench.replay import measure  # noqa: PLC0415  (imports Feast)

    with clear_errors(), TemporaryDirectory() as folder:
        found = measure(Path(folder), events, rounds, Progress(errors).say)
        print_found(msgspec.to_builtins(found), as_json)


@bench.command()
def serve(rounds: Rounds = 7, as_json: AsJson = False) -> None:
    """Governed scores over HTTP beside MLflow, MLServer, BentoML, Feast and empty endpoints.

    The others are installed into environments of their own below HEADWAY_CACHE the first time.
    """
    from headway.serving_bench import bench_serving  # noqa: PLC0415  (imports all rooms)

    with clear_errors(), exit_on_signals():
        _print(bench_serving(Settings(), rounds, Progress(errors)), as_json)


def _print(found: Found, as_json: bool) -> None:
    print_found(msgspec.to_builtins(found), as_json)
