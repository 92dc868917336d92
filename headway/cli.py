"""The command line. Each command translates its words, calls one use case, and prints."""

from __future__ import annotations

import gc
import json
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from headway.alerts import alerts, reviews, watching
from headway.benches import bench
from headway.fairness.commands import fairness, vault
from headway.keys import keys
from headway.parts import exit_on_signals
from headway.progress import Progress
from headway.promoting import promoting
from headway.sentiment import sentiment
from headway.settings import Settings
from headway.terminal import (
    AsJson,
    WorkflowName,
    clear_errors,
    errors,
    print_found,
    running_copy,
    running_store,
)
from headway.webhooks import webhooks

app = typer.Typer(
    name="headway",
    help="Scores the work of a professional-services firm while it happens.\n\n"
    "Start with `headway demo`: it replays a real log end to end and prints what happened. "
    "`headway up` runs a copy of your own; the other commands speak to the copy that is running "
    "on the same HEADWAY_HOME.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


app.add_typer(bench, name="bench")
app.add_typer(sentiment, name="sentiment")
app.add_typer(keys, name="keys")
app.add_typer(promoting)
app.add_typer(alerts, name="alerts")
app.add_typer(reviews, name="reviews")
app.add_typer(webhooks, name="webhooks")
app.add_typer(watching)
app.add_typer(fairness)
app.add_typer(vault, name="vault")


@app.command()
def demo(
    log: Annotated[
        str, typer.Argument(help="capital_projects, service_incidents or payment_requests.")
    ] = "capital_projects",
    as_json: AsJson = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the service up until Ctrl-C.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the repeats and delays that are injected.")] = 7,
    until: Annotated[
        datetime | None, typer.Option(help="Leave out what happened from then on (UTC).")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="All of a log of which otherwise a part is taken.")
    ] = False,
) -> None:
    """Replay a real log end to end on real parts, check every claim, and print what happened.

    Of the service incidents one ticket of two is taken, with all its events, unless you say
    --whole: that takes twice as long.
    """
    Progress(errors).say("loading the libraries: a few seconds")
    from headway.demo.command import run_demo  # noqa: PLC0415  (imports all rooms)

    with clear_errors(), exit_on_signals():
        failed = run_demo(
            Settings(), log, seed=seed, until=until, whole=whole, as_json=as_json, keep=keep
        )
    raise typer.Exit(1 if failed else 0)


@app.command()
def up() -> None:
    """Run all parts until Ctrl-C: those with an address in the settings are used, not started."""
    from headway.copy import Copy  # noqa: PLC0415  (imports all rooms)

    progress = Progress(errors)
    with clear_errors(), exit_on_signals(), Copy.start(Settings(), progress.say) as copy:
        errors.print(f"API {copy.api_url}/docs   MLflow {copy.mlflow_url}   Ctrl-C stops")
        if copy.settings.developer:
            errors.print("[bold red]DEVELOPER MODE: no login, everybody may do everything[/]")
        else:
            errors.print("callers need a key: headway keys add NAME --role enterprise_integration")
        signal.pause()


