"""`headway bench`: what Headway promises of speed and memory, measured beside what else does it."""

from __future__ import annotations

import typer

bench = typer.Typer(
    name="bench",
    help="Measure, side by side with what a user would use instead; every figure is printed with "
    "how it was measured.",
    no_args_is_help=True,
)
