"""What every command of the command line shares: how it prints, and which copy it speaks to."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import indent
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firm.errors import HeadwayError
from headway.parts import running
from headway.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
WorkflowName = Annotated[str, typer.Argument(help="A workflow's slug; `headway check` lists them.")]
errors = Console(stderr=True)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Say what went wrong in words, without a traceback, and exit with 1."""
    try:
        yield
    except HeadwayError as error:
        errors.print(f"[red]{error.kind}[/]: {escape(str(error))}", highlight=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        errors.print("stopped")
        raise typer.Exit(130) from interrupt


def running_copy() -> Settings:
    """The settings of the copy that is running on the same home."""
    settings = Settings()
    addresses = running(settings.home.resolve())
    if addresses is None:
        if settings.kafka and settings.database and settings.redis:
            return settings
        raise HeadwayError(
            f"nothing is running on {settings.home.resolve()}: start `headway up` there in another "
            "terminal, or set HEADWAY_HOME to the folder of the copy that runs"
        )
    return settings.at(addresses)


def running_store() -> Any:
    """The store of the running copy."""
    from headway.commands import open_store  # noqa: PLC0415  (imports SQLAlchemy)

    return open_store(running_copy())


def print_found(found: dict[str, Any], as_json: bool) -> None:
    """What a command found: a table for a person, one JSON object for a program."""
    if as_json:
        sys.stdout.write(json.dumps(found, default=str) + "\n")
        return
    table = Table(show_header=False)
    for name, value in found.items():
        table.add_row(name, _words(value))
    Console().print(table)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(_line(name, words) for name, words in value.items())
    return str(value)


def _line(name: str, value: Any) -> str:
    if isinstance(value, dict) and value:
        return f"{name}:\n{indent(_words(value), '  ')}"
    return f"{name}: {value}"
