"""The commands of fairness: judge the live rankings, and keep the vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from headway.terminal import AsJson, WorkflowName, clear_errors, print_found, running_copy

if TYPE_CHECKING:
    from headway.fairness.vault import Vault

fairness = typer.Typer()
vault = typer.Typer(
    help="Protected attributes, for the fairness job alone: docs/fairness.md.",
    no_args_is_help=True,
)

Who = Annotated[str, typer.Option("--as", help="Your name.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role you hold.")]
COLUMNS = (
    "attribute",
    "value",
    "basis",
    "people",
    "shown",
    "considered",
    "ratio",
    "p_value",
    "says",
)


@fairness.command("fairness")
def judge_fairness(
    workflow: WorkflowName,
    version: Annotated[
        str | None, typer.Option(help="Whose rankings; the live version's, without.")
    ] = None,
    days: Annotated[float, typer.Option(min=0.1, help="How far back, in the events' time.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Say whether people are shown alike in the rankings of a version, by each protected attribute.

    A finding beyond chance raises an alert to the workflow's owner (`headway alerts list`).
    Exits with 0 either way: what is found is for a person to look at.

        headway fairness staffing_fit --days 14
    """
    from headway.fairness.live import fairness_of  # noqa: PLC0415  (imports SciPy)

    with clear_errors():
        found = fairness_of(running_copy(), workflow, version, days)
    if not as_json:
        _print_table(found.pop("table"))
    print_found(found, as_json)


@vault.command("import")
def import_people(
    workflow: WorkflowName,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file: candidate, attributes.")
    ],
    person: Who = "",
    role: Roles = None,
    as_json: AsJson = False,
) -> None:
    """Put the attributes of candidates in; the role hr does. Keep no copy of the file.

    headway vault import staffing_fit people.csv --as Hanna --role hr
    """
    from headway.clock import now  # noqa: PLC0415  (imports the store)
    from headway.commands import person_of  # noqa: PLC0415  (imports the store)
    from headway.fairness.people import read_people  # noqa: PLC0415  (with the vault)

    with clear_errors(), _opened(workflow) as (one, store):
        people = read_people(file, one.fairness)
        count = store.put(one, people, person_of(person, role or []), now())
    print_found({"workflow": workflow, "put in": len(people), "on record": count}, as_json)


@vault.command()
def simulate(
    workflow: WorkflowName,
    seed: Annotated[int, typer.Option(help="The same seed gives the same attributes.")] = 7,
    person: Who = "",
    role: Roles = None,
    as_json: AsJson = False,
) -> None:
    """Have attributes simulated, to try fairness out where none are on record.

    Every figure that rests on them says so. The role hr or governance_reviewer does it.

        headway vault simulate staffing_fit --as Gus --role governance_reviewer
    """
    from headway.clock import now  # noqa: PLC0415  (imports the store)
    from headway.commands import person_of  # noqa: PLC0415  (imports the store)

    with clear_errors(), _opened(workflow) as (one, store):
        store.simulate(one, seed, person_of(person, role or []), now())
    print_found({"workflow": workflow, "attributes": f"simulated, seed {seed}"}, as_json)


@contextmanager
def _opened(slug: str) -> Iterator[tuple[Any, Vault]]:
    """The workflow, which declares fairness, and the vault."""
    from firm.errors import NotAllowed  # noqa: PLC0415  (with the others)
    from headway.catalogue import workflow_named  # noqa: PLC0415  (loads all declarations)
    from headway.commands import open_store  # noqa: PLC0415  (imports the store)
    from headway.fairness.job import open_vault  # noqa: PLC0415  (imports SciPy)

    workflow, settings = workflow_named(slug), running_copy()
    if workflow.fairness is None:
        raise NotAllowed(f"{slug} declares no fairness: it scores no people")
    with closing(open_store(settings)) as store:
        yield workflow, open_vault(settings, store)


def _print_table(lines: list[dict[str, Any]]) -> None:
    table = Table(*(name.replace("_", " ") for name in COLUMNS))
    for line in lines:
        table.add_row(*(_cell(line[name]) for name in COLUMNS))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
