"""The model card: what a reviewer reads before approving a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firm.time import to_datetime
from firm.workflow import Workflow
from training.candidate import Candidate
from training.gates import GateResult
from training.quality import Quality
from training.rows import Fingerprint

SHOWN = ("n", "base_rate", "auc", "pr_auc", "brier", "constant_brier", "calibration_error")
"""The figures that are told of each slice."""


def write(workflow: Workflow, candidate: Candidate) -> str:
    """The card in Markdown: what the workflow's own card says, and what was measured of this
    version."""
    data = candidate.rows.fingerprint()
    return "\n".join(
        [
            *([candidate.card.rstrip(), ""] if candidate.card else []),
            f"# This version of {workflow.slug}",
            "",
            f"{workflow.question} Owner: {workflow.owner}. Risk class: {workflow.risk_class}.",
            f"Label: {workflow.label.question}.",
            "",
            f"Trained by {candidate.trained_by} with Headway {candidate.code_version} on "
            f"{data.rows:,} rows as they stood before {to_datetime(candidate.cut).date()}; data "
            f"SHA-256 `{data.sha256}`, records {_spans(data)}.",
            "",
            *_fitting(workflow, candidate),
            "",
            "## Gates",
            "Figures are of models walking forward over the most recent rows, each fitted on what "
            "was known before those it is judged on; the registered one was fitted on all rows.",
            "",
            *_gates(candidate.gates),
            "",
            "## Figures",
            *_figures(candidate.quality),
            "",
            *_parts(candidate.parts),
            "## Features",
            *_features(workflow),
            "",
            *(["## Fairness", candidate.fairness.words, ""] if candidate.fairness.words else []),
            "## Notice to those scored",
            workflow.worker_notice or "No person is scored.",
            "",
        ]
    )


def _spans(data: Fingerprint) -> str:
    return ", ".join(f"{first:,} to {last:,} of partition {p}" for p, first, last in data.spans)


def _fitting(workflow: Workflow, candidate: Candidate) -> list[str]:
    spec, fitted = workflow.model, candidate.fitted
    found = "found by early stopping" if spec.early_stopping else "as declared"
    shift = f"; log-odds shifted by {fitted.shift:+.3f}, so as to fit the latest rows"
    return [f"{fitted.rounds} rounds, {found}{shift if spec.calibrated else ''}."]


def _parts(parts: Mapping[str, Mapping[str, Quality]]) -> list[str]:
    """A table by kind; the constant is each part's own base rate in training."""
    if not parts:
        return []
    head = ["kind", "value", *(name.replace("_", " ") for name in SHOWN)]
    rows = [
        [kind, value.replace("|", "\\|"), *(_short(getattr(quality, name)) for name in SHOWN)]
        for kind, values in parts.items()
        for value, quality in values.items()
    ]
    lines = [head, ["---"] * len(head), *rows]
    return ["## By slice", *(f"| {' | '.join(cells)} |" for cells in lines), ""]


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _gates(gates: Sequence[GateResult]) -> list[str]:
    return [f"- {_verdict(gate)}: {gate}" for gate in gates]


def _verdict(gate: GateResult) -> str:
    if gate.skipped is not None:
        return "skipped"
    return "passed" if gate.passed else "**failed**"


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
