"""The demo's findings as a person reads them."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from headway.demo.result import Result


def show(found: Result, console: Console) -> None:
    """Print the tables, and what did not hold."""
    console.print(_events(found))
    console.print(_quality(found))
    console.print(_checks(found))
    console.print(_refusals(found))
    for words, where in (
        ("summary", found.summary),
        ("Evidently", found.report),
        ("API", f"{found.api}/docs"),
        ("MLflow", found.mlflow),
    ):
        console.print(f"[bold]{words}[/] {where}", highlight=False, soft_wrap=True)
    for difference in found.decisions.differences:
        console.print(f"[red]differs[/]: {difference}", highlight=False)
    for claim in found.failed:
        console.print(f"[red]DID NOT HOLD[/]: {claim}")
    outcome = "[red]failed[/]" if found.failed else "[green]everything held[/]"
    console.print(f"{outcome} in {found.seconds:g} s")


def _events(found: Result) -> Table:
    table = Table(title=f"{found.log}: {found.disturbed}", title_justify="left")
    events = found.events
    for name in ("events in", "counted", "late", "duplicate", "rejected"):
        table.add_column(name, justify="right")
    fates = (events.received, events.counted, events.late, events.duplicate, events.rejected)
    table.add_row(*map(str, fates))
    return table


def _quality(found: Result) -> Table:
    table = Table(
        title=f"{found.workflow}: version {found.model.version}, trained on "
        f"{found.model.trained_on} outcomes known before {found.model.cut}, on "
        f"{found.quality.n} reports since",
        title_justify="left",
    )
    for name in ("", "AUC", "PR-AUC", "Brier", "constant's Brier", "calibration error"):
        table.add_column(name, justify="right" if name else "left")
    quality, reference = found.quality, found.reference
    table.add_row(
        "Headway, as decided live",
        *(_figure(v) for v in (quality.auc, quality.pr_auc, quality.brier)),
        *(_figure(v) for v in (quality.constant_brier, quality.ece)),
    )
    names = ("auc", "pr_auc", "brier", "constant_brier")
    table.add_row("reference (plain, untuned)", *(_figure(reference.get(n)) for n in names), "")
    return table


def _checks(found: Result) -> Table:
    table = Table(title="what was checked", title_justify="left", show_header=False)
    decisions, latency = found.decisions, found.latency
    bands = ", ".join(f"{band} {count}" for band, count in decisions.by_band.items())
    table.add_row("decisions", f"{decisions.total} ({bands})")
    table.add_row(
        "stream and HTTP",
        f"{decisions.http_compared} answers compared, {decisions.http_mismatches} differ",
    )
    table.add_row(
        "training and stream",
        f"{found.parity.rows} rows compared, {found.parity.mismatched_rows} differ",
    )
    table.add_row(
        "second replay",
        f"{found.replay.events} events again: {found.replay.changed_decisions} decisions and "
        f"{found.replay.changed_features} subjects' features changed",
    )
    table.add_row(
        "event to decision",
        f"p50 {latency.event_to_decision_p50_ms:g} ms, p99 {latency.event_to_decision_p99_ms:g} ms",
    )
    table.add_row("HTTP score", f"p50 {latency.http_p50_ms} ms, p99 {latency.http_p99_ms} ms")
    done = ", ".join(f"{kind} {count}" for kind, count in found.actions.items())
    table.add_row("actions performed", done or "none")
    table.add_row("audit chain", f"{found.audit_links} links hold")
    return table


def _refusals(found: Result) -> Table:
    table = Table("bad input", "on the stream", "over HTTP", title="refused", title_justify="left")
    for refusal in found.refusals:
        table.add_row(refusal.input, f"dead letter: {refusal.stream}", refusal.http)
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
