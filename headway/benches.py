"""`headway bench`: what Headway promises of speed and memory, measured beside what else does it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headway.progress import Progress
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


def _print(found: Found, as_json: bool) -> None:
    print_found(msgspec.to_builtins(found), as_json)
