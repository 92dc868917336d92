"""The demo's findings as a person reads them."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from headway.demo.result import Judged, Result, Scored


def show(found: Result, console: Console, kept: bool) -> None:
    """Print the tables, and what did not hold; `kept` if the service stays up."""
    console.print(_events(found))
    for scored in found.workflows:
        console.print(_quality(scored))
    console.print(_checks(found))
    for words, told in _of_all(found).items() if len(found.workflows) > 1 else ():
        console.print(f"{words} for all of them: {told}", highlight=False)
    console.print(_refusals(found))
    for scored in found.workflows:
        _where(console, f"summary of {scored.workflow}", scored.summary)
        _where(console, "Evidently's report", scored.report)
    until = "" if kept else " (until now; `--keep` leaves it up)"
    _where(console, "API", f"{found.api}/docs{until}")
    _where(console, "MLflow", f"{found.mlflow}{until}")
    for scored in found.workflows:
        for difference in scored.decisions.differences:
            console.print(f"[red]differs[/]: {scored.workflow}: {difference}", highlight=False)
    for claim in found.failed:
        console.print(f"[red]DID NOT HOLD[/]: {claim}")
    outcome = "[red]failed[/]" if found.failed else "[green]everything held[/]"
    console.print(f"{outcome} in {found.seconds:g} s")


def _where(console: Console, words: str, where: str) -> None:
    console.print(f"[bold]{words}[/] {where}", highlight=False, soft_wrap=True)


def _events(found: Result) -> Table:
    title = f"{found.log}, {found.window}: {found.disturbed}"
    table = Table(title=title, title_justify="left")
    table.add_column("taken in by")
    for name in ("events in", "counted", "late", "duplicate", "rejected"):
        table.add_column(name, justify="right")
    for scored in found.workflows:
        events = scored.events
        fates = (events.received, events.counted, events.late, events.duplicate, events.rejected)
        table.add_row(scored.workflow, *map(str, fates))
    return table


def _quality(found: Scored) -> Table:
    table = Table(
        title=f"{found.workflow}: version {found.model.version}, trained on "
        f"{found.model.trained_on} outcomes known or estimated on {found.model.cut}, judged on "
        f"decisions since",
        title_justify="left",
    )
    table.add_column("")
    for name in ("judged", "AUC", "PR-AUC", "Brier", "constant's Brier", "calibration error"):
        table.add_column(name, justify="right")
    if found.steps:
        for step, judged in found.steps.items():
            table.add_row(f"at {step.replace(':', ' by ')}", *_figures(judged))
    else:
        table.add_row("Headway, as decided live", *_figures(found.quality))
    if found.reference:
        where = f" at {found.judged_at.replace(':', ' by ')}" if found.judged_at else ""
        figures = (_figure(found.reference.get(n)) for n in ("auc", "pr_auc", "brier"))
        table.add_row(f"reference{where} ({found.reference_by})", "", *figures, "", "")
    return table


def _figures(judged: Judged) -> tuple[str, ...]:
    figures = (judged.auc, judged.pr_auc, judged.brier, judged.constant_brier, judged.ece)
    return str(judged.n), *map(_figure, figures)


def _checks(found: Result) -> Table:
    several = len(found.workflows) > 1
    table = Table(title="what was checked", title_justify="left", show_header=several)
    table.add_column("")
    for scored in found.workflows:
        table.add_column(scored.workflow)
    for words, tells in CHECKS.items():
        table.add_row(words, *map(tells, found.workflows))
    for words, told in () if several else _of_all(found).items():
        table.add_row(words, told)
    return table


def _of_all(found: Result) -> dict[str, str]:
    """What was checked of the copy, and not of one workflow."""
    done = ", ".join(f"{kind} {count}" for kind, count in found.actions.items())
    return {"actions performed": done or "none", "audit chain": f"{found.audit_links} links hold"}


def _decisions(found: Scored) -> str:
    bands = ", ".join(f"{band} {count}" for band, count in found.decisions.by_band.items())
    return f"{found.decisions.total} ({bands})"


def _compared(found: Scored) -> str:
    decisions = found.decisions
    return f"{decisions.http_compared} answers compared, {decisions.http_mismatches} differ"


def _parity(found: Scored) -> str:
    return f"{found.parity.rows} rows compared, {found.parity.mismatched_rows} differ"


def _replayed(found: Scored) -> str:
    again = found.replay
    return (
        f"{again.events} events again: {again.changed_decisions} decisions and "
        f"{again.changed_features} subjects' features changed"
    )


def _event_to_decision(found: Scored) -> str:
    latency = found.latency
    return (
        f"p50 {latency.event_to_decision_p50_ms:g} ms, p99 {latency.event_to_decision_p99_ms:g} ms"
    )


def _http(found: Scored) -> str:
    return f"p50 {found.latency.http_p50_ms} ms, p99 {found.latency.http_p99_ms} ms"


CHECKS: dict[str, Callable[[Scored], str]] = {
    "decisions": _decisions,
    "stream and HTTP": _compared,
    "training and stream": _parity,
    "second replay": _replayed,
    "event to decision": _event_to_decision,
    "HTTP score": _http,
}


def _refusals(found: Result) -> Table:
    table = Table("bad input", "on the stream", "over HTTP", title="refused", title_justify="left")
    for refusal in found.refusals:
        table.add_row(refusal.input, f"dead letter: {refusal.stream}", refusal.http)
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
