"""The model card: what a reviewer reads before approving a version."""

from __future__ import annotations

from collections.abc import Sequence

from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from training.gates import GateResult
from training.quality import Quality
from training.rows import Fingerprint


def write(
    workflow: Workflow,
    quality: Quality,
    gates: Sequence[GateResult],
    data: Fingerprint,
    cut: Micros,
    trained_by: str,
) -> str:
    """The card in Markdown."""
    return "\n".join(
        [
            f"# {workflow.slug}",
            "",
            f"{workflow.question} Owner: {workflow.owner}. Risk class: {workflow.risk_class}.",
            f"Label: {workflow.label.question}.",
            "",
            f"Trained by {trained_by} on {data.rows:,} rows whose outcome was known before "
            f"{to_datetime(cut).date()}; data SHA-256 `{data.sha256}`.",
            "",
            "## Gates",
            "Figures are of models walking forward over the most recent rows, each fitted on what "
            "was known before those it is judged on; the registered one was fitted on all rows.",
            "",
            *_gates(gates),
            "",
            "## Figures",
            *_figures(quality),
            "",
            "## Features",
            *_features(workflow),
            "",
            "## Notice to those scored",
            workflow.worker_notice or "No person is scored.",
            "",
        ]
    )


def _gates(gates: Sequence[GateResult]) -> list[str]:
    return [f"- {'passed' if gate.passed else '**failed**'}: {gate}" for gate in gates]


def _figures(quality: Quality) -> list[str]:
    return [
        f"- {name.replace('_', ' ')}: {'none' if value is None else f'{value:.4g}'}"
        for name, value in figures(quality).items()
    ]


def figures(quality: Quality) -> dict[str, float | None]:
    """The figures by name, as the card and the registry list them."""
    return {name: getattr(quality, name) for name in quality.__struct_fields__}


def _features(workflow: Workflow) -> list[str]:
    lines = ["| feature | unit | why | source | may only |", "|---|---|---|---|---|"]
    direction = {-1: "lower the score", 0: "", 1: "raise the score"}
    return lines + [
        f"| {f.name} | {f.unit} | {f.why} | {f.source} | {direction[f.monotone]} |"
        for f in workflow.features
    ]