@app.command()
def replay(
    log: Annotated[str, typer.Argument(help="A log in data/.")],
    per_second: Annotated[float | None, typer.Option(help="Pace; full speed without.")] = None,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="Share sent twice.")] = 0.0,
    disorder: Annotated[float, typer.Option(min=0, max=1, help="Share delayed.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the repeats and delays.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Send a log to the running copy, in order of event time, and wait until it is taken in."""
    from headway.commands import replay_log  # noqa: PLC0415  (imports Kafka's client)
    from headway.logs import Disturbance  # noqa: PLC0415  (imports Polars)

    with clear_errors():
        disturbance = Disturbance(duplicates, disorder, seed)
        found = replay_log(running_copy(), log, disturbance, per_second, Progress(errors))
    print_found(found, as_json)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Load every declaration and mapping and try them on sample events; all that is wrong is said
    at once, each with its file, the part and the reason. Exits with 1 if anything is."""
    from headway.checking import check_everything  # noqa: PLC0415  (loads all declarations)

    with clear_errors():
        checked = check_everything()
    if checked.problems:
        if as_json:
            print_found({"problems": [msgspec.structs.asdict(p) for p in checked.problems]}, True)
        for problem in () if as_json else checked.problems:
            words = f"[red]wrong[/]: {escape(str(problem))}"
            errors.print(words, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    workflows, logs = checked.workflows.items(), checked.logs.items()
    found = {
        "workflows": {slug: f"{len(w.features)} features, {w.owner}" for slug, w in workflows},
        "logs": {name: mapping.source for name, mapping in logs},
    }
    print_found(found, as_json)


@app.command()
def train(
    workflow: Annotated[
        str | None, typer.Argument(help="A workflow's slug; `headway check` lists them.")
    ] = None,
    cut: Annotated[
        datetime | None, typer.Option(help="Learn from what was known before (UTC); now, without.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who trains; they cannot approve.")] = "unknown",
    tune: Annotated[int, typer.Option(min=0, help="So many sets of parameters to try.")] = 0,
    due: Annotated[
        bool, typer.Option("--due", help="Every workflow whose declared cycle is over, instead.")
    ] = False,
    in_files: Annotated[
        bool, typer.Option("--in-files", help="Keep the rows in Parquet: for a log of any length.")
    ] = False,
    on: Annotated[
        str | None, typer.Option(help="Fit on the Dask cluster at tcp://HOST:PORT, from files.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a version from the log of the running copy, check its gates, and register it.

    A log that outgrows memory is replayed `--in-files` and fitted by XGBoost's external memory, or
    `--on` a cluster whose workers see the home folder: docs/scale.md.

    With --due, a candidate for each workflow whose newest version is older than its `retrain_days`;
    run it from cron, or let `headway up` do so (HEADWAY_RETRAIN_HOURS). None is promoted by it.
    """
    if due == (workflow is not None) or (due and (cut is not None or tune or in_files or on)):
        raise typer.BadParameter("name a workflow, or ask for all that are --due, as of now")
    with clear_errors():
        if workflow is None:
            from headway.retraining import train_due  # noqa: PLC0415  (imports MLflow)

            found = train_due(running_copy(), by, Progress(errors))
        else:
            from headway.commands import train_workflow  # noqa: PLC0415  (imports MLflow)

            found = train_workflow(
                running_copy(), workflow, cut, by, tune, Progress(errors), in_files, on
            )
    print_found(found, as_json)


@app.command()
def evaluate(
    workflow: WorkflowName,
    log: Annotated[Path, typer.Option(help="A CSV(.gz), Parquet or XES(.gz) file.")],
    cut: Annotated[datetime, typer.Option(help="Learn from what was known before (UTC).")],
    mapping: Annotated[
        Path | None, typer.Option(help="Its mapping; the one that fits, without.")
    ] = None,
    retrain: Annotated[
        str | None, typer.Option(help="Train again every 7d, 12h, 2w, or at `each` score.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a workflow on a log in a file, as if it had been live from the cut on; no servers."""
    from headway.evaluating import evaluate_workflow  # noqa: PLC0415  (imports XGBoost)

    with clear_errors():
        found = evaluate_workflow(workflow, log, mapping, cut, retrain, Progress(errors))
    print_found(found, as_json)


ReportDays = Annotated[
    float | None,
    typer.Option("--days", min=0.01, help="On the last days alone; since it was trained if unset."),
]


@app.command()
def report(workflow: WorkflowName, days: ReportDays = None, as_json: AsJson = False) -> None:
    """Write the report on the live version: drift, false positives, outcomes."""
    from headway.commands import report_workflow  # noqa: PLC0415  (imports Evidently)

    with clear_errors():
        found = report_workflow(running_copy(), workflow, days)
    print_found(found, as_json)


@app.command()
def decisions(
    workflow: WorkflowName,
    subject: Annotated[str | None, typer.Option(help="Only of this subject.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List decisions, oldest first."""
    from headway.commands import list_decisions  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = list_decisions(running_copy(), workflow, subject, limit)
    print_found(found, as_json)


@app.command()
def approve(
    action: Annotated[
        str | None, typer.Argument(help="An action's id; without, list them.")
    ] = None,
    person: Annotated[str, typer.Option("--as", help="Your name.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="A role you hold.")] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse instead.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever.")] = "",
    as_json: AsJson = False,
) -> None:
    """Agree to an action that waits for a person, or list those that wait."""
    from headway.commands import give_verdict, waiting  # noqa: PLC0415  (imports the store)

    with clear_errors():
        if action is None:
            found = waiting(running_copy())
        else:
            found = give_verdict(running_copy(), action, person, role or [], not refuse, reason)
    print_found(found, as_json)


audit = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command()
def verify(as_json: AsJson = False) -> None:
    """Check every chain of the audit log; says where it breaks."""
    with clear_errors():
        found = {"links": running_store().verify()}
    print_found(found, as_json)


@audit.command()
def export() -> None:
    """Print the audit log, one JSON object a line."""
    with clear_errors():
        for entry in running_store().export():
            sys.stdout.write(json.dumps(entry, default=str) + "\n")


letters = typer.Typer(help="What could not be taken in.", no_args_is_help=True)
app.add_typer(letters, name="dead-letters")


@letters.command("list")
def list_letters(as_json: AsJson = False) -> None:
    """List the dead letters with their reasons, and with how their senders name them."""
    from headway.commands import letters_in_words  # noqa: PLC0415  (imports Kafka's client)

    with clear_errors():
        found = letters_in_words(running_copy())
    print_found(found, as_json)


@letters.command()
def redrive(as_json: AsJson = False) -> None:
    """Send the dead letters in again, after what was wrong with them has been mended here."""
    from headway.commands import redrive_letters  # noqa: PLC0415  (imports Kafka's client)

    with clear_errors():
        found = redrive_letters(running_copy())
    print_found(found, as_json)


@app.command(name="asyncapi")
def describe_messages() -> None:
    """Print the AsyncAPI document: every message that comes in by Kafka, or goes out by it or by
    webhook. A running service serves it at /asyncapi.json."""
    from headway.asyncapi import document  # noqa: PLC0415  (imports all workflows)
    from headway.catalogue import declared, mappings  # noqa: PLC0415  (imports all workflows)

    with clear_errors():
        found = document(declared(), mappings().values())
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


@app.command(hidden=True)
def worker() -> None:
    """The process of the stream; `up` starts it."""
    from headway.logging import set_up  # noqa: PLC0415  (imports structlog)
    from headway.worker import run  # noqa: PLC0415  (imports Faust)

    set_up()
    run(Settings())


@app.command(hidden=True)
def serve(number: int = typer.Argument(0)) -> None:
    """A process of the API; `up` starts as many as HEADWAY_WORKERS says."""
    gc.disable()  # until it serves: what is loaded stays, and looking through it takes a fifth
    from headway.api import run  # noqa: PLC0415  (imports FastAPI)
    from headway.logging import set_up  # noqa: PLC0415  (imports structlog)

    set_up()
    run(Settings(), number)


@app.command(hidden=True)
def retrain(hours: float) -> None:
    """The process that trains what is due; `up` starts it where HEADWAY_RETRAIN_HOURS is set."""
    from headway.retraining import run  # noqa: PLC0415  (imports Kafka's client)

    run(hours)


@app.command(hidden=True)
def registrar(pages: str) -> None:
    """The process that looks after versions; `up` starts it."""
    from headway.logging import set_up  # noqa: PLC0415  (imports structlog)
    from headway.registrar import run  # noqa: PLC0415  (imports the store)

    set_up()
    run(Settings(), pages)


@app.command(hidden=True)
def dispatcher() -> None:
    """The process that tells subscribers; `up` starts it."""
    from headway.dispatcher import run  # noqa: PLC0415  (imports the store)
    from headway.logging import set_up  # noqa: PLC0415  (imports structlog)

    set_up()
    run(Settings())


@app.command(hidden=True)
def align() -> None:
    """Have MLflow's aliases show what the record of promotions says."""
    from headway.lifecycle import align_aliases  # noqa: PLC0415  (imports MLflow)

    with clear_errors():
        align_aliases(Settings())


@app.command(hidden=True)
def psa(port: int) -> None:
    """The simulated system of record; `up` starts it where no real one is set."""
    import uvicorn  # noqa: PLC0415  (only this process serves it)

    from simulator.psa import create_psa  # noqa: PLC0415  (only this process serves it)

    uvicorn.run(create_psa(), host="127.0.0.1", port=port, log_level="warning", access_log=False)


def main() -> None:
    """The entry point."""
    app()
