"""The commands by which people follow what monitoring found: alerts, reviews, figures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headway.terminal import (
    AsJson,
    WorkflowName,
    clear_errors,
    print_found,
    running_copy,
    running_store,
)

alerts = typer.Typer(
    help="What monitoring found that a person should look at.", no_args_is_help=True
)
reviews = typer.Typer(
    help="Versions that a broken limit has put in question, each with a challenger.",
    no_args_is_help=True,
)
watching = typer.Typer()

Only = Annotated[str | None, typer.Option("--workflow", help="Only of this workflow.")]
Everything = Annotated[bool, typer.Option("--all", help="Those that are dealt with, too.")]
Which = Annotated[str, typer.Argument(help="Its id; `list` shows it.")]
Who = Annotated[str, typer.Option("--as", help="Your name.")]
Note = Annotated[str, typer.Option(help="What you found or decided; it is kept for ever.")]


@alerts.command("list")
def list_alerts(workflow: Only = None, every: Everything = False, as_json: AsJson = False) -> None:
    """List alerts, the newest first."""
    from headway.alert_words import alert_line  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = running_store().alerts(workflow, unresolved=not every)
    print_found({record.alert.id: alert_line(record) for record in found}, as_json)


@alerts.command("show")
def show_alert(alert: Which, as_json: AsJson = False) -> None:
    """Show an alert: what was found, whether it matters, what to do, and who said what."""
    from headway.alert_words import alert_page  # noqa: PLC0415  (imports the store)

    with clear_errors():
        store = running_store()
        found = alert_page(store.alert(alert), store.handlings(alert))
    print_found(found, as_json)


@alerts.command()
def ack(alert: Which, person: Who = "", note: Note = "", as_json: AsJson = False) -> None:
    """Take an alert up: others see that somebody is at it."""
    _handle(alert, "acknowledged", person, note, as_json)


@alerts.command()
def resolve(alert: Which, person: Who = "", note: Note = "", as_json: AsJson = False) -> None:
    """Say what came of an alert; the next finding of its kind raises a new one."""
    _handle(alert, "resolved", person, note, as_json)


@reviews.command("list")
def list_reviews(workflow: Only = None, every: Everything = False, as_json: AsJson = False) -> None:
    """List reviews, the newest first."""
    from headway.alert_words import review_line  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = running_store().reviews(workflow, closed=every)
    print_found({review.id: review_line(review) for review in found}, as_json)


@reviews.command("show")
def show_review(review: Which, as_json: AsJson = False) -> None:
    """Show why a review was opened, and how the challenger compares with the champion."""
    from headway.alert_words import review_page  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = review_page(running_store().review(review))
    print_found(found, as_json)


@reviews.command()
def close(review: Which, person: Who = "", note: Note = "", as_json: AsJson = False) -> None:
    """Close a review with what you decided; `headway promote` lets the challenger decide."""
    from headway.clock import now  # noqa: PLC0415  (imports the store)

    with clear_errors():
        running_store().close_review(review, person, note, now(), "governance")
    print_found({"closed": review, "by": person}, as_json)


@watching.command()
def watch(workflow: WorkflowName, as_json: AsJson = False) -> None:
    """Show the newest figures of each version: matured quality, estimates, treatment, windows."""
    from headway.alert_words import figures_page  # noqa: PLC0415  (imports the store)

    with clear_errors():
        kept = running_store().figures(workflow)
    found = {f"version {one.version}": one.figures for one in kept}
    print_found(found if as_json else {v: figures_page(f) for v, f in found.items()}, as_json)


@watching.command(hidden=True)
def monitor() -> None:
    """The process of monitoring; `up` starts it."""
    from headway.logging import set_up  # noqa: PLC0415  (imports structlog)
    from headway.monitor import run  # noqa: PLC0415  (imports NumPy and SciPy)
    from headway.settings import Settings  # noqa: PLC0415  (with the others)

    set_up()
    run(Settings())


@watching.command(hidden=True)
def challenge(review: Which) -> None:
    """Train the challenger of a review; the process of monitoring starts it."""
    from headway.commands import open_store  # noqa: PLC0415  (imports the store)
    from headway.reviewing import challenge as train  # noqa: PLC0415  (imports MLflow)

    with clear_errors():
        settings = running_copy()
        train(settings, open_store(settings), review)


def _handle(alert: str, to: Any, person: str, note: str, as_json: bool) -> None:
    from firm.alerts import handle  # noqa: PLC0415  (with the store)
    from headway.clock import now  # noqa: PLC0415  (imports the store)

    with clear_errors():
        store = running_store()
        record = store.alert(alert)
        store.handle_alert(
            handle(record.alert, record.status, to, person, note, now()), "governance"
        )
    print_found({"alert": alert, "is": to, "by": person}, as_json)
